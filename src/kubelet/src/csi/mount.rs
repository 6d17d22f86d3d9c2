//! From a volume to a path that containers are shown: attached, staged once for the node, published to the pod.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use csi::v1;
use k8s_openapi::api::core::v1::{Pod, Secret, SecretReference, ServiceAccountTokenProjection};
use k8s_openapi::api::storage::v1::CSIDriverSpec;
use kube::Api;
use serde_json::json;

use super::driver::{Capabilities, Driver};
use super::record::{Record, block_record};
use super::volume::pod_folder;
use super::{CsiError, CsiVolume, attach, block};
use crate::context::Context;
use crate::volumes::lookup::Lookup;
use crate::volumes::{FsGroup, VolumeError, ownership};

/// Upstream's prefix of what a driver is told of a pod.
const POD_INFO: &str = "csi.storage.k8s.io/";

/// For whom volumes are mounted.
pub(crate) struct Mounting<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) lookup: &'a Lookup<'a>,
    pub(crate) fs_group: Option<FsGroup>,
}

impl Mounting<'_> {
    pub(super) fn context(&self) -> &Context {
        self.lookup.context
    }

    fn root(&self) -> &Path {
        &self.context().options.root
    }

    pub(super) fn uid(&self) -> &str {
        self.pod.metadata.uid.as_deref().unwrap_or_default()
    }

    /// Publishes the volume to the pod; published before, it is again, which drivers must allow.
    pub(crate) async fn publish(&self, volume: &CsiVolume) -> Result<PathBuf, VolumeError> {
        self.call(volume, false).await
    }

    /// Publishes anew what the pod has: nothing is staged anew for that.
    pub(crate) async fn publish_anew(&self, volume: &CsiVolume) -> Result<PathBuf, VolumeError> {
        self.call(volume, true).await
    }

    async fn call(&self, volume: &CsiVolume, staged: bool) -> Result<PathBuf, VolumeError> {
        let csi = &self.context().csi;
        let _held = csi.hold(&volume.driver, &volume.handle).await;
        let driver = csi.driver(&volume.driver)?;
        let object = csi.object(&volume.driver).await?;
        if volume.ephemeral {
            check_lifecycle(&volume.driver, object.as_ref())?;
        }
        let known = driver.capabilities().await.map_err(CsiError::from)?;
        let is_attached = !volume.ephemeral && object.as_ref().and_then(|object| object.attach_required) != Some(false);
        let attachment = if is_attached {
            attach::wait(self.context(), volume).await?
        } else {
            BTreeMap::new()
        };
        let record = Record::of(volume, &self.context().options.node_name, is_attached);
        let call = Call {
            mounting: self,
            volume,
            driver: &driver,
            known,
            attachment: attachment.into_iter().collect(),
            object: object.unwrap_or_default(),
            record,
            staged,
        };
        call.run().await
    }

    /// True if the volume's driver wants to publish it anew, for what changes while the pod runs.
    pub(crate) async fn is_republished(&self, volume: &CsiVolume) -> bool {
        let object = self.context().csi.object(&volume.driver).await;
        object
            .ok()
            .flatten()
            .and_then(|object| object.requires_republish)
            .unwrap_or_default()
    }

    pub(super) async fn secret(
        &self,
        kind: &'static str,
        reference: Option<&SecretReference>,
    ) -> Result<HashMap<String, String>, CsiError> {
        let Some(reference) = reference else {
            return Ok(HashMap::new());
        };
        let namespace = reference.namespace.clone().unwrap_or_default();
        let name = reference.name.clone().unwrap_or_default();
        let api: Api<Secret> = Api::namespaced(self.context().client.clone(), &namespace);
        let secret = api.get(&name).await.map_err(|error| CsiError::Secret {
            reference: kind,
            namespace,
            name,
            message: error.to_string(),
        })?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let data = secret.data.unwrap_or_default().into_iter();
        Ok(data.map(|(key, value)| (key, text(&value.0))).collect())
    }
}

fn check_lifecycle(driver: &str, object: Option<&CSIDriverSpec>) -> Result<(), CsiError> {
    let modes = object.map(|object| object.volume_lifecycle_modes.clone().unwrap_or_default());
    let why = match modes {
        None => "no CSIDriver object".to_owned(),
        Some(modes) if modes.iter().any(|mode| mode == "Ephemeral") => return Ok(()),
        Some(modes) if modes.is_empty() => "only supports [\"Persistent\"]".to_owned(),
        Some(modes) => format!("only supports {modes:?}"),
    };
    Err(CsiError::Lifecycle {
        driver: driver.to_owned(),
        why,
    })
}

/// One publishing with all that it needs.
struct Call<'a> {
    mounting: &'a Mounting<'a>,
    volume: &'a CsiVolume,
    driver: &'a Driver,
    known: Capabilities,
    /// What the attacher has to say to the driver.
    attachment: HashMap<String, String>,
    object: CSIDriverSpec,
    record: Record,
    /// Staged it is already, if it is to be.
    staged: bool,
}

impl Call<'_> {
    async fn run(mut self) -> Result<PathBuf, VolumeError> {
        let (root, uid) = (self.mounting.root(), self.mounting.uid());
        let target = self.volume.target(root, uid);
        let folder = pod_folder(root, uid).join(&self.volume.name);
        // before anything is done: who removes the pod must know
        if self.volume.block {
            self.record.write(&block_record(root, &self.volume.name))?;
            block::link(root, uid, &self.volume.name, &target)?;
        } else {
            self.record.asked = Record::read(&folder).is_some_and(|before| before.asked);
            self.record.write(&folder)?;
        }
        let staging = self.volume.staging(root);
        let stages = self.known.stage && !self.volume.ephemeral;
        if stages && !self.staged {
            self.stage(&staging).await?;
        }
        let request = self.request(&target, stages.then_some(&staging)).await?;
        if self.volume.block {
            fs_err::create_dir_all(target.parent().unwrap_or(root))?;
        } else {
            self.record.asked = true;
            self.record.write(&folder)?;
        }
        if let Err(error) = self.driver.publish(request).await {
            // an ephemeral volume that was never made cannot be asked away
            if self.volume.ephemeral && error.is_final() && fs_err::symlink_metadata(&target).is_err() {
                Record::remove(&folder)?;
            }
            return Err(CsiError::from(error).into());
        }
        if let Some(group) = self.own_group() {
            ownership::hand_over(&target, group, self.volume.read_only).map_err(|source| CsiError::FsGroup {
                handle: self.volume.handle.clone(),
                source,
            })?;
        }
        Ok(target)
    }

    /// The group that the driver is to hand the volume to.
    fn drivers_group(&self) -> Option<i64> {
        let group = self.mounting.fs_group.filter(|_| self.known.mount_group);
        group.map(|group| group.id)
    }

    /// The group that the kubelet is to hand the volume to.
    fn own_group(&self) -> Option<FsGroup> {
        let volume = self.volume;
        if self.known.mount_group || volume.block || volume.read_only {
            return None;
        }
        let one_node = |mode: &String| matches!(mode.as_str(), "ReadWriteOnce" | "ReadWriteOncePod");
        let wanted = match self.object.fs_group_policy.as_deref() {
            Some("None") => false,
            Some("File") => true,
            _ => !volume.fs_type.is_empty() && (volume.ephemeral || volume.access_modes.iter().any(one_node)),
        };
        self.mounting.fs_group.filter(|_| wanted)
    }

    async fn stage(&self, staging: &Path) -> Result<(), VolumeError> {
        fs_err::create_dir_all(staging)?;
        if !self.volume.block {
            self.record.write(staging.parent().unwrap_or(staging))?;
        }
        let secrets = self
            .mounting
            .secret("NodeStageSecretRef", self.volume.stage_secret.as_ref())
            .await?;
        let request = v1::NodeStageVolumeRequest {
            volume_id: self.volume.handle.clone(),
            publish_context: self.attachment.clone(),
            staging_target_path: staging.display().to_string(),
            volume_capability: Some(self.volume.capability(self.known, self.drivers_group())),
            secrets,
            volume_context: self.volume.attributes.clone(),
        };
        Ok(self.driver.stage(request).await.map_err(CsiError::from)?)
    }

    async fn request(
        &self,
        target: &Path,
        staging: Option<&PathBuf>,
    ) -> Result<v1::NodePublishVolumeRequest, VolumeError> {
        let volume = self.volume;
        let mut secrets = self
            .mounting
            .secret("NodePublishSecretRef", volume.publish_secret.as_ref())
            .await?;
        let mut attributes = volume.attributes.clone();
        if self.object.pod_info_on_mount == Some(true) {
            attributes.extend(pod_info(self.mounting.pod, volume.ephemeral));
        }
        if let Some(tokens) = self.tokens().await? {
            let told = if self.object.service_account_token_in_secrets == Some(true) {
                &mut secrets
            } else {
                &mut attributes
            };
            told.insert(format!("{POD_INFO}serviceAccount.tokens"), tokens);
        }
        Ok(v1::NodePublishVolumeRequest {
            volume_id: volume.handle.clone(),
            publish_context: self.attachment.clone(),
            staging_target_path: staging.map(|path| path.display().to_string()).unwrap_or_default(),
            target_path: target.display().to_string(),
            volume_capability: Some(volume.capability(self.known, self.drivers_group())),
            readonly: volume.read_only,
            secrets,
            volume_context: attributes,
        })
    }

    /// The tokens of the pod's account that the driver asks for, by audience, as JSON.
    async fn tokens(&self) -> Result<Option<String>, VolumeError> {
        let mut tokens = serde_json::Map::new();
        for wanted in self.object.token_requests.iter().flatten() {
            let projection = ServiceAccountTokenProjection {
                audience: Some(wanted.audience.clone()),
                expiration_seconds: wanted.expiration_seconds,
                path: String::new(),
            };
            let token = self.mounting.lookup.token(self.mounting.pod, &projection).await?;
            tokens.insert(
                wanted.audience.clone(),
                json!({"token": token.text, "expirationTimestamp": token.expires.to_string()}),
            );
        }
        Ok((!tokens.is_empty()).then(|| serde_json::Value::from(tokens).to_string()))
    }
}

fn pod_info(pod: &Pod, ephemeral: bool) -> [(String, String); 5] {
    let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone());
    let meta = &pod.metadata;
    [
        ("pod.name", meta.name.clone().unwrap_or_default()),
        ("pod.namespace", meta.namespace.clone().unwrap_or_default()),
        ("pod.uid", meta.uid.clone().unwrap_or_default()),
        ("serviceAccount.name", account.unwrap_or_default()),
        ("ephemeral", ephemeral.to_string()),
    ]
    .map(|(key, value)| (format!("{POD_INFO}{key}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_volumes_need_a_driver_that_says_so() {
        let object = |modes: &[&str]| CSIDriverSpec {
            volume_lifecycle_modes: Some(modes.iter().map(|&mode| mode.to_owned()).collect()),
            ..CSIDriverSpec::default()
        };
        assert!(check_lifecycle("d", Some(&object(&["Persistent", "Ephemeral"]))).is_ok());
        for (object, why) in [
            (None, "no CSIDriver object"),
            (Some(object(&["Persistent"])), "only supports [\"Persistent\"]"),
            (Some(object(&[])), "only supports [\"Persistent\"]"),
        ] {
            let error = check_lifecycle("d", object.as_ref()).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}

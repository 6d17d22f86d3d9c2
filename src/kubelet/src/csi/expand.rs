//! Volumes that have grown: the node's part of it, and the end of a claim's resizing.
//!
//! Semantics: `k8s.io/kubernetes/pkg/volume/util/operationexecutor/node_expander.go`.

use csi::v1;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::{CsiError, CsiVolume, Mounting};
use crate::events::Kind;

const INFEASIBLE: &str = "NodeResizeInfeasible";
/// The conditions that end with the resizing.
const CONDITIONS: [&str; 4] = [
    "Resizing",
    "FileSystemResizePending",
    "ControllerResizeError",
    "NodeResizeError",
];

/// True if the claim waits for the node to grow its volume.
pub(crate) fn is_pending(claim: &PersistentVolumeClaim) -> bool {
    let status = claim.status.as_ref();
    let mut conditions = status
        .and_then(|status| status.conditions.as_ref())
        .into_iter()
        .flatten();
    let stage = stage(claim);
    conditions.any(|one| one.type_ == "FileSystemResizePending" && one.status == "True")
        || stage.is_some_and(|stage| stage.starts_with("NodeResize") && stage != INFEASIBLE)
}

fn stage(claim: &PersistentVolumeClaim) -> Option<&str> {
    let stages = claim.status.as_ref()?.allocated_resource_statuses.as_ref()?;
    stages.get("storage").map(String::as_str)
}

impl Mounting<'_> {
    /// Has the driver grow the published volume to what the cluster says it is, and the claim say so. A failure shows as an
    /// event of the pod and does not concern its containers.
    pub(crate) async fn grow(
        &self,
        object: &PersistentVolume,
        claim: &PersistentVolumeClaim,
        volume: &CsiVolume,
    ) -> bool {
        let size = claims::capacity(object);
        let shown = claims::shown_capacity(claim);
        if shown.is_none_or(|shown| shown >= size) || stage(claim) == Some(INFEASIBLE) {
            return true;
        }
        let recorder = &self.context().recorder;
        let name = &volume.name;
        match self.expand(volume, size).await {
            Ok(()) => {
                let done = self.finish(object, claim).await;
                if let Err(error) = &done {
                    tracing::debug!(claim = claim.name_any(), %error, "size of the claim not written; trying again");
                    return false;
                }
                let message = format!("MountVolume.NodeExpandVolume succeeded for volume \"{name}\"");
                recorder.pod(self.pod, None, Kind::Normal, "FileSystemResizeSuccessful", message);
                true
            }
            Err(error) => {
                let message = format!("NodeExpand failed for volume \"{name}\" : {error}");
                recorder.pod(self.pod, None, Kind::Warning, "VolumeResizeFailed", message);
                if matches!(&error, CsiError::Call(error) if error.is_infeasible()) {
                    let status = json!({"allocatedResourceStatuses": {"storage": INFEASIBLE}});
                    return self.status(claim, status).await.is_ok();
                }
                false
            }
        }
    }

    async fn expand(&self, volume: &CsiVolume, size: i64) -> Result<(), CsiError> {
        let csi = &self.context().csi;
        let _held = csi.hold(&volume.driver, &volume.handle).await;
        let driver = csi.driver(&volume.driver)?;
        let known = driver.capabilities().await?;
        if !known.expand {
            return Ok(());
        }
        let root = &self.context().options.root;
        let staging = volume.staging(root).display().to_string();
        let request = v1::NodeExpandVolumeRequest {
            volume_id: volume.handle.clone(),
            volume_path: volume.target(root, self.uid()).display().to_string(),
            capacity_range: Some(v1::CapacityRange {
                required_bytes: size,
                limit_bytes: 0,
            }),
            staging_target_path: if known.stage { staging } else { String::new() },
            volume_capability: Some(volume.capability(known, None)),
            secrets: self
                .secret("NodeExpandSecretRef", volume.expand_secret.as_ref())
                .await?,
        };
        Ok(driver.expand(request).await?)
    }

    async fn finish(&self, object: &PersistentVolume, claim: &PersistentVolumeClaim) -> kube::Result<()> {
        let capacity = object.spec.as_ref().and_then(|spec| spec.capacity.as_ref());
        let conditions = claim.status.as_ref().and_then(|status| status.conditions.clone());
        let left = conditions.into_iter().flatten();
        let left: Vec<_> = left.filter(|one| !CONDITIONS.contains(&one.type_.as_str())).collect();
        let status = json!({
            "capacity": {"storage": capacity.and_then(|capacity| capacity.get("storage"))},
            "conditions": if left.is_empty() { Value::Null } else { json!(left) },
            "allocatedResourceStatuses": {"storage": null},
        });
        self.status(claim, status).await
    }

    /// Changes the claim's status, if nobody else has meanwhile.
    async fn status(&self, claim: &PersistentVolumeClaim, status: Value) -> kube::Result<()> {
        let namespace = claim.namespace().unwrap_or_default();
        let api: Api<PersistentVolumeClaim> = Api::namespaced(self.context().client.clone(), &namespace);
        let patch = json!({"metadata": {"resourceVersion": claim.resource_version()}, "status": status});
        api.patch_status(&claim.name_any(), &PatchParams::default(), &Patch::Merge(patch))
            .await
            .map(drop)
    }
}

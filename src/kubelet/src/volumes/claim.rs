//! Volumes by claim: the claim's volume, if it is one that a node can mount by itself.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec};
use kube::{Api, Client, ResourceExt as _};

use super::{VolumeError, host_path, ownership};
use crate::context::Context;
use crate::options::OwnVolumes;

const DEADLINE: Duration = Duration::from_secs(10);
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

/// Where a pod's claims were found, kept for as long as its actor lives: a binding is for ever.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashMap<String, PathBuf>>);

impl Claims {
    /// The path of the volume that `claim` is bound to.
    pub(super) async fn path(
        &self,
        context: &Context,
        namespace: &str,
        claim: &str,
        fs_group: Option<i64>,
    ) -> Result<PathBuf, VolumeError> {
        let known = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(claim)
            .cloned();
        if let Some(path) = known {
            return Ok(path);
        }
        let looking = look_up(&context.client, namespace, claim);
        let volume = tokio::time::timeout(DEADLINE, looking).await.map_err(|_| {
            VolumeError::Claim(format!(
                "the API did not say in time what claim \"{claim}\" is bound to"
            ))
        })??;
        let path = prepare(&volume, &context.options.own_volumes, fs_group)?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(claim.to_owned(), path.clone());
        Ok(path)
    }
}

async fn look_up(client: &Client, namespace: &str, name: &str) -> Result<PersistentVolume, VolumeError> {
    let wrong = |what: String| VolumeError::Claim(what);
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    let claim = claims.get(name).await.map_err(|error| wrong(error.to_string()))?;
    let bound = claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound");
    let volume = claim.spec.as_ref().and_then(|spec| spec.volume_name.clone());
    let Some(volume) = volume.filter(|_| bound) else {
        return Err(wrong(format!("PVC {namespace}/{name} is not bound")));
    };
    let volumes: Api<PersistentVolume> = Api::all(client.clone());
    let object = volumes.get(&volume).await.map_err(|error| wrong(error.to_string()))?;
    let reference = object.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref());
    if reference.is_none_or(|reference| reference.uid != claim.metadata.uid) {
        return Err(wrong(format!("PV {volume} is not bound to PVC {namespace}/{name}")));
    }
    Ok(object)
}

fn prepare(volume: &PersistentVolume, own: &OwnVolumes, fs_group: Option<i64>) -> Result<PathBuf, VolumeError> {
    let empty = PersistentVolumeSpec::default();
    let spec = volume.spec.as_ref().unwrap_or(&empty);
    if spec.volume_mode.as_deref() == Some("Block") {
        return Err(VolumeError::Unsupported("block"));
    }
    if let Some(source) = &spec.host_path {
        host_path::prepare(&source.path, source.type_.as_deref().unwrap_or_default())?;
        return Ok(PathBuf::from(&source.path));
    }
    let Some(source) = &spec.local else {
        return Err(VolumeError::Unsupported(
            "persistentVolumeClaim (other than local and hostPath)",
        ));
    };
    let path = Path::new(&source.path);
    let provisioner = volume.annotations().get(PROVISIONED_BY);
    if provisioner == Some(&own.provisioner) && path.parent() == Some(&own.root) && !path.exists() {
        // anybody's containers may write there
        crate::files::create_dir_with_mode(path, 0o777)?;
    }
    if !path.is_dir() {
        return Err(VolumeError::HostPath(format!("{} is not a directory", path.display())));
    }
    if let Some(group) = fs_group {
        ownership::apply(path, group, false)?;
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn volume(source: serde_json::Value) -> PersistentVolume {
        let mut object = json!({"metadata": {"name": "v"}, "spec": source});
        object["spec"]["capacity"] = json!({"storage": "1Gi"});
        serde_json::from_value(object).unwrap()
    }

    fn own(root: &Path) -> OwnVolumes {
        OwnVolumes {
            provisioner: "own".to_owned(),
            root: root.to_owned(),
        }
    }

    #[test]
    fn a_local_folder_must_exist_unless_it_is_our_own() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().display().to_string();
        let own = own(folder.path());
        assert_eq!(
            prepare(&volume(json!({"local": {"path": here}})), &own, None).unwrap(),
            folder.path()
        );
        let mut absent = volume(json!({"local": {"path": format!("{here}/new")}}));
        let error = prepare(&absent, &own, None).unwrap_err();
        assert!(error.to_string().contains("is not a directory"), "{error}");
        absent
            .annotations_mut()
            .insert(PROVISIONED_BY.to_owned(), "own".to_owned());
        assert!(prepare(&absent, &own, None).unwrap().is_dir());
        let error = prepare(&volume(json!({"nfs": {"server": "a", "path": "/"}})), &own, None).unwrap_err();
        assert!(error.to_string().contains("not supported"), "{error}");
    }
}

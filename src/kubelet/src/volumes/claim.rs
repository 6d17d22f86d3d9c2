//! Volumes by claim: which volume it is, and those that the node has by itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use claims::PROVISIONED_BY;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec};
use kube::{Api, Client, ResourceExt as _};

use super::{FsGroup, Place, VolumeError, host_path, ownership};
use crate::options::OwnVolumes;

const DEADLINE: Duration = Duration::from_secs(10);

/// The volume that the claim is bound to.
pub(super) async fn volume_of(client: &Client, claim: &PersistentVolumeClaim) -> Result<PersistentVolume, VolumeError> {
    let wrong = |what: String| VolumeError::Claim(what);
    let own = format!("{}/{}", claim.namespace().unwrap_or_default(), claim.name_any());
    let bound = claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound");
    let volume = claim.spec.as_ref().and_then(|spec| spec.volume_name.clone());
    let Some(volume) = volume.filter(|_| bound) else {
        return Err(wrong(format!("PVC {own} is not bound")));
    };
    let volumes: Api<PersistentVolume> = Api::all(client.clone());
    let found = tokio::time::timeout(DEADLINE, volumes.get(&volume)).await;
    let object = found
        .map_err(|_| wrong(format!("the API did not say in time what volume \"{volume}\" is")))?
        .map_err(|error| wrong(error.to_string()))?;
    let reference = claims::claim_ref(&object);
    if reference.is_none_or(|reference| reference.uid != claim.metadata.uid) {
        return Err(wrong(format!("PV {volume} is not bound to PVC {own}")));
    }
    Ok(object)
}

/// Makes a volume ready that the node has by itself.
pub(super) fn prepare(
    volume: &PersistentVolume,
    own: &OwnVolumes,
    fs_group: Option<FsGroup>,
    read_only: bool,
) -> Result<Place, VolumeError> {
    let empty = PersistentVolumeSpec::default();
    let spec = volume.spec.as_ref().unwrap_or(&empty);
    let block = spec.volume_mode.as_deref() == Some("Block");
    let place = |path: &str| Place {
        path: PathBuf::from(path),
        block,
        read_only,
    };
    if let Some(source) = spec.host_path.as_ref().filter(|_| !block) {
        host_path::prepare(&source.path, source.type_.as_deref().unwrap_or_default())?;
        return Ok(place(&source.path));
    }
    let Some(source) = &spec.local else {
        return Err(VolumeError::Unsupported(if block {
            "persistentVolumeClaim with volumeMode Block (other than csi and local)"
        } else {
            "persistentVolumeClaim (other than csi, local and hostPath)"
        }));
    };
    if block {
        host_path::prepare(&source.path, "BlockDevice")?;
        return Ok(place(&source.path));
    }
    let path = Path::new(&source.path);
    let provisioner = volume.annotations().get(PROVISIONED_BY);
    if provisioner == Some(&own.provisioner) && path.parent() == Some(&own.root) && !path.exists() {
        // anybody's containers may write there
        crate::files::create_dir_with_mode(path, 0o777)?;
    }
    if !path.is_dir() {
        return Err(VolumeError::HostPath(format!("{} is not a directory", path.display())));
    }
    if let Some(group) = fs_group.filter(|_| !read_only) {
        ownership::hand_over(path, group, false)?;
    }
    Ok(place(&source.path))
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
            prepare(&volume(json!({"local": {"path": here}})), &own, None, false)
                .unwrap()
                .path,
            folder.path()
        );
        let mut absent = volume(json!({"local": {"path": format!("{here}/new")}}));
        let error = prepare(&absent, &own, None, false).unwrap_err();
        assert!(error.to_string().contains("is not a directory"), "{error}");
        absent
            .annotations_mut()
            .insert(PROVISIONED_BY.to_owned(), "own".to_owned());
        assert!(prepare(&absent, &own, None, false).unwrap().path.is_dir());
        let error = prepare(&volume(json!({"nfs": {"server": "a", "path": "/"}})), &own, None, false).unwrap_err();
        assert!(error.to_string().contains("not supported"), "{error}");
    }

    #[test]
    fn a_block_volume_must_be_a_block_device() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().display().to_string();
        let object = volume(json!({"volumeMode": "Block", "local": {"path": here}}));
        let error = prepare(&object, &own(folder.path()), None, false).unwrap_err();
        assert!(error.to_string().contains("is not a block device"), "{error}");
        let object = volume(json!({"volumeMode": "Block", "hostPath": {"path": here}}));
        let error = prepare(&object, &own(folder.path()), None, false).unwrap_err();
        assert!(error.to_string().contains("not supported"), "{error}");
    }
}

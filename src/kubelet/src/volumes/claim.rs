//! Volumes by claim: which volume it is, and those that the node has by itself.

use std::os::unix::fs::FileTypeExt as _;
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
    if spec.volume_mode.as_deref() == Some("Block") {
        return device(spec, read_only);
    }
    let place = |path: &str| Place {
        path: PathBuf::from(path),
        block: false,
        read_only,
    };
    if let Some(source) = &spec.host_path {
        host_path::prepare(&source.path, source.type_.as_deref().unwrap_or_default())?;
        return Ok(place(&source.path));
    }
    let Some(source) = &spec.local else {
        return Err(VolumeError::Unsupported(
            "persistentVolumeClaim (other than csi, local and hostPath)",
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
    if let Some(group) = fs_group.filter(|_| !read_only) {
        ownership::hand_over(path, group, false)?;
    }
    Ok(place(&source.path))
}

/// A block volume that the node has by itself: of a `local` volume the device at its path.
///
/// Upstream has no mapper for the other kinds, `hostPath` among them. It also keeps the device open by way of a loop device,
/// so that none comes in its place under the same number; engines deny their containers loop devices, so this is left out.
fn device(spec: &PersistentVolumeSpec, read_only: bool) -> Result<Place, VolumeError> {
    if spec.iscsi.is_some() || spec.fc.is_some() {
        return Err(VolumeError::Unsupported(
            "persistentVolumeClaim with volumeMode Block (other than csi and local)",
        ));
    }
    let source = spec.local.as_ref().ok_or(VolumeError::NoMapper)?;
    let failed = |step, why| VolumeError::Map { step, why };
    let path = fs_err::canonicalize(&source.path)
        .map_err(|error| failed("MapVolume.EvalHostSymlinks failed", error.to_string()))?;
    let kind = fs_err::metadata(&path)?.file_type();
    if !kind.is_block_device() && !kind.is_char_device() {
        let why = format!("{} is not a device", source.path);
        return Err(failed("MapVolume.MapBlockVolume failed", why));
    }
    Ok(Place {
        path,
        block: true,
        read_only,
    })
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
    fn a_block_volume_is_the_device_at_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("disk");
        fs_err::os::unix::fs::symlink("/dev/null", &link).unwrap();
        let prepared = |source: serde_json::Value| prepare(&volume(source), &own(folder.path()), None, true);
        let found = prepared(json!({"volumeMode": "Block", "local": {"path": link}})).unwrap();
        assert_eq!(
            (found.path.as_path(), found.block, found.read_only),
            (Path::new("/dev/null"), true, true)
        );
        let refused = |source: serde_json::Value| prepared(source).unwrap_err().event("data");
        let here = folder.path().display().to_string();
        let (reason, message) = refused(json!({"volumeMode": "Block", "local": {"path": here}}));
        assert_eq!(reason, "FailedMapVolume");
        assert_eq!(
            message,
            format!("MapVolume.MapBlockVolume failed for volume \"data\" : {here} is not a device")
        );
        let (_, message) = refused(json!({"volumeMode": "Block", "local": {"path": format!("{here}/absent")}}));
        assert!(
            message.starts_with("MapVolume.EvalHostSymlinks failed for volume \"data\" : "),
            "{message}"
        );
    }

    #[test]
    fn there_are_no_block_volumes_of_the_hosts_paths() {
        let object = volume(json!({"volumeMode": "Block", "hostPath": {"path": "/dev/null"}}));
        let error = prepare(&object, &own(Path::new("/")), None, false).unwrap_err();
        let (reason, message) = error.event("data");
        assert_eq!(reason, "FailedMapVolume");
        assert!(message.contains("failed to find BlockVolumeMapper plugin"), "{message}");
    }
}

//! A container's mounts from its pod's prepared volumes.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cri::v1;
use k8s_openapi::api::core::v1::{Container, Pod};

use super::{Places, pod_folder, subpath};
use crate::pod::env::expand;

/// Why a container's mounts cannot be made; becomes `CreateContainerConfigError`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MountError {
    #[error("volume {0} is not part of the pod")]
    NoVolume(String),
    #[error("volume {0} has volumeMode Block, but is specified in volumeMounts")]
    Block(String),
    #[error("volume {0} has volumeMode Filesystem, but is specified in volumeDevices")]
    NoBlock(String),
    #[error("missing value for {0}")]
    Unset(String),
    #[error("failed to prepare subPath for volumeMount \"{mount}\" of container \"{container}\": {source}")]
    SubPath {
        mount: String,
        container: String,
        source: std::io::Error,
    },
}

/// The mounts in the order of the spec, and the shared `/etc/hosts` unless a volume is mounted there.
pub(crate) fn of_container(
    pod: &Pod,
    container: &Container,
    places: &Places,
    env: &[(String, String)],
    hosts: Option<&Path>,
    root: &Path,
) -> Result<Vec<v1::Mount>, MountError> {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let mut mounts = Vec::new();
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let place = places
            .get(&mount.name)
            .ok_or_else(|| MountError::NoVolume(mount.name.clone()))?;
        if place.block {
            return Err(MountError::Block(mount.name.clone()));
        }
        let volume = &place.path;
        let sub_path = match (&mount.sub_path, &mount.sub_path_expr) {
            (_, Some(expression)) if !expression.is_empty() => expand_sub_path(expression, env)?,
            (Some(path), _) => path.clone(),
            _ => String::new(),
        };
        let host_path = if sub_path.is_empty() {
            volume.clone()
        } else {
            let target = subpath_target(root, uid, &mount.name, &container.name, index);
            subpath::pin(volume, &sub_path, &target).map_err(|source| MountError::SubPath {
                mount: mount.name.clone(),
                container: container.name.clone(),
                source,
            })?
        };
        mounts.push(v1::Mount {
            container_path: mount.mount_path.clone(),
            host_path: host_path.display().to_string(),
            readonly: mount.read_only.unwrap_or_default() || place.read_only || is_read_only(pod, &mount.name),
            propagation: propagation(mount.mount_propagation.as_deref()).into(),
            recursive_read_only: mount.recursive_read_only.as_deref() == Some("Enabled"),
            ..Default::default()
        });
    }
    let taken = mounts.iter().any(|mount| mount.container_path == "/etc/hosts");
    if let Some(hosts) = hosts.filter(|_| !taken) {
        mounts.push(v1::Mount {
            container_path: "/etc/hosts".to_owned(),
            host_path: hosts.display().to_string(),
            ..Default::default()
        });
    }
    Ok(mounts)
}

/// Every variable that it names must have a value: without one, pods would share a folder.
fn expand_sub_path(expression: &str, env: &[(String, String)]) -> Result<String, MountError> {
    let unset = RefCell::new(BTreeSet::new());
    let expanded = expand(expression, |name| {
        let set = env.iter().find(|(key, value)| key == name && !value.is_empty());
        if set.is_none() {
            unset.borrow_mut().insert(name.to_owned());
        }
        set.map(|(_, value)| value.clone())
    });
    let unset: Vec<String> = unset.into_inner().into_iter().collect();
    if unset.is_empty() {
        return Ok(expanded);
    }
    Err(MountError::Unset(unset.join(", ")))
}

/// The container's block volumes.
pub(crate) fn devices_of(container: &Container, places: &Places) -> Result<Vec<v1::Device>, MountError> {
    let devices = container.volume_devices.iter().flatten().map(|device| {
        let place = places
            .get(&device.name)
            .ok_or_else(|| MountError::NoVolume(device.name.clone()))?;
        if !place.block {
            return Err(MountError::NoBlock(device.name.clone()));
        }
        Ok(v1::Device {
            container_path: device.device_path.clone(),
            host_path: place.path.display().to_string(),
            permissions: if place.read_only { "r" } else { "mrw" }.to_owned(),
        })
    });
    devices.collect()
}

fn subpath_target(root: &Path, uid: &str, volume: &str, container: &str, index: usize) -> PathBuf {
    pod_folder(root, uid)
        .join("volume-subpaths")
        .join(volume)
        .join(container)
        .join(index.to_string())
}

/// Volumes that show objects cannot be written to.
fn is_read_only(pod: &Pod, name: &str) -> bool {
    let volumes = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.volumes.as_ref())
        .into_iter()
        .flatten();
    volumes.into_iter().any(|volume| {
        volume.name == name
            && (volume.config_map.is_some()
                || volume.secret.is_some()
                || volume.projected.is_some()
                || volume.downward_api.is_some())
    })
}

fn propagation(mode: Option<&str>) -> v1::MountPropagation {
    match mode {
        Some("HostToContainer") => v1::MountPropagation::PropagationHostToContainer,
        Some("Bidirectional") => v1::MountPropagation::PropagationBidirectional,
        _ => v1::MountPropagation::PropagationPrivate,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::volumes::Place;

    #[test]
    fn block_volumes_are_devices_and_no_mounts() {
        let place = |block: bool| Place {
            path: PathBuf::from("/dev/loop0"),
            block,
            read_only: true,
        };
        let places = Places::from([("disk".to_owned(), place(true)), ("files".to_owned(), place(false))]);
        let container = |device: &str, mount: &str| -> Container {
            serde_json::from_value(
                json!({"name": "c", "volumeDevices": [{"name": device, "devicePath": "/dev/xvda"}],
                "volumeMounts": [{"name": mount, "mountPath": "/data"}]}),
            )
            .unwrap()
        };
        let right = devices_of(&container("disk", "files"), &places).unwrap();
        assert_eq!(
            (right[0].container_path.as_str(), right[0].permissions.as_str()),
            ("/dev/xvda", "r")
        );
        let wrong = devices_of(&container("files", "files"), &places).unwrap_err();
        assert!(wrong.to_string().contains("specified in volumeDevices"), "{wrong}");
        let wrong = of_container(
            &Pod::default(),
            &container("disk", "disk"),
            &places,
            &[],
            None,
            Path::new("/"),
        );
        assert!(wrong.unwrap_err().to_string().contains("specified in volumeMounts"));
    }

    #[test]
    fn a_folder_named_by_variables_needs_all_of_them() {
        let env = [
            ("POD".to_owned(), "web-0".to_owned()),
            ("EMPTY".to_owned(), String::new()),
        ];
        let expand = |expression| expand_sub_path(expression, &env).map_err(|error| error.to_string());
        assert_eq!(expand("logs/$(POD)/$$(X)").as_deref(), Ok("logs/web-0/$(X)"));
        assert_eq!(
            expand("$(ZONE)/$(POD)/$(EMPTY)").unwrap_err(),
            "missing value for EMPTY, ZONE"
        );
    }
}

//! A container's mounts from its pod's prepared volumes.

use std::path::{Path, PathBuf};

use cri::v1;
use k8s_openapi::api::core::v1::{Container, Pod};

use super::{Paths, pod_folder, subpath};
use crate::pod::env::expand;

/// Why a container's mounts cannot be made; becomes `CreateContainerConfigError`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MountError {
    #[error("volume {0} is not part of the pod")]
    NoVolume(String),
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
    paths: &Paths,
    env: &[(String, String)],
    hosts: Option<&Path>,
    root: &Path,
) -> Result<Vec<v1::Mount>, MountError> {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let mut mounts = Vec::new();
    for (index, mount) in container.volume_mounts.iter().flatten().enumerate() {
        let volume = paths
            .get(&mount.name)
            .ok_or_else(|| MountError::NoVolume(mount.name.clone()))?;
        let lookup = |name: &str| env.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let sub_path = match (&mount.sub_path, &mount.sub_path_expr) {
            (_, Some(expression)) if !expression.is_empty() => expand(expression, lookup),
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
            readonly: mount.read_only.unwrap_or_default() || is_read_only(pod, &mount.name),
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

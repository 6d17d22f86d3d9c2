//! A driver's volume as a pod asks for it: by a claim, or inline in its spec.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use csi::v1;
use csi::v1::volume_capability::access_mode::Mode;
use csi::v1::volume_capability::{AccessMode, AccessType, BlockVolume, MountVolume};
use k8s_openapi::api::core::v1::{CSIVolumeSource, PersistentVolume, PersistentVolumeSpec, SecretReference};
use sha2::{Digest as _, Sha256};

use super::PLUGIN;
use super::driver::Capabilities;

/// The volume.
#[derive(Debug, Clone, Default)]
pub(crate) struct CsiVolume {
    /// Of the persistent volume, or in the pod.
    pub(super) name: String,
    /// Its name in the pod.
    pub(super) pod_volume: String,
    pub(super) driver: String,
    pub(super) handle: String,
    /// Comes and goes with its pod.
    pub(super) ephemeral: bool,
    pub(super) block: bool,
    pub(super) read_only: bool,
    pub(super) fs_type: String,
    pub(super) attributes: HashMap<String, String>,
    pub(super) access_modes: Vec<String>,
    pub(super) mount_options: Vec<String>,
    pub(super) stage_secret: Option<SecretReference>,
    pub(super) publish_secret: Option<SecretReference>,
    pub(super) expand_secret: Option<SecretReference>,
}

impl CsiVolume {
    /// The one behind a persistent volume, if a driver gives it.
    pub(crate) fn persistent(volume: &PersistentVolume, pod_volume: &str, read_only: bool) -> Option<Self> {
        let PersistentVolumeSpec {
            csi,
            access_modes,
            mount_options,
            volume_mode,
            ..
        } = volume.spec.clone()?;
        let source = csi?;
        Some(Self {
            name: volume.metadata.name.clone().unwrap_or_default(),
            pod_volume: pod_volume.to_owned(),
            driver: source.driver,
            handle: source.volume_handle,
            ephemeral: false,
            block: volume_mode.as_deref() == Some("Block"),
            read_only,
            fs_type: source.fs_type.unwrap_or_default(),
            attributes: source.volume_attributes.unwrap_or_default().into_iter().collect(),
            access_modes: access_modes.unwrap_or_default(),
            mount_options: mount_options.unwrap_or_default(),
            stage_secret: source.node_stage_secret_ref,
            publish_secret: source.node_publish_secret_ref,
            expand_secret: source.node_expand_secret_ref,
        })
    }

    /// The one that a pod describes itself.
    pub(crate) fn inline(source: &CSIVolumeSource, name: &str, uid: &str, namespace: &str) -> Self {
        let secret = source
            .node_publish_secret_ref
            .as_ref()
            .map(|reference| SecretReference {
                name: Some(reference.name.clone()),
                namespace: Some(namespace.to_owned()),
            });
        Self {
            name: name.to_owned(),
            pod_volume: name.to_owned(),
            driver: source.driver.clone(),
            handle: format!("csi-{}", hex::encode(Sha256::digest(format!("{uid}{name}")))),
            ephemeral: true,
            read_only: source.read_only.unwrap_or_default(),
            fs_type: source.fs_type.clone().unwrap_or_default(),
            attributes: source
                .volume_attributes
                .clone()
                .unwrap_or_default()
                .into_iter()
                .collect(),
            publish_secret: secret,
            ..Self::default()
        }
    }

    /// True if containers get a device.
    pub(crate) fn is_block(&self) -> bool {
        self.block
    }

    /// True if containers may not write.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// What the driver is told of the use. `group`: files are to belong to it.
    pub(super) fn capability(&self, known: Capabilities, group: Option<i64>) -> v1::VolumeCapability {
        let access_type = if self.block {
            AccessType::Block(BlockVolume {})
        } else {
            AccessType::Mount(MountVolume {
                fs_type: self.fs_type.clone(),
                mount_flags: self.mount_options.clone(),
                volume_mount_group: group.map(|group| group.to_string()).unwrap_or_default(),
            })
        };
        let asked = self.access_modes.first().map_or("ReadWriteOnce", String::as_str);
        let mode = match (asked, known.single_node_multi_writer) {
            ("ReadWriteOnce", true) => Mode::SingleNodeMultiWriter,
            ("ReadWriteOncePod", true) => Mode::SingleNodeSingleWriter,
            ("ReadWriteOnce" | "ReadWriteOncePod", false) => Mode::SingleNodeWriter,
            ("ReadOnlyMany", _) => Mode::MultiNodeReaderOnly,
            ("ReadWriteMany", _) => Mode::MultiNodeMultiWriter,
            _ => Mode::Unknown,
        };
        v1::VolumeCapability {
            access_mode: Some(AccessMode { mode: mode.into() }),
            access_type: Some(access_type),
        }
    }

    /// Where the driver readies the volume for all pods of the node.
    pub(super) fn staging(&self, root: &Path) -> PathBuf {
        if self.block {
            block_folder(root).join("staging").join(&self.name)
        } else {
            stage_folder(root, &self.driver, &self.handle).join("globalmount")
        }
    }

    /// Where the driver shows the volume to the pod.
    pub(super) fn target(&self, root: &Path, uid: &str) -> PathBuf {
        if self.block {
            block_folder(root).join("publish").join(&self.name).join(uid)
        } else {
            pod_folder(root, uid).join(&self.name).join("mount")
        }
    }
}

/// The folder of what is staged of a volume.
pub(super) fn stage_folder(root: &Path, driver: &str, handle: &str) -> PathBuf {
    let folder = root.join("plugins/kubernetes.io/csi").join(driver);
    folder.join(hex::encode(Sha256::digest(handle)))
}

/// The folder of block volumes.
pub(super) fn block_folder(root: &Path) -> PathBuf {
    root.join("plugins/kubernetes.io/csi/volumeDevices")
}

/// The folder of a pod's mounted volumes.
pub(super) fn pod_folder(root: &Path, uid: &str) -> PathBuf {
    root.join("pods").join(uid).join("volumes").join(PLUGIN)
}

/// The folder of links to a pod's block volumes.
pub(super) fn pod_devices(root: &Path, uid: &str) -> PathBuf {
    root.join("pods").join(uid).join("volumeDevices").join(PLUGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_that_drivers_expect() {
        let root = Path::new("/var/lib/kubelet");
        let mut volume = CsiVolume {
            name: "pv".to_owned(),
            driver: "d.example".to_owned(),
            handle: "vol-1".to_owned(),
            ..CsiVolume::default()
        };
        let hash = hex::encode(Sha256::digest("vol-1"));
        let staging = format!("/var/lib/kubelet/plugins/kubernetes.io/csi/d.example/{hash}/globalmount");
        assert_eq!(volume.staging(root).display().to_string(), staging);
        assert_eq!(
            volume.target(root, "u").display().to_string(),
            "/var/lib/kubelet/pods/u/volumes/kubernetes.io~csi/pv/mount"
        );
        volume.block = true;
        assert_eq!(
            volume.staging(root).display().to_string(),
            "/var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices/staging/pv"
        );
        assert_eq!(
            volume.target(root, "u").display().to_string(),
            "/var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices/publish/pv/u"
        );
    }

    #[test]
    fn access_modes_depend_on_what_the_driver_can_tell_apart() {
        let mode = |asked: &str, single_node_multi_writer: bool| {
            let volume = CsiVolume {
                access_modes: vec![asked.to_owned()],
                ..CsiVolume::default()
            };
            let known = Capabilities {
                single_node_multi_writer,
                ..Capabilities::default()
            };
            volume.capability(known, None).access_mode.unwrap().mode()
        };
        assert_eq!(mode("ReadWriteOnce", false), Mode::SingleNodeWriter);
        assert_eq!(mode("ReadWriteOnce", true), Mode::SingleNodeMultiWriter);
        assert_eq!(mode("ReadWriteOncePod", false), Mode::SingleNodeWriter);
        assert_eq!(mode("ReadWriteOncePod", true), Mode::SingleNodeSingleWriter);
        assert_eq!(mode("ReadOnlyMany", true), Mode::MultiNodeReaderOnly);
    }
}

//! Makes a pod's volumes, and makes them again when what they show has changed.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, Pod, Volume};

use super::atomic::{self, Payload};
use super::lookup::Lookup;
use super::payload::{DEFAULT_MODE, Maker};
use super::{FsGroup, VolumeError, host_path, memory_folder, mount_tmpfs, ownership, pod_folder};
use crate::csi::Mounting;
use crate::pod::fields;
use crate::quantity::units;

/// Where a volume is on the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    /// A device, not a folder.
    pub(crate) block: bool,
    pub(crate) read_only: bool,
}

impl From<PathBuf> for Place {
    fn from(path: PathBuf) -> Self {
        Self {
            path,
            block: false,
            read_only: false,
        }
    }
}

/// Where each volume of a pod is.
pub(crate) type Places = BTreeMap<String, Place>;

/// What preparing needs.
pub(crate) struct Preparation<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) root: &'a Path,
    pub(crate) facts: &'a fields::Facts,
    pub(crate) lookup: Lookup<'a>,
}

impl Preparation<'_> {
    /// Prepares every volume; the first that fails is named in the error.
    pub(crate) async fn run(&self) -> Result<Places, (String, VolumeError)> {
        let mut places = Places::new();
        let volumes = self.pod.spec.as_ref().and_then(|spec| spec.volumes.as_ref());
        for volume in volumes.into_iter().flatten() {
            let place = self
                .volume(volume)
                .await
                .map_err(|error| (volume.name.clone(), error))?;
            places.insert(volume.name.clone(), place);
        }
        Ok(places)
    }

    async fn volume(&self, volume: &Volume) -> Result<Place, VolumeError> {
        let maker = Maker {
            pod: self.pod,
            facts: self.facts,
            lookup: &self.lookup,
        };
        let mode = |mode: Option<i32>| mode.map_or(DEFAULT_MODE, |mode| mode as u32);
        if let Some(source) = &volume.host_path {
            host_path::prepare(&source.path, source.type_.as_deref().unwrap_or_default())?;
            return Ok(PathBuf::from(&source.path).into());
        }
        if let Some(source) = &volume.empty_dir {
            return self.empty_dir(&volume.name, source).map(Place::from);
        }
        if let Some(source) = &volume.config_map {
            let optional = source.optional == Some(true);
            let payload = maker
                .config_map(
                    &source.name,
                    source.items.as_deref(),
                    mode(source.default_mode),
                    optional,
                )
                .await?;
            return self.files(volume, "configmap", false, &payload).map(Place::from);
        }
        if let Some(source) = &volume.secret {
            let name = source.secret_name.clone().unwrap_or_default();
            let optional = source.optional == Some(true);
            let payload = maker
                .secret(&name, source.items.as_deref(), mode(source.default_mode), optional)
                .await?;
            return self.files(volume, "secret", true, &payload).map(Place::from);
        }
        if let Some(source) = &volume.downward_api {
            let payload = maker.downward(source.items.as_deref().unwrap_or_default(), mode(source.default_mode))?;
            return self.files(volume, "downward-api", false, &payload).map(Place::from);
        }
        if let Some(source) = &volume.projected {
            let payload = maker
                .projected(source.sources.as_deref().unwrap_or_default(), mode(source.default_mode))
                .await?;
            return self.files(volume, "projected", true, &payload).map(Place::from);
        }
        let mounting = Mounting {
            pod: self.pod,
            lookup: &self.lookup,
            fs_group: self.pod.spec.as_ref().and_then(FsGroup::of),
        };
        let mounted = self.lookup.mounted;
        if let Some(source) = &volume.csi {
            return Box::pin(mounted.inline(&mounting, &volume.name, source)).await;
        }
        if let Some(claim) = claims::claim_of(self.name(), volume) {
            return Box::pin(mounted.claim(&mounting, &volume.name, &claim)).await;
        }
        Err(VolumeError::Unsupported(kind(volume)))
    }

    fn name(&self) -> &str {
        self.pod.metadata.name.as_deref().unwrap_or_default()
    }

    fn uid(&self) -> &str {
        self.pod.metadata.uid.as_deref().unwrap_or_default()
    }

    fn fs_group(&self) -> Option<i64> {
        self.pod.spec.as_ref()?.security_context.as_ref()?.fs_group
    }

    fn empty_dir(&self, name: &str, source: &EmptyDirVolumeSource) -> Result<PathBuf, VolumeError> {
        let folder = pod_folder(self.root, self.uid())
            .join("volumes/kubernetes.io~empty-dir")
            .join(name);
        let fresh = !folder.exists();
        if fresh {
            crate::files::create_dir_with_mode(&folder, 0o777)?;
        }
        let in_memory = source.medium.as_deref() == Some("Memory");
        // After a reboot of the node the folder is there and its mount is not.
        let mounted = fs_err::metadata(&folder)?.dev() != fs_err::metadata(self.root)?.dev();
        if in_memory && !mounted {
            mount_tmpfs(&folder, source.size_limit.as_ref().map(units).filter(|size| *size > 0))?;
        }
        if (fresh || in_memory && !mounted)
            && let Some(group) = self.fs_group()
        {
            ownership::apply(&folder, group, false)?;
        }
        Ok(folder)
    }

    fn files(&self, volume: &Volume, kind: &str, in_memory: bool, payload: &Payload) -> Result<PathBuf, VolumeError> {
        let base = if in_memory {
            memory_folder(self.root).join(self.uid())
        } else {
            pod_folder(self.root, self.uid()).join("volumes")
        };
        let folder = base.join(format!("kubernetes.io~{kind}")).join(&volume.name);
        if !folder.exists() {
            crate::files::create_dir_with_mode(&folder, 0o777)?;
        }
        if atomic::write(&folder, payload)?
            && let Some(group) = self.fs_group()
        {
            ownership::apply(&folder, group, true)?;
        }
        Ok(folder)
    }
}

fn kind(volume: &Volume) -> &'static str {
    match volume {
        Volume { nfs: Some(_), .. } => "nfs",
        Volume { image: Some(_), .. } => "image",
        _ => "other",
    }
}

//! Volumes of pods: prepared below the kubelet's root before the sandbox, refreshed when their objects change, removed
//! with the pod. Nothing here starts a container.

mod atomic;
mod claim;
mod host_path;
pub(crate) mod lookup;
pub(crate) mod mounted;
mod mounts;
pub(crate) mod ownership;
mod payload;
mod prepare;
mod subpath;
mod teardown;

pub(crate) use mounts::{MountError, devices_of, of_container};
pub(crate) use ownership::FsGroup;
pub(crate) use prepare::{Place, Places, Preparation};
pub(crate) use teardown::{give_back, remove};

use std::io;
use std::path::{Path, PathBuf};

use crate::csi::CsiError;
use crate::pod::fields::FieldError;
use crate::sources::objects::ObjectError;

/// Why a volume cannot be prepared; the pod waits, and an event says why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VolumeError {
    #[error("{kind} \"{name}\" not found")]
    NoObject { kind: &'static str, name: String },
    #[error("{kind} \"{name}\" has no key \"{key}\"")]
    NoKey {
        kind: &'static str,
        name: String,
        key: String,
    },
    #[error("failed to fetch token: {0}")]
    Token(String),
    #[error("{0}")]
    HostPath(String),
    #[error("{0}")]
    Claim(String),
    /// A block volume without a device to show; `step` is upstream's name of what failed.
    #[error("{why}")]
    Map { step: &'static str, why: String },
    #[error("MapVolume.FindMapperPluginBySpec failed to find BlockVolumeMapper plugin. Volume plugin is nil.")]
    NoMapper,
    #[error(transparent)]
    Csi(#[from] CsiError),
    #[error("volumes of kind {0} are not supported by this kubelet")]
    Unsupported(&'static str),
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0}")]
    Mount(#[from] rustix::io::Errno),
}

impl VolumeError {
    /// Reason and message of the event about the pod's `volume`.
    pub(crate) fn event(&self, volume: &str) -> (&'static str, String) {
        match self {
            Self::Map { step, .. } => ("FailedMapVolume", format!("{step} for volume \"{volume}\" : {self}")),
            Self::NoMapper => ("FailedMapVolume", format!("{self} for volume \"{volume}\"")),
            _ => (
                "FailedMount",
                format!("MountVolume.SetUp failed for volume \"{volume}\" : {self}"),
            ),
        }
    }
}

/// The pod's folder below the kubelet's root.
pub(crate) fn pod_folder(root: &Path, uid: &str) -> PathBuf {
    root.join("pods").join(uid)
}

/// Where volumes live that must not reach a disk: one tmpfs for all pods.
fn memory_folder(root: &Path) -> PathBuf {
    root.join("memory")
}

/// Mounts the tmpfs for secrets and tokens unless it is there. `/run` is mounted noexec by engines, hence one of our own.
pub(crate) fn mount_memory(root: &Path) -> Result<(), VolumeError> {
    use std::os::unix::fs::MetadataExt as _;
    let folder = memory_folder(root);
    fs_err::create_dir_all(&folder)?;
    let mounted = fs_err::metadata(&folder)?.dev() != fs_err::metadata(root)?.dev();
    if !mounted {
        mount_tmpfs(&folder, None)?;
    }
    Ok(())
}

fn mount_tmpfs(folder: &Path, size: Option<i64>) -> Result<(), VolumeError> {
    let options = size.map_or_else(|| "mode=0777".to_owned(), |size| format!("mode=0777,size={size}"));
    let options = std::ffi::CString::new(options).map_err(|error| io::Error::other(error.to_string()))?;
    let flags = rustix::mount::MountFlags::NOSUID | rustix::mount::MountFlags::NODEV;
    Ok(rustix::mount::mount(
        "tmpfs",
        folder,
        "tmpfs",
        flags,
        options.as_c_str(),
    )?)
}

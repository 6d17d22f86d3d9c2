//! `fsGroup`: hands a volume's files to the pod's group.

use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use k8s_openapi::api::core::v1::PodSpec;

/// The group that a pod's volumes are to belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FsGroup {
    pub(crate) id: i64,
    /// Files are left alone if the volume's own folder belongs to the group already.
    pub(crate) on_root_mismatch: bool,
}

impl FsGroup {
    /// The pod's, if it has one.
    pub(crate) fn of(spec: &PodSpec) -> Option<Self> {
        let context = spec.security_context.as_ref()?;
        Some(Self {
            id: context.fs_group?,
            on_root_mismatch: context.fs_group_change_policy.as_deref() == Some("OnRootMismatch"),
        })
    }
}

/// Gives a volume that outlives its pods to the group, unless the pod would rather not have that done twice.
pub(crate) fn hand_over(folder: &Path, group: FsGroup, read_only: bool) -> io::Result<()> {
    let meta = fs_err::metadata(folder)?;
    let wanted = if read_only { 0o2550 } else { 0o2770 };
    let belongs = i64::from(meta.gid()) == group.id && meta.permissions().mode() & wanted == wanted;
    if group.on_root_mismatch && belongs {
        return Ok(());
    }
    apply(folder, group.id, read_only)
}

/// Gives everything below `folder` to `group`, readable (and writable unless `read_only`), folders setgid.
pub(super) fn apply(folder: &Path, group: i64, read_only: bool) -> io::Result<()> {
    let group = u32::try_from(group).map_err(|_| io::Error::other("fsGroup is no group id"))?;
    apply_to(folder, group, read_only)
}

fn apply_to(path: &Path, group: u32, read_only: bool) -> io::Result<()> {
    let meta = fs_err::symlink_metadata(path)?;
    if meta.gid() != group {
        std::os::unix::fs::lchown(path, None, Some(group))?;
    }
    if meta.file_type().is_symlink() {
        return Ok(());
    }
    let mut mode = meta.permissions().mode() | if read_only { 0o440 } else { 0o660 };
    if meta.is_dir() {
        mode |= 0o2110;
    }
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o7777))?;
    if meta.is_dir() {
        for entry in fs_err::read_dir(path)? {
            apply_to(&entry?.path(), group, read_only)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_handed_over_once_if_the_pod_prefers_that() {
        let folder = tempfile::tempdir().unwrap();
        let mut group = FsGroup {
            id: fs_err::metadata(folder.path()).unwrap().gid().into(),
            on_root_mismatch: true,
        };
        let mode = |name: &str| fs_err::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        let make = |name: &str| crate::files::write_with_mode(&folder.path().join(name), b"", 0o600).unwrap();
        make("first");
        hand_over(folder.path(), group, false).unwrap();
        assert_eq!(mode("first"), 0o660);
        make("second");
        hand_over(folder.path(), group, false).unwrap();
        assert_eq!(mode("second"), 0o600, "the folder belongs to the group");
        group.on_root_mismatch = false;
        hand_over(folder.path(), group, false).unwrap();
        assert_eq!(mode("second"), 0o660);
    }
}

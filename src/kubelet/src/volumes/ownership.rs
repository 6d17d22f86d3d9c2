//! `fsGroup`: hands a volume's files to the pod's group.

use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

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

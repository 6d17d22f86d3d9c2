//! Files that change all at once: `<name>` links to `..data/<name>`, and `..data` is swapped by one rename.
//!
//! Upstream's layout, on which programs that watch their configuration depend.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path};

use fs_err::os::unix::fs::symlink;

const DATA: &str = "..data";
const NEXT: &str = "..data_next";

/// One file: its bytes and its permission bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    pub(crate) mode: u32,
}

/// Files by path relative to the volume.
pub(crate) type Payload = BTreeMap<String, File>;

/// Makes `folder` hold exactly `payload`. Returns false if it already did.
pub(crate) fn write(folder: &Path, payload: &Payload) -> io::Result<bool> {
    for path in payload.keys() {
        check(path)?;
    }
    let data = folder.join(DATA);
    let old = fs_err::read_link(&data).ok();
    if old.is_some() && holds(&data, payload)? {
        return Ok(false);
    }
    let name = format!("..{}", uuid::Uuid::new_v4().simple());
    let fresh = folder.join(&name);
    crate::files::create_dir_with_mode(&fresh, 0o755)?;
    for (path, file) in payload {
        let target = fresh.join(path);
        if let Some(parent) = target.parent() {
            make_parents(&fresh, parent)?;
        }
        crate::files::write_with_mode(&target, &file.bytes, file.mode)?;
    }
    let next = folder.join(NEXT);
    let _ = fs_err::remove_file(&next);
    symlink(&name, &next)?;
    fs_err::rename(&next, &data)?;
    link_names(folder, payload)?;
    if let Some(old) = old {
        let _ = fs_err::remove_dir_all(folder.join(old));
    }
    Ok(true)
}

/// Folders inside the volume are traversable whatever the umask.
fn make_parents(root: &Path, parent: &Path) -> io::Result<()> {
    let Ok(relative) = parent.strip_prefix(root) else {
        return Ok(());
    };
    let mut folder = root.to_owned();
    for part in relative.components() {
        folder.push(part);
        if !folder.exists() {
            crate::files::create_dir_with_mode(&folder, 0o755)?;
        }
    }
    Ok(())
}

/// Paths come from objects: they may neither leave the volume nor hide among its own bookkeeping.
fn check(path: &str) -> io::Result<()> {
    let bad = path.is_empty()
        || path.starts_with("..")
        || !Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
    if bad {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("invalid path in volume: {path:?}"),
        ))
    } else {
        Ok(())
    }
}

fn holds(data: &Path, payload: &Payload) -> io::Result<bool> {
    let mut present = BTreeSet::new();
    list(data, "", &mut present)?;
    if present.len() != payload.len() || !payload.keys().all(|path| present.contains(path)) {
        return Ok(false);
    }
    for (path, file) in payload {
        let path = data.join(path);
        let mode = fs_err::metadata(&path)?.permissions().mode() & 0o777;
        // Group bits may have been widened for `fsGroup` since.
        if mode & file.mode != file.mode || fs_err::read(&path)? != file.bytes {
            return Ok(false);
        }
    }
    Ok(true)
}

fn list(folder: &Path, prefix: &str, into: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{name}/"), into)?;
        } else {
            into.insert(name);
        }
    }
    Ok(())
}

fn link_names(folder: &Path, payload: &Payload) -> io::Result<()> {
    let wanted: BTreeSet<&str> = payload.keys().filter_map(|path| path.split('/').next()).collect();
    for name in &wanted {
        let link = folder.join(name);
        if fs_err::symlink_metadata(&link).is_err() {
            symlink(Path::new(DATA).join(name), link)?;
        }
    }
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with("..") && !wanted.contains(&*name) {
            fs_err::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(files: &[(&str, &str)]) -> Payload {
        files
            .iter()
            .map(|(path, text)| {
                (
                    (*path).to_owned(),
                    File {
                        bytes: (*text).into(),
                        mode: 0o644,
                    },
                )
            })
            .collect()
    }

    #[test]
    fn an_update_swaps_all_files_and_drops_old_names() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path(), &payload(&[("a", "1"), ("d/b", "2")])).unwrap());
        assert!(!write(folder.path(), &payload(&[("a", "1"), ("d/b", "2")])).unwrap());
        assert!(write(folder.path(), &payload(&[("a", "3")])).unwrap());
        assert_eq!(fs_err::read_to_string(folder.path().join("a")).unwrap(), "3");
        assert!(!folder.path().join("d").exists());
        let left = fs_err::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 3, "a, ..data and one data folder");
    }

    #[test]
    fn paths_may_not_leave_the_volume() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["../x", "/etc/x", "a/../../x", "..data", ""] {
            assert!(write(folder.path(), &payload(&[(path, "")])).is_err(), "{path}");
        }
    }
}

//! Sub-paths of volumes: opened without following links out of the volume, then pinned by a bind mount.
//!
//! A container can replace folders by links while the kubelet looks (CVE-2017-1002101, CVE-2021-25741), so the path is
//! resolved once by the kernel, beneath the volume, and the mount is made from the open descriptor.

use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use rustix::mount::{UnmountFlags, mount_bind, unmount};

/// Pins `sub_path` of the volume at `volume` onto `target` and returns `target`. A missing folder is made.
pub(super) fn pin(volume: &Path, sub_path: &str, target: &Path) -> io::Result<PathBuf> {
    if sub_path.starts_with('/') || sub_path.split('/').any(|part| part == "..") {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("subPath {sub_path:?} must stay within its volume"),
        ));
    }
    let root = open(
        volume,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let path_only = OFlags::PATH | OFlags::CLOEXEC;
    let found = match openat2(&root, sub_path, path_only, Mode::empty(), resolve) {
        Err(rustix::io::Errno::NOENT) => {
            make(&root, sub_path, resolve)?;
            openat2(&root, sub_path, path_only, Mode::empty(), resolve)?
        }
        other => other?,
    };
    let source = format!("/proc/self/fd/{}", found.as_raw_fd());
    unpin(target);
    if fs_err::metadata(&source)?.is_dir() {
        fs_err::create_dir_all(target)?;
    } else {
        if let Some(parent) = target.parent() {
            fs_err::create_dir_all(parent)?;
        }
        fs_err::write(target, b"")?;
    }
    mount_bind(source.as_str(), target)?;
    Ok(target.to_owned())
}

fn make(root: &rustix::fd::OwnedFd, sub_path: &str, resolve: ResolveFlags) -> io::Result<()> {
    let mut done = String::new();
    for part in sub_path.split('/').filter(|part| !part.is_empty()) {
        let parent = if done.is_empty() { "." } else { &done };
        let parent = openat2(
            root,
            parent,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
            resolve,
        )?;
        match rustix::fs::mkdirat(&parent, part, Mode::from_raw_mode(0o750)) {
            Ok(()) => rustix::fs::chmodat(&parent, part, volume_mode(root)?, rustix::fs::AtFlags::empty())?,
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        done = if done.is_empty() {
            part.to_owned()
        } else {
            format!("{done}/{part}")
        };
    }
    Ok(())
}

/// A folder made for a sub-path is as open as its volume.
fn volume_mode(root: &rustix::fd::OwnedFd) -> io::Result<Mode> {
    let stat = rustix::fs::statat(root, "", rustix::fs::AtFlags::EMPTY_PATH)?;
    Ok(Mode::from_raw_mode(stat.st_mode & 0o7777))
}

/// Releases a pinned path; nothing happens if it is none.
pub(super) fn unpin(target: &Path) {
    let _ = unmount(target, UnmountFlags::DETACH);
    let _ = fs_err::remove_file(target);
    let _ = fs_err::remove_dir(target);
}

/// Releases everything pinned below `folder`.
pub(super) fn unpin_all(folder: &Path) {
    for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if unmount(&path, UnmountFlags::DETACH).is_err() && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            unpin_all(&path);
        }
        let _ = fs_err::remove_file(&path);
        let _ = fs_err::remove_dir(&path);
    }
    let _ = fs_err::remove_dir(folder);
}

//! Removes what a pod leaves on the node once its containers are gone.

use std::path::{Path, PathBuf};

use rustix::mount::{UnmountFlags, unmount};

use super::{VolumeError, memory_folder, pod_folder, subpath};
use crate::context::Context;
use crate::csi;

/// Holds the containers' last words, which the status shows as long as the pod's object exists.
const KEPT: &str = "containers";

/// Gives back what drivers gave to the pod, then unmounts and removes its volumes.
pub(crate) async fn give_back(context: &Context, uid: &str) -> Result<(), VolumeError> {
    let root = &context.options.root;
    subpath::unpin_all(&pod_folder(root, uid).join("volume-subpaths"));
    csi::release(context, uid).await?;
    Ok(remove_volumes(root, uid)?)
}

/// Unmounts and removes all that the pod has here.
pub(crate) fn remove(root: &Path, uid: &str) -> std::io::Result<()> {
    remove_volumes(root, uid)?;
    remove_if_there(&pod_folder(root, uid))
}

/// Unmounts and removes the pod's volumes. Never follows a mount it did not make.
fn remove_volumes(root: &Path, uid: &str) -> std::io::Result<()> {
    let folder = pod_folder(root, uid);
    subpath::unpin_all(&folder.join("volume-subpaths"));
    for volume in fs_err::read_dir(folder.join("volumes/kubernetes.io~empty-dir"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let _ = unmount(volume.path(), UnmountFlags::DETACH);
    }
    for mount in mounts_below(&folder)? {
        unmount(&mount, UnmountFlags::DETACH)?;
    }
    // Deleting through a mount that is still there would delete what it shows: somebody else's files.
    if let Some(left) = mounts_below(&folder)?.first() {
        return Err(std::io::Error::other(format!("{} is still mounted", left.display())));
    }
    for entry in fs_err::read_dir(&folder).into_iter().flatten() {
        let entry = entry?;
        if entry.file_name() == KEPT {
            continue;
        }
        if entry.file_type()?.is_dir() {
            remove_if_there(&entry.path())?;
        } else {
            fs_err::remove_file(entry.path())?;
        }
    }
    remove_if_there(&memory_folder(root).join(uid))
}

fn remove_if_there(folder: &Path) -> std::io::Result<()> {
    match fs_err::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Mount points inside `folder`, innermost first.
fn mounts_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let table = fs_err::read_to_string("/proc/self/mountinfo")?;
    let points = table.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape);
    let mut below: Vec<PathBuf> = points
        .filter(|point| point != folder && point.starts_with(folder))
        .collect();
    below.sort_by_key(|point| std::cmp::Reverse(point.components().count()));
    Ok(below)
}

/// The kernel writes blanks in paths as octal escapes.
fn unescape(text: &str) -> PathBuf {
    let plain = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    PathBuf::from(
        plain
            .iter()
            .fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removal_takes_the_pods_folders_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        for uid in ["a", "b"] {
            fs_err::create_dir_all(pod_folder(root.path(), uid).join("volumes/kubernetes.io~empty-dir/v")).unwrap();
            fs_err::create_dir_all(memory_folder(root.path()).join(uid)).unwrap();
        }
        remove(root.path(), "a").unwrap();
        remove(root.path(), "a").unwrap();
        assert!(!pod_folder(root.path(), "a").exists() && !memory_folder(root.path()).join("a").exists());
        assert!(pod_folder(root.path(), "b").exists() && memory_folder(root.path()).join("b").exists());
    }

    #[test]
    fn the_containers_last_words_outlive_the_volumes() {
        let root = tempfile::tempdir().unwrap();
        let folder = pod_folder(root.path(), "a");
        let words = folder.join("containers/c/termination-0");
        fs_err::create_dir_all(folder.join("containers/c")).unwrap();
        fs_err::create_dir_all(folder.join("volumes/kubernetes.io~empty-dir/v")).unwrap();
        fs_err::write(folder.join("etc-hosts"), "x").unwrap();
        fs_err::write(&words, "bye").unwrap();
        remove_volumes(root.path(), "a").unwrap();
        assert_eq!(fs_err::read_to_string(&words).unwrap(), "bye");
        assert!(!folder.join("volumes").exists() && !folder.join("etc-hosts").exists());
        remove(root.path(), "a").unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn blanks_in_mount_points_are_read_back() {
        assert_eq!(unescape("/a\\040b"), PathBuf::from("/a b"));
    }
}

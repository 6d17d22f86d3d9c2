//! The pod's own cgroup, whose limits bound all its containers together. The runtime makes the containers' below it.

use std::io;
use std::path::Path;

use k8s_openapi::api::core::v1::Pod;

use super::resources::{self, QUOTA_PERIOD};

const ROOT: &str = "/sys/fs/cgroup";

/// Makes the pod's cgroup with its limits. Best effort per value: a kernel without a controller still runs pods.
pub(crate) fn create(pod: &Pod) -> io::Result<()> {
    let Some(spec) = &pod.spec else { return Ok(()) };
    let (shares, quota, memory) = resources::of_pod(spec);
    let group = resources::cgroup_parent(pod);
    if unified() {
        let folder = make_v2(&group)?;
        write(&folder, "cpu.weight", weight(shares).to_string());
        write(
            &folder,
            "cpu.max",
            if quota == 0 {
                "max 100000".to_owned()
            } else {
                format!("{quota} {QUOTA_PERIOD}")
            },
        );
        write(
            &folder,
            "memory.max",
            if memory == 0 {
                "max".to_owned()
            } else {
                memory.to_string()
            },
        );
        return Ok(());
    }
    for (controller, file, value) in [
        ("cpu", "cpu.shares", Some(shares)),
        ("cpu", "cpu.cfs_quota_us", Some(quota).filter(|quota| *quota > 0)),
        (
            "memory",
            "memory.limit_in_bytes",
            Some(memory).filter(|memory| *memory > 0),
        ),
    ] {
        let Some(value) = value else { continue };
        let folder = Path::new(ROOT).join(controller).join(group.trim_start_matches('/'));
        fs_err::create_dir_all(&folder)?;
        write(&folder, file, value.to_string());
    }
    Ok(())
}

/// Removes the pod's cgroup once its containers are gone.
pub(crate) fn remove(pod: &Pod) {
    let group = resources::cgroup_parent(pod);
    let group = group.trim_start_matches('/');
    if unified() {
        remove_tree(&Path::new(ROOT).join(group));
        return;
    }
    for hierarchy in fs_err::read_dir(ROOT).into_iter().flatten().flatten() {
        remove_tree(&hierarchy.path().join(group));
    }
}

/// A cgroup is removed by removing its folder, children first; its files go by themselves.
fn remove_tree(folder: &Path) {
    for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path());
        }
    }
    let _ = fs_err::remove_dir(folder);
}

fn unified() -> bool {
    Path::new(ROOT).join("cgroup.controllers").exists()
}

/// Makes every group on the way and hands all controllers down.
fn make_v2(group: &str) -> io::Result<std::path::PathBuf> {
    let controllers = fs_err::read_to_string(Path::new(ROOT).join("cgroup.controllers"))?;
    let mut folder = Path::new(ROOT).to_owned();
    for part in group.split('/').filter(|part| !part.is_empty()) {
        for controller in controllers.split_whitespace() {
            write(&folder, "cgroup.subtree_control", format!("+{controller}"));
        }
        folder.push(part);
        fs_err::create_dir_all(&folder)?;
    }
    Ok(folder)
}

fn write(folder: &Path, file: &str, value: String) {
    if let Err(error) = fs_err::write(folder.join(file), value) {
        tracing::debug!(%error, "cgroup value not set");
    }
}

/// cgroup v2's weight for v1's shares, by the conversion that runtimes use.
fn weight(shares: i64) -> i64 {
    1 + (shares - 2) * 9999 / 262_142
}

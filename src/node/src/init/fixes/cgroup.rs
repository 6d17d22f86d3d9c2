//! Control groups: a hierarchy below this container's own root that the node may divide among pods.

use std::io;
use std::path::Path;

use nodespec::NodeConfig;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};

use super::mounts::{Mount, list};
use super::{Facts, Outcome};

const ROOT: &str = "/sys/fs/cgroup";
/// Where the processes of a v2 root move to: a group with children may hold none itself.
const LEAF: &str = "/sys/fs/cgroup/init";

/// v1: engines without `--privileged` mount each hierarchy read-only; in a cgroup namespace of our own a fresh mount
/// of the same hierarchy shows exactly our part of it, writable.
pub(super) fn v1(_: &NodeConfig, _: &mut Facts) -> Outcome {
    let stale: Vec<Mount> = list()?
        .into_iter()
        .filter(|mount| mount.fstype == "cgroup" && mount.read_only())
        .collect();
    for hierarchy in &stale {
        unmount(hierarchy.target.as_str(), UnmountFlags::DETACH)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RELATIME;
        let options = std::ffi::CString::new(hierarchy_options(&hierarchy.super_options))
            .map_err(|error| io::Error::other(error.to_string()))?;
        mount("cgroup", hierarchy.target.as_str(), "cgroup", flags, options.as_c_str())?;
    }
    Ok((!stale.is_empty()).then(|| format!("mounted {} hierarchies afresh, writable", stale.len())))
}

/// The options that name a hierarchy: its controllers, or `none,name=…`.
fn hierarchy_options(options: &str) -> String {
    let kept: Vec<&str> = options
        .split(',')
        .filter(|option| !matches!(*option, "rw" | "ro" | "xattr"))
        .collect();
    let named = kept
        .iter()
        .all(|option| option.starts_with("name=") || option.contains("release_agent"));
    let kept: Vec<&str> = kept
        .into_iter()
        .filter(|option| !option.starts_with("release_agent"))
        .collect();
    if named {
        format!("none,{}", kept.join(","))
    } else {
        kept.join(",")
    }
}

/// v2: leave the root empty and hand all its controllers to its children.
pub(super) fn v2(_: &NodeConfig, _: &mut Facts) -> Outcome {
    let Some(root) = list()?
        .into_iter()
        .rfind(|mount| mount.target == ROOT && mount.fstype == "cgroup2")
    else {
        return Ok(None);
    };
    if root.read_only() {
        mount_remount(ROOT, MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, c"")?;
    }
    let controllers = fs_err::read_to_string(format!("{ROOT}/cgroup.controllers"))?;
    let enabled = fs_err::read_to_string(format!("{ROOT}/cgroup.subtree_control"))?;
    let missing: Vec<&str> = controllers
        .split_whitespace()
        .filter(|name| !enabled.split_whitespace().any(|one| one == *name))
        .collect();
    if missing.is_empty() {
        return Ok(None);
    }
    fs_err::create_dir_all(LEAF)?;
    let moved = leave_root()?;
    let mut refused = Vec::new();
    for controller in &missing {
        // One by one: a kernel that cannot delegate one of them must not cost the others.
        if fs_err::write(format!("{ROOT}/cgroup.subtree_control"), format!("+{controller}")).is_err() {
            refused.push(*controller);
        }
    }
    let note = if refused.is_empty() {
        String::new()
    } else {
        format!("; refused: {}", refused.join(" "))
    };
    Ok(Some(format!(
        "moved {moved} processes out of the root, enabled {}{note}",
        missing.join(" ")
    )))
}

/// Moves every process of the root to the leaf; new ones may appear while this runs, hence the rounds.
fn leave_root() -> io::Result<usize> {
    let mut moved = 0;
    for _ in 0..10 {
        let processes = fs_err::read_to_string(Path::new(ROOT).join("cgroup.procs"))?;
        // "0" stands for processes outside our PID namespace (an exec in flight); they cannot be named.
        let processes: Vec<&str> = processes.split_whitespace().filter(|pid| *pid != "0").collect();
        if processes.is_empty() {
            break;
        }
        for pid in processes {
            if fs_err::write(Path::new(LEAF).join("cgroup.procs"), pid).is_ok() {
                moved += 1;
            }
        }
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::hierarchy_options;

    #[test]
    fn controllers_are_kept_and_flags_dropped() {
        assert_eq!(hierarchy_options("rw,cpu,cpuacct"), "cpu,cpuacct");
    }

    #[test]
    fn a_named_hierarchy_has_no_controller() {
        assert_eq!(
            hierarchy_options("rw,xattr,release_agent=/x,name=systemd"),
            "none,name=systemd"
        );
    }
}

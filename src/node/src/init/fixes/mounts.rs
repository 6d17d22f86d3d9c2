//! Mounts the engine sets up too narrowly for a node.

use std::io;

use nodespec::NodeConfig;
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount};

use super::{Facts, Outcome};

/// One line of `/proc/self/mountinfo`, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) target: String,
    pub(super) options: String,
    pub(super) fstype: String,
    pub(super) super_options: String,
    pub(super) shared: bool,
}

impl Mount {
    pub(super) fn read_only(&self) -> bool {
        self.options.split(',').any(|option| option == "ro")
    }
}

/// The mounts of this process, oldest first.
pub(super) fn list() -> io::Result<Vec<Mount>> {
    let text = fs_err::read_to_string("/proc/self/mountinfo")?;
    Ok(text.lines().filter_map(parse).collect())
}

fn parse(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let left: Vec<&str> = left.split(' ').collect();
    let mut right = right.split(' ');
    Some(Mount {
        target: (*left.get(4)?).to_owned(),
        options: (*left.get(5)?).to_owned(),
        shared: left.iter().skip(6).any(|tag| tag.starts_with("shared:")),
        fstype: right.next()?.to_owned(),
        super_options: right.nth(1).unwrap_or_default().to_owned(),
    })
}

/// The engine covers `/proc/sys` with a read-only bind of itself; below it is the writable one.
pub(super) fn proc_sys(_: &NodeConfig, _: &mut Facts) -> Outcome {
    let covered = list()?
        .iter()
        .any(|mount| mount.target == "/proc/sys" && mount.read_only());
    if !covered {
        return Ok(None);
    }
    unmount("/proc/sys", UnmountFlags::empty())?;
    Ok(Some("made /proc/sys writable".to_owned()))
}

/// Volumes with `mountPropagation: Bidirectional` need a shared root.
pub(super) fn propagation(_: &NodeConfig, _: &mut Facts) -> Outcome {
    let shared = list()?
        .iter()
        .rfind(|mount| mount.target == "/")
        .is_some_and(|root| root.shared);
    if shared {
        return Ok(None);
    }
    mount_change("/", MountPropagationFlags::SHARED | MountPropagationFlags::REC)?;
    Ok(Some("made / recursively shared".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_line_with_optional_fields_is_understood() {
        let line = "36 35 98:0 /mnt1 /mnt2 ro,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue";
        let mount = parse(line).unwrap();
        assert_eq!(mount.target, "/mnt2");
        assert!(mount.read_only() && mount.shared);
        assert_eq!(
            (mount.fstype.as_str(), mount.super_options.as_str()),
            ("ext3", "rw,errors=continue")
        );
    }

    #[test]
    fn a_private_mount_is_not_shared() {
        assert!(!parse("1 2 0:3 / / rw - overlay overlay rw").unwrap().shared);
    }
}

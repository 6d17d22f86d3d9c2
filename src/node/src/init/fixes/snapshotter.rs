//! Which of containerd's snapshotters works here, found by a real mount.

use std::io;

use nodespec::NodeConfig;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::{Facts, Outcome};

const PROBE: &str = "/var/lib/containerd/.probe";

/// overlay when it mounts on `/var` and deletions in it work, else plain copies (Debian has no fuse-overlayfs snapshotter).
#[expect(clippy::unnecessary_wraps, reason = "one signature for every row of the table")]
pub(super) fn probe(_: &NodeConfig, facts: &mut Facts) -> Outcome {
    let tried = try_overlay();
    let _ = fs_err::remove_dir_all(PROBE);
    let Err(error) = tried else { return Ok(None) };
    facts.snapshotter = "native";
    Ok(Some(format!(
        "overlay does not work on /var ({error}); using {}",
        facts.snapshotter
    )))
}

fn try_overlay() -> io::Result<()> {
    let at = |name: &str| format!("{PROBE}/{name}");
    for name in ["lower/folder", "upper", "work", "merged"] {
        fs_err::create_dir_all(at(name))?;
    }
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        at("lower"),
        at("upper"),
        at("work")
    );
    let options = std::ffi::CString::new(options).map_err(|error| io::Error::other(error.to_string()))?;
    mount(
        "overlay",
        at("merged").as_str(),
        "overlay",
        MountFlags::empty(),
        options.as_c_str(),
    )?;
    // Some file systems mount as upper layer and then refuse whiteouts.
    let worked = fs_err::remove_dir(at("merged/folder")).and_then(|()| fs_err::write(at("merged/file"), b"x"));
    unmount(at("merged").as_str(), UnmountFlags::DETACH)?;
    worked
}

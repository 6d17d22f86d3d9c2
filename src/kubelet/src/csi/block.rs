//! Links to a pod's block volumes, `pods/<uid>/volumeDevices/<plugin>/<volume>`: what a pod has that is no mount.

use std::io;
use std::path::Path;

use fs_err::os::unix::fs::symlink;

use super::volume::pod_devices;

/// Notes that the pod has the volume, whose device will be at `device`.
pub(super) fn link(root: &Path, uid: &str, name: &str, device: &Path) -> io::Result<()> {
    let folder = pod_devices(root, uid);
    fs_err::create_dir_all(&folder)?;
    let link = folder.join(name);
    if fs_err::read_link(&link).is_ok_and(|present| present == device) {
        return Ok(());
    }
    symlink(device, link)
}

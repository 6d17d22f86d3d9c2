//! Device files that workloads open and some engines leave out.

use std::path::Path;

use nodespec::NodeConfig;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use super::{Facts, Outcome};

const KMSG: &str = "/dev/kmsg";
const PROBE: &str = "/dev/.rkube-probe";

/// `/dev/kmsg`: the real one where the device cgroup lets us open it, else an empty one, as rootless kind has it.
pub(super) fn kmsg(_: &NodeConfig, _: &mut Facts) -> Outcome {
    if Path::new(KMSG).exists() {
        return Ok(None);
    }
    mknodat(
        CWD,
        KMSG,
        FileType::CharacterDevice,
        Mode::from_raw_mode(0o600),
        makedev(1, 11),
    )?;
    if fs_err::OpenOptions::new().read(true).open(KMSG).is_ok() {
        return Ok(Some(format!("made {KMSG}")));
    }
    fs_err::remove_file(KMSG)?;
    fs_err::os::unix::fs::symlink("/dev/null", KMSG)?;
    Ok(Some(format!("the engine denies the kernel log; {KMSG} reads as empty")))
}

/// Privileged pods are given all devices, which the kernel refuses below a group that has not got them all; then they
/// run without the node's devices, which they could not open anyway.
pub(super) fn rules(_: &NodeConfig, facts: &mut Facts) -> Outcome {
    let _ = fs_err::remove_file(PROBE);
    // A device that no engine allows by default, and that does nothing when it is opened for reading.
    mknodat(
        CWD,
        PROBE,
        FileType::CharacterDevice,
        Mode::from_raw_mode(0o600),
        makedev(1, 11),
    )?;
    let opened = fs_err::OpenOptions::new().read(true).open(PROBE);
    let _ = fs_err::remove_file(PROBE);
    match opened {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            facts.restrict_devices = true;
            Ok(Some(
                "the engine restricts devices: privileged pods run without the node's".to_owned(),
            ))
        }
        _ => Ok(None),
    }
}

//! kubectl's own lock on a kubeconfig: a file beside it that exists.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const RETRY: Duration = Duration::from_millis(20);
/// kubectl holds it for milliseconds; one this old was left behind by a process that died.
const STALE: Duration = Duration::from_secs(3);

/// Removes the lock when dropped.
pub(super) struct Lock(PathBuf);

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs_err::remove_file(&self.0);
    }
}

pub(super) fn take(path: &Path) -> std::io::Result<Lock> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = PathBuf::from(name);
    let began = Instant::now();
    loop {
        match fs_err::OpenOptions::new().write(true).create_new(true).open(&lock) {
            Ok(_) => return Ok(Lock(lock)),
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
            Err(_) if began.elapsed() > STALE => {
                let _ = fs_err::remove_file(&lock);
            }
            Err(_) => std::thread::sleep(RETRY),
        }
    }
}

//! Folders that several rkubes share, one at a time.

use std::fs::TryLockError;
use std::path::Path;
use std::time::Duration;

use crate::ImagingError;

/// Locks a file until it is dropped; `waiting` is called once if somebody else has it.
pub(crate) async fn take(path: &Path, deadline: Duration, waiting: impl Fn()) -> Result<fs_err::File, ImagingError> {
    // not emptied: it may be what the lock is for
    let mut options = fs_err::OpenOptions::new();
    let file = options.create(true).write(true).truncate(false).open(path)?;
    let began = tokio::time::Instant::now();
    let mut told = false;
    // a lock on a file cannot be awaited, so this is one of the few places that poll
    loop {
        match file.file().try_lock() {
            Ok(()) => return Ok(file),
            // a file system without locks, say
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Err(TryLockError::WouldBlock) => {}
        }
        if !std::mem::replace(&mut told, true) {
            waiting();
        }
        if began.elapsed() > deadline {
            return Err(ImagingError::Locked(path.display().to_string()));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

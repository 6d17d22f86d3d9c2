//! One command at a time per profile.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::ClusterError;

const RETRY: Duration = Duration::from_millis(100);

/// Held for the whole of a command; released when dropped or when the process ends in whatever way.
#[derive(Debug)]
pub struct ProfileLock {
    _file: fs_err::File,
}

impl ProfileLock {
    /// Takes the lock of the file at `path`, waiting up to `patience` for another command to end.
    pub(super) async fn take(path: &Path, name: &str, patience: Duration) -> Result<Self, ClusterError> {
        let file = fs_err::File::create(path)?;
        let began = Instant::now();
        // a lock on a file cannot be awaited, so this polls
        while file.file().try_lock().is_err() {
            if began.elapsed() > patience {
                return Err(ClusterError::Busy { name: name.to_owned() });
            }
            tokio::time::sleep(RETRY).await;
        }
        Ok(Self { _file: file })
    }
}

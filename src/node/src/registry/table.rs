//! The table of sources as the host left it, and the client for it; read again when the file has changed, so that the host
//! changes mirrors without a restart.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use mirrors::{Client, Table};
use nodespec::paths;

/// What tells one version of the file from another; `None` without a file.
type Version = Option<(u64, i64, i64, u64)>;

/// The client for the newest table.
#[derive(Debug, Default)]
pub(super) struct Current(Mutex<Option<(Version, Arc<Client>)>>);

impl Current {
    pub(super) fn client(&self) -> Arc<Client> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let version = version();
        if let Some((known, client)) = &*kept
            && *known == version
        {
            return client.clone();
        }
        let client = match (read(), &*kept) {
            (Ok(table), _) => Arc::new(Client::new(table)),
            (Err(error), kept) => {
                tracing::error!(%error, file = paths::MIRRORS, "unusable; mirrors stay as they were");
                kept.as_ref().map_or_else(Arc::default, |(_, client)| client.clone())
            }
        };
        *kept = Some((version, client.clone()));
        client
    }
}

/// The table; without a file every registry is asked itself.
pub(crate) fn read() -> io::Result<Table> {
    match fs_err::read(paths::MIRRORS) {
        Ok(text) => serde_json::from_slice(&text).map_err(io::Error::from),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Table::default()),
        Err(error) => Err(error),
    }
}

fn version() -> Version {
    let meta = fs_err::metadata(paths::MIRRORS).ok()?;
    Some((meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.len()))
}

//! What is on disk: entries and the newest revision, in one redb file. No history: a reopened store's past starts now.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use redb::{
    Database, Durability, ReadTransaction, ReadableDatabase as _, ReadableTable as _, StorageBackend, TableDefinition,
};

use crate::{Entry, Event, Revision, StoreError};

const ENTRIES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("entries");
const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");
const REVISION: &str = "revision";
/// redb's page cache; reads come from memory, so it only has to hold the pages of a write.
const CACHE_BYTES: usize = 2 << 20;

/// A store file. After an error it is closed, since redb takes no more writes then, until somebody opens it again.
pub struct Disk {
    database: Option<Database>,
    open: Box<dyn Fn() -> Result<Database, StoreError> + Send>,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Disk {
    /// Opens or creates the file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let path = path.to_owned();
        Self::new(move || builder().create(&path).map_err(disk))
    }

    /// Opens or creates a store on a backend, as tests with failing disks do; the function gives the same disk each time.
    pub fn on_backend<B: StorageBackend>(backend: impl Fn() -> B + Send + 'static) -> Result<Self, StoreError> {
        Self::new(move || builder().create_with_backend(backend()).map_err(disk))
    }

    /// A store that lives as long as the process, for tests of the layers above.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::on_backend(redb::backends::InMemoryBackend::new)
    }

    fn new(open: impl Fn() -> Result<Database, StoreError> + Send + 'static) -> Result<Self, StoreError> {
        Ok(Self {
            database: Some(open()?),
            open: Box::new(open),
        })
    }

    fn database(&self) -> Result<&Database, StoreError> {
        self.database
            .as_ref()
            .ok_or_else(|| disk("the file is closed after an error"))
    }

    /// Opens the file again if an error closed it. Gives the newest revision on it.
    pub(crate) fn reopen(&mut self) -> Result<Revision, StoreError> {
        if self.database.is_none() {
            self.database = Some((self.open)()?);
        }
        let found = self.newest();
        if found.is_err() {
            // nothing can be done any more with a file that could not be read once
            self.database = None;
        }
        found
    }

    fn newest(&self) -> Result<Revision, StoreError> {
        let read = self.database()?.begin_read().map_err(disk)?;
        revision(&read)
    }

    /// Everything stored.
    pub(crate) fn load(&self) -> Result<(Vec<Entry>, Revision), StoreError> {
        let read = self.database()?.begin_read().map_err(disk)?;
        let mut entries = Vec::new();
        match read.open_table(ENTRIES) {
            Ok(table) => {
                for row in table.iter().map_err(disk)? {
                    let (key, value) = row.map_err(disk)?;
                    entries.push(decode(key.value(), value.value())?);
                }
            }
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok((entries, Revision(0))),
            Err(error) => return Err(disk(error)),
        }
        Ok((entries, revision(&read)?))
    }

    /// Writes a batch with one sync; on return it is durable. After an error it may be, or not.
    pub(crate) fn write<'a>(
        &mut self,
        events: impl IntoIterator<Item = &'a Event>,
        revision: Revision,
    ) -> Result<(), StoreError> {
        let written = self.try_write(events, revision);
        if written.is_err() {
            self.database = None;
        }
        written
    }

    fn try_write<'a>(&self, events: impl IntoIterator<Item = &'a Event>, revision: Revision) -> Result<(), StoreError> {
        let mut write = self.database()?.begin_write().map_err(disk)?;
        write.set_durability(Durability::Immediate).map_err(disk)?;
        {
            let mut table = write.open_table(ENTRIES).map_err(disk)?;
            for event in events {
                if event.deleted {
                    table.remove(&*event.entry.key).map_err(disk)?;
                } else {
                    table
                        .insert(&*event.entry.key, encode(&event.entry).as_slice())
                        .map_err(disk)?;
                }
            }
            let mut meta = write.open_table(META).map_err(disk)?;
            meta.insert(REVISION, revision.0).map_err(disk)?;
        }
        write.commit().map_err(disk)
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn revision(read: &ReadTransaction) -> Result<Revision, StoreError> {
    let meta = match read.open_table(META) {
        Ok(meta) => meta,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Revision(0)),
        Err(error) => return Err(disk(error)),
    };
    let revision = meta.get(REVISION).map_err(disk)?;
    Ok(Revision(revision.map_or(0, |revision| revision.value())))
}

fn disk(error: impl std::fmt::Display) -> StoreError {
    StoreError::Disk(error.to_string())
}

/// `create_revision | mod_revision | header length | header | value`, little endian.
fn encode(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(20 + entry.header.len() + entry.value.len());
    bytes.extend_from_slice(&entry.create_revision.0.to_le_bytes());
    bytes.extend_from_slice(&entry.mod_revision.0.to_le_bytes());
    bytes.extend_from_slice(&(entry.header.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&entry.header);
    bytes.extend_from_slice(&entry.value);
    bytes
}

fn decode(key: &str, bytes: &[u8]) -> Result<Entry, StoreError> {
    let broken = || StoreError::Disk(format!("entry {key} is cut short"));
    let (create, rest) = bytes.split_first_chunk::<8>().ok_or_else(broken)?;
    let (modified, rest) = rest.split_first_chunk::<8>().ok_or_else(broken)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
    let (header, value) = rest
        .split_at_checked(u32::from_le_bytes(*length) as usize)
        .ok_or_else(broken)?;
    Ok(Entry {
        key: Arc::from(key),
        value: Bytes::copy_from_slice(value),
        header: Bytes::copy_from_slice(header),
        create_revision: Revision(u64::from_le_bytes(*create)),
        mod_revision: Revision(u64::from_le_bytes(*modified)),
    })
}

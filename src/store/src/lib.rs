//! The revisioned key-value store with watch: the trait and its embedded engine.
//!
//! Semantics are etcd's: one global revision, compare-and-swap transactions, reads at a revision, watch from a
//! revision, compaction. Keys are `/`-separated; the first three segments (`/registry/<group>/<resource>`) name a
//! *collection*, the unit that is listed, watched and compacted. Nothing here knows what a value means.

mod collection;
mod disk;
mod embedded;
mod entry;
mod error;
mod newest;
mod watch;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;

pub use disk::Disk;
pub use embedded::Embedded;
pub use entry::{Entry, Event, Payload, Revision};
pub use error::StoreError;
pub use watch::Watch;

/// A future of the store's own lifetime, as trait objects need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a transaction expects of a key before any of its operations is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The key does not exist.
    Absent,
    /// The key was last written at this revision.
    At(Revision),
    /// The key exists, at whatever revision.
    Present,
    /// Anything.
    Any,
}

/// A write. The committed revision is spliced into the payload (see [`Payload`]).
#[derive(Debug, Clone)]
pub enum Op {
    /// Creates or replaces the key.
    Put(Payload),
    /// Removes the key; the payload is the last state that watchers are shown.
    Delete(Payload),
}

/// One write with its precondition.
#[derive(Debug, Clone)]
pub struct Write {
    /// The key, e.g. `/registry/core/pods/default/web-0`.
    pub key: String,
    /// The precondition.
    pub expect: Expect,
    /// What to do.
    pub op: Op,
}

/// A consistent read of part of a collection.
#[derive(Debug, Clone)]
pub struct Range {
    /// Entries in key order.
    pub entries: Vec<std::sync::Arc<Entry>>,
    /// The revision that was read.
    pub revision: Revision,
    /// Entries behind the last one returned.
    pub remaining: usize,
}

/// What to read of a collection.
#[derive(Debug, Clone, Copy, Default)]
pub struct RangeQuery<'a> {
    /// Keys start with this; at least a collection (`/registry/core/pods/`).
    pub prefix: &'a str,
    /// Keys come behind this one.
    pub after: Option<&'a str>,
    /// At most so many entries; 0 for all.
    pub limit: usize,
    /// Read the past; `None` for now.
    pub at: Option<Revision>,
}

impl<'a> RangeQuery<'a> {
    /// Everything below `prefix`, now.
    pub fn all(prefix: &'a str) -> Self {
        Self {
            prefix,
            ..Self::default()
        }
    }
}

/// A revisioned key-value store. Every read sees only what is durable.
pub trait Store: std::fmt::Debug + Send + Sync + 'static {
    /// The newest revision.
    fn revision(&self) -> Revision;

    /// The key's newest state.
    fn get(&self, key: &str) -> BoxFuture<'_, Result<Option<std::sync::Arc<Entry>>, StoreError>>;

    /// A consistent read of part of a collection.
    fn range<'a>(&'a self, query: RangeQuery<'a>) -> BoxFuture<'a, Result<Range, StoreError>>;

    /// Applies all writes at one new revision, or none. Returns the written entries in order. A failed
    /// precondition is [`StoreError::Conflict`]. When this returns `Ok` the writes survive power loss.
    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'_, Result<Vec<std::sync::Arc<Entry>>, StoreError>>;

    /// All changes below `prefix` (at least a collection) that came after `after`.
    fn watch(&self, prefix: &str, after: Revision) -> Result<Watch, StoreError>;

    /// What keeps the store from taking writes, if it knows of anything.
    fn ailment(&self) -> Option<String>;

    /// Forgets history up to and including `revision`.
    fn compact(&self, revision: Revision);
}

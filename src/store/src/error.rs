//! What can go wrong in a store.

use std::sync::Arc;

use crate::{Entry, Revision};

/// Errors of every engine.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A precondition did not hold; nothing was written.
    #[error("key {key} is not as expected")]
    Conflict {
        /// The key whose precondition failed.
        key: String,
        /// Its state.
        actual: Option<Arc<Entry>>,
    },
    /// The revision lies before what is still remembered.
    #[error("revision {asked} is compacted, the oldest is {oldest}")]
    Compacted {
        /// The revision that was asked for.
        asked: Revision,
        /// The oldest that can be asked for.
        oldest: Revision,
    },
    /// The revision has not happened yet.
    #[error("revision {asked} is in the future, the newest is {newest}")]
    Future {
        /// The revision that was asked for.
        asked: Revision,
        /// The newest.
        newest: Revision,
    },
    /// The disk refused; nothing was acknowledged.
    #[error("writing the store: {0}")]
    Disk(String),
    /// The writer has ended.
    #[error("the store is closed")]
    Closed,
    /// A key without a collection.
    #[error("key {0:?} does not name a collection")]
    Key(String),
}

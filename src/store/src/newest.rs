//! The newest revision that anybody is shown.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::Revision;

/// Held for reading by every look into the collections and for writing while a transaction appears in them: reads, lists and
/// watchers never disagree about what has happened, and none sees half of a transaction.
#[derive(Debug)]
pub(crate) struct Newest(RwLock<Revision>);

impl Newest {
    pub(crate) fn new(revision: Revision) -> Self {
        Self(RwLock::new(revision))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Revision> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Revision> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

//! A watcher: a position in a collection's ring. It owns no buffer; one that falls behind the ring is told so.

use std::sync::Arc;

use tokio::sync::watch;

use crate::collection::Collection;
use crate::newest::Newest;
use crate::{Event, Revision, StoreError};

/// Changes of part of a collection, in order. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    pub(crate) collection: Arc<Collection>,
    pub(crate) changes: watch::Receiver<Revision>,
    pub(crate) newest: Arc<Newest>,
    pub(crate) prefix: String,
    pub(crate) position: Revision,
}

impl Watch {
    /// The next changes, at least one. Cancel-safe. [`StoreError::Compacted`] means: list again.
    pub async fn next(&mut self) -> Result<Vec<Arc<Event>>, StoreError> {
        loop {
            let events = self.ready()?;
            if !events.is_empty() {
                return Ok(events);
            }
            self.changes.changed().await.map_err(|_| StoreError::Closed)?;
        }
    }

    /// The changes that are already there.
    pub fn ready(&mut self) -> Result<Vec<Arc<Event>>, StoreError> {
        let newest = self.newest.read();
        self.changes.mark_unchanged();
        let events = self.collection.events(&self.prefix, self.position)?;
        self.position = events
            .last()
            .map_or(*newest, |event| event.revision())
            .max(self.position);
        Ok(events)
    }

    /// Everything up to this revision has been handed out.
    pub fn position(&self) -> Revision {
        self.position
    }
}

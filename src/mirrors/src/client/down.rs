//! Sources that did not answer lately: they are asked after the others for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::source::Source;

const REST: Duration = Duration::from_secs(30);

/// Origins and until when they rest.
#[derive(Debug, Default)]
pub(super) struct Down(Mutex<HashMap<String, Instant>>);

impl Down {
    pub(super) fn note(&self, origin: &str) {
        self.lock().insert(origin.to_owned(), Instant::now() + REST);
    }

    pub(super) fn clear(&self, origin: &str) {
        self.lock().remove(origin);
    }

    pub(super) fn is(&self, source: &Source) -> bool {
        self.lock().get(&source.origin).is_some_and(|end| *end > Instant::now())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        // as many entries as the table has origins
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

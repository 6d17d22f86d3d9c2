//! What a controller has asked for and not yet seen, so that a stale view does not make it ask again.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Key;

/// After this long something was lost; the view decides alone.
const TIMEOUT: Duration = Duration::from_secs(300);

#[derive(Debug)]
struct Expected {
    creations: usize,
    deletions: HashSet<String>,
    since: Instant,
}

/// Expectations by controller object.
#[derive(Debug, Default)]
pub(crate) struct Expectations(Mutex<HashMap<Key, Expected>>);

impl Expectations {
    fn with<T>(&self, change: impl FnOnce(&mut HashMap<Key, Expected>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether all that was asked for has been seen.
    pub(crate) fn met(&self, key: &Key) -> bool {
        self.with(|all| {
            let open = |expected: &Expected| expected.creations > 0 || !expected.deletions.is_empty();
            all.get(key)
                .is_none_or(|expected| !open(expected) || expected.since.elapsed() > TIMEOUT)
        })
    }

    pub(crate) fn expect_creations(&self, key: &Key, count: usize) {
        self.expect(key, count, HashSet::new());
    }

    /// Expects objects with these uids to go.
    pub(crate) fn expect_deletions(&self, key: &Key, uids: impl IntoIterator<Item = String>) {
        self.expect(key, 0, uids.into_iter().collect());
    }

    /// Replaces what was expected.
    pub(crate) fn expect(&self, key: &Key, creations: usize, deletions: HashSet<String>) {
        let expected = Expected {
            creations,
            deletions,
            since: Instant::now(),
        };
        self.with(|all| all.insert(key.clone(), expected));
    }

    /// One was seen, or will not come.
    pub(crate) fn created(&self, key: &Key) {
        self.with(|all| {
            if let Some(expected) = all.get_mut(key) {
                expected.creations = expected.creations.saturating_sub(1);
            }
        });
    }

    pub(crate) fn deleted(&self, key: &Key, uid: &str) {
        self.with(|all| {
            if let Some(expected) = all.get_mut(key) {
                expected.deletions.remove(uid);
            }
        });
    }

    pub(crate) fn forget(&self, key: &Key) {
        self.with(|all| all.remove(key));
    }
}

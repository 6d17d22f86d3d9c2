//! One collection in memory: its newest entries and a ring of its latest changes.
//!
//! The past is read by undoing the ring's events from the present, so an entry's older versions exist only as long
//! as the ring remembers them.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;

use crate::{Entry, Event, Range, RangeQuery, Revision, StoreError};

/// Changes remembered per collection. A watcher further behind than this relists.
const RING: usize = 1024;

#[derive(Debug)]
pub(crate) struct Collection {
    state: RwLock<State>,
    /// Revision of the newest change; wakes watchers.
    changed: watch::Sender<Revision>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    entries: BTreeMap<Arc<str>, Arc<Entry>>,
    ring: VecDeque<Arc<Event>>,
    /// Changes up to here are forgotten.
    horizon: Revision,
}

impl Collection {
    /// An empty collection without a past before `horizon`.
    pub(crate) fn new(horizon: Revision) -> Self {
        Self {
            state: RwLock::new(State {
                horizon,
                ..State::default()
            }),
            changed: watch::Sender::new(horizon),
        }
    }

    /// Adds an entry found on disk.
    pub(crate) fn restore(&self, entry: Entry) {
        self.write().entries.insert(Arc::clone(&entry.key), Arc::new(entry));
    }

    /// Applies a durable change and wakes the watchers.
    pub(crate) fn publish(&self, event: Event) {
        let revision = event.revision();
        let mut state = self.write();
        let key = Arc::clone(&event.entry.key);
        if event.deleted {
            state.entries.remove(&key);
        } else {
            state.entries.insert(key, Arc::clone(&event.entry));
        }
        state.ring.push_back(Arc::new(event));
        if state.ring.len() > RING {
            state.forget_oldest();
        }
        drop(state);
        self.changed.send_replace(revision);
    }

    pub(crate) fn get(&self, key: &str) -> Option<Arc<Entry>> {
        self.read().entries.get(key).cloned()
    }

    /// Reads at `query.at`, or at `newest`.
    pub(crate) fn range(&self, query: RangeQuery<'_>, newest: Revision) -> Result<Range, StoreError> {
        let state = self.read();
        let revision = query.at.unwrap_or(newest);
        let undone = state.undo(revision, newest, query.prefix)?;
        let lower = match query.after {
            Some(after) if after >= query.prefix => Bound::Excluded(after),
            _ => Bound::Included(query.prefix),
        };
        let now = state
            .entries
            .range::<str, _>((lower, Bound::Unbounded))
            .map(|(_, entry)| entry)
            .take_while(|entry| entry.key.starts_with(query.prefix));
        let limit = if query.limit == 0 { usize::MAX } else { query.limit };
        let (mut entries, mut seen) = (Vec::new(), 0_usize);
        let mut take = |entry: &Arc<Entry>| {
            if seen < limit {
                entries.push(Arc::clone(entry));
            }
            seen += 1;
        };
        if undone.is_empty() {
            now.for_each(&mut take);
        } else {
            let behind = |key: &str| query.after.is_none_or(|after| key > after);
            let mut past: BTreeMap<&str, &Arc<Entry>> = now
                .filter(|entry| !undone.contains_key(&*entry.key))
                .map(|entry| (&*entry.key, entry))
                .collect();
            past.extend(
                undone
                    .iter()
                    .filter_map(|(key, was)| was.as_ref().map(|entry| (&**key, entry))),
            );
            past.into_iter()
                .filter(|(key, _)| behind(key))
                .for_each(|(_, entry)| take(entry));
        }
        Ok(Range {
            entries,
            revision,
            remaining: seen.saturating_sub(limit),
        })
    }

    /// Events after `after` below `prefix`, oldest first.
    pub(crate) fn events(&self, prefix: &str, after: Revision) -> Result<Vec<Arc<Event>>, StoreError> {
        let state = self.read();
        state.remembers(after)?;
        let first = state.ring.partition_point(|event| event.revision() <= after);
        Ok(state
            .ring
            .iter()
            .skip(first)
            .filter(|event| event.entry.key.starts_with(prefix))
            .cloned()
            .collect())
    }

    pub(crate) fn changes(&self) -> watch::Receiver<Revision> {
        self.changed.subscribe()
    }

    pub(crate) fn compact(&self, revision: Revision) {
        let mut state = self.write();
        while state.ring.front().is_some_and(|event| event.revision() <= revision) {
            state.forget_oldest();
        }
        state.horizon = state.horizon.max(revision);
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget_oldest(&mut self) {
        if let Some(event) = self.ring.pop_front() {
            self.horizon = event.revision();
            // writes of one transaction share a revision: forget them together
            while self.ring.front().is_some_and(|next| next.revision() == self.horizon) {
                self.ring.pop_front();
            }
        }
    }

    fn remembers(&self, revision: Revision) -> Result<(), StoreError> {
        if revision < self.horizon {
            return Err(StoreError::Compacted {
                asked: revision,
                oldest: self.horizon,
            });
        }
        Ok(())
    }

    /// Keys below `prefix` that changed after `revision`, with their state at it.
    fn undo(
        &self,
        revision: Revision,
        newest: Revision,
        prefix: &str,
    ) -> Result<BTreeMap<Arc<str>, Option<Arc<Entry>>>, StoreError> {
        if revision > newest {
            return Err(StoreError::Future {
                asked: revision,
                newest,
            });
        }
        let mut undone = BTreeMap::new();
        if self.ring.back().is_none_or(|event| event.revision() <= revision) {
            return if revision < newest {
                self.remembers(revision).map(|()| undone)
            } else {
                Ok(undone)
            };
        }
        self.remembers(revision)?;
        for event in self.ring.iter().rev().take_while(|event| event.revision() > revision) {
            if event.entry.key.starts_with(prefix) {
                undone.insert(Arc::clone(&event.entry.key), event.previous.clone());
            }
        }
        Ok(undone)
    }
}

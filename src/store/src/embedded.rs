//! The embedded engine: redb for durability, memory for reads, one writer thread with group commit.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{mpsc, oneshot};

use crate::collection::Collection;
use crate::newest::Newest;
use crate::{BoxFuture, Disk, Entry, Event, Expect, Op, Range, RangeQuery, Revision, Store, StoreError, Watch, Write};

/// Transactions waiting for the writer; senders wait when it is full.
const QUEUE: usize = 1024;
/// Transactions made durable by one sync.
const BATCH: usize = 256;

type Answer = oneshot::Sender<Result<Vec<Arc<Entry>>, StoreError>>;

struct Request {
    writes: Vec<Write>,
    answer: Answer,
}

/// The embedded engine. Dropping it ends the writer once the queue is drained.
#[derive(Debug)]
pub struct Embedded {
    collections: Arc<Collections>,
    queue: mpsc::Sender<Request>,
    ailment: Ailment,
}

/// Why the disk took no write the last time, if it did not.
type Ailment = Arc<RwLock<Option<StoreError>>>;

#[derive(Debug)]
struct Collections {
    by_name: RwLock<HashMap<Box<str>, Arc<Collection>>>,
    newest: Arc<Newest>,
    /// Where the past begins for a collection that has no entry yet.
    opened_at: Revision,
}

impl Embedded {
    /// Opens or creates the store file and starts its writer.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::start(Disk::open(path)?)
    }

    /// Starts an engine on an open disk.
    pub fn start(disk: Disk) -> Result<Self, StoreError> {
        let (entries, revision) = disk.load()?;
        let collections = Arc::new(Collections {
            by_name: RwLock::default(),
            newest: Arc::new(Newest::new(revision)),
            opened_at: revision,
        });
        for entry in entries {
            collections.of(&entry.key)?.restore(entry);
        }
        let (queue, requests) = mpsc::channel(QUEUE);
        let ailment = Ailment::default();
        let writer = Writer {
            disk,
            collections: Arc::clone(&collections),
            revision,
            staged: HashMap::new(),
            doubtful: None,
            ailment: Arc::clone(&ailment),
        };
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(requests))
            .map_err(|error| StoreError::Disk(error.to_string()))?;
        Ok(Self {
            collections,
            queue,
            ailment,
        })
    }
}

impl Store for Embedded {
    fn revision(&self) -> Revision {
        *self.collections.newest.read()
    }

    fn get(&self, key: &str) -> BoxFuture<'_, Result<Option<Arc<Entry>>, StoreError>> {
        let found = self.collections.of(key).map(|collection| {
            let _whole = self.collections.newest.read();
            collection.get(key)
        });
        Box::pin(std::future::ready(found))
    }

    fn range<'a>(&'a self, query: RangeQuery<'a>) -> BoxFuture<'a, Result<Range, StoreError>> {
        let range = self.collections.of(query.prefix).and_then(|collection| {
            let newest = self.collections.newest.read();
            collection.range(query, *newest)
        });
        Box::pin(std::future::ready(range))
    }

    fn commit(&self, writes: Vec<Write>) -> BoxFuture<'_, Result<Vec<Arc<Entry>>, StoreError>> {
        Box::pin(async move {
            let (answer, result) = oneshot::channel();
            self.queue
                .send(Request { writes, answer })
                .await
                .map_err(|_| StoreError::Closed)?;
            result.await.map_err(|_| StoreError::Closed)?
        })
    }

    fn watch(&self, prefix: &str, after: Revision) -> Result<Watch, StoreError> {
        let collection = self.collections.of(prefix)?;
        let newest = self.revision();
        if after > newest {
            return Err(StoreError::Future { asked: after, newest });
        }
        collection.events(prefix, after)?;
        let changes = collection.changes();
        let newest = Arc::clone(&self.collections.newest);
        Ok(Watch {
            collection,
            changes,
            newest,
            prefix: prefix.to_owned(),
            position: after,
        })
    }

    fn ailment(&self) -> Option<String> {
        if self.queue.is_closed() {
            return Some(StoreError::Closed.to_string());
        }
        let ailment = self.ailment.read().unwrap_or_else(PoisonError::into_inner);
        ailment.as_ref().map(ToString::to_string)
    }

    fn compact(&self, revision: Revision) {
        let by_name = self.collections.by_name.read().unwrap_or_else(PoisonError::into_inner);
        by_name.values().for_each(|collection| collection.compact(revision));
    }
}

impl Collections {
    fn of(&self, key: &str) -> Result<Arc<Collection>, StoreError> {
        let name = collection_name(key).ok_or_else(|| StoreError::Key(key.to_owned()))?;
        if let Some(found) = self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(Arc::clone(found));
        }
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        let made = by_name
            .entry(name.into())
            .or_insert_with(|| Arc::new(Collection::new(self.opened_at)));
        Ok(Arc::clone(made))
    }

    /// Shows a durable transaction, all of it at once.
    fn publish(&self, events: Vec<Event>) {
        let Some(revision) = events.first().map(Event::revision) else {
            return;
        };
        let mut newest = self.newest.write();
        for event in events {
            match self.of(&event.entry.key) {
                Ok(collection) => collection.publish(event),
                Err(error) => tracing::error!(%error, "published a key without a collection"),
            }
        }
        *newest = revision;
    }
}

/// `/registry/core/pods/default/web` → `/registry/core/pods/`
fn collection_name(key: &str) -> Option<&str> {
    let end = key.match_indices('/').nth(3)?.0;
    key.get(..=end)
}

/// Owns the disk and the order of revisions.
struct Writer {
    disk: Disk,
    collections: Arc<Collections>,
    revision: Revision,
    /// States written by the running batch and not yet published; `None` is a removal.
    staged: HashMap<Arc<str>, Option<Arc<Entry>>>,
    /// Transactions of a write that failed, up to their revision: nobody can say yet whether the disk has them.
    doubtful: Option<(Vec<Vec<Event>>, Revision)>,
    ailment: Ailment,
}

impl Writer {
    fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut batch = Vec::with_capacity(BATCH);
        while requests.blocking_recv_many(&mut batch, BATCH) > 0 {
            match self.recover() {
                Ok(()) => self.process(batch.drain(..)),
                Err(error) => {
                    self.note(Some(&error));
                    refuse(batch.drain(..).map(|request| request.answer), &error);
                }
            }
        }
    }

    /// Says how the disk is to whoever asks.
    fn note(&self, error: Option<&StoreError>) {
        let mut ailment = self.ailment.write().unwrap_or_else(PoisonError::into_inner);
        match (&*ailment, error) {
            (None, Some(error)) => tracing::error!(%error, "no writes until the disk takes them"),
            (Some(_), None) => tracing::info!("the disk takes writes again"),
            _ => {}
        }
        *ailment = error.map(copy);
    }

    /// After a failed write: opens the file again and finds out what of it is there. All or nothing of a batch is.
    fn recover(&mut self) -> Result<(), StoreError> {
        let Some((_, attempted)) = &self.doubtful else {
            return Ok(());
        };
        let found = self.disk.reopen()?;
        if found != self.revision && found != *attempted {
            let expected = self.revision;
            return Err(StoreError::Disk(format!(
                "the file is at revision {found}, not {expected}"
            )));
        }
        let (transactions, attempted) = self.doubtful.take().unwrap_or_default();
        if found == attempted {
            self.revision = attempted;
            transactions
                .into_iter()
                .for_each(|events| self.collections.publish(events));
        }
        Ok(())
    }

    fn process(&mut self, batch: impl Iterator<Item = Request>) {
        let before = self.revision;
        let mut accepted: Vec<(Vec<Event>, Answer)> = Vec::new();
        for Request { writes, answer } in batch {
            match self.stage(writes) {
                Ok(events) => accepted.push((events, answer)),
                Err(error) => drop(answer.send(Err(error))),
            }
        }
        self.staged.clear();
        if accepted.is_empty() {
            return;
        }
        let events = accepted.iter().flat_map(|(events, _)| events);
        if let Err(error) = self.disk.write(events, self.revision) {
            self.note(Some(&error));
            let (transactions, answers): (Vec<_>, Vec<_>) = accepted.into_iter().unzip();
            self.doubtful = Some((transactions, self.revision));
            self.revision = before;
            refuse(answers, &error);
            return;
        }
        // only a write that was taken shows that writes are taken
        self.note(None);
        for (events, answer) in accepted {
            let entries = events.iter().map(|event| Arc::clone(&event.entry)).collect();
            self.collections.publish(events);
            drop(answer.send(Ok(entries)));
        }
    }

    /// Checks all preconditions, then stages all writes at one new revision.
    fn stage(&mut self, writes: Vec<Write>) -> Result<Vec<Event>, StoreError> {
        let mut states = Vec::with_capacity(writes.len());
        for write in &writes {
            let actual = self.current(&write.key)?;
            let holds = match write.expect {
                Expect::Absent => actual.is_none(),
                Expect::At(revision) => actual.as_ref().is_some_and(|entry| entry.mod_revision == revision),
                Expect::Present => actual.is_some(),
                Expect::Any => true,
            };
            if !holds {
                return Err(StoreError::Conflict {
                    key: write.key.clone(),
                    actual,
                });
            }
            states.push(actual);
        }
        let revision = Revision(self.revision.0 + 1);
        let mut events = Vec::with_capacity(writes.len());
        for (write, previous) in writes.into_iter().zip(states) {
            let (payload, deleted) = match write.op {
                Op::Put(payload) => (payload, false),
                Op::Delete(_) if previous.is_none() => continue,
                Op::Delete(payload) => (payload, true),
            };
            let entry = Arc::new(Entry {
                key: previous
                    .as_ref()
                    .map_or_else(|| Arc::from(write.key.as_str()), |entry| Arc::clone(&entry.key)),
                value: payload.seal(revision),
                header: payload.header,
                create_revision: previous.as_ref().map_or(revision, |entry| entry.create_revision),
                mod_revision: revision,
            });
            self.staged
                .insert(Arc::clone(&entry.key), (!deleted).then(|| Arc::clone(&entry)));
            events.push(Event {
                entry,
                previous,
                deleted,
            });
        }
        if !events.is_empty() {
            self.revision = revision;
        }
        Ok(events)
    }

    fn current(&self, key: &str) -> Result<Option<Arc<Entry>>, StoreError> {
        match self.staged.get(key) {
            Some(staged) => Ok(staged.clone()),
            None => Ok(self.collections.of(key)?.get(key)),
        }
    }
}

fn refuse(answers: impl IntoIterator<Item = Answer>, error: &StoreError) {
    for answer in answers {
        drop(answer.send(Err(copy(error))));
    }
}

/// For each of those whom one failed write concerns.
fn copy(error: &StoreError) -> StoreError {
    StoreError::Disk(match error {
        StoreError::Disk(reason) => reason.clone(),
        other => other.to_string(),
    })
}

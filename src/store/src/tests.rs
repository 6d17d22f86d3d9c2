//! The engine against a model: a plain list of all changes that ever happened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use proptest::prelude::*;
use redb::StorageBackend;

use super::*;

const PREFIX: &str = "/registry/core/things/";

fn payload(content: u8) -> Payload {
    Payload {
        header: Bytes::from(vec![content]),
        head: Bytes::from(format!("{content}@")),
        tail: Bytes::from("!"),
    }
}

fn key(id: u8) -> String {
    format!("{PREFIX}{id}")
}

fn put(id: u8, expect: Expect, content: u8) -> Write {
    Write {
        key: key(id),
        expect,
        op: Op::Put(payload(content)),
    }
}

fn delete(id: u8) -> Write {
    Write {
        key: key(id),
        expect: Expect::Present,
        op: Op::Delete(payload(0)),
    }
}

fn all() -> RangeQuery<'static> {
    RangeQuery::all(PREFIX)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

/// A disk whose power can be cut: writes behind the limit fail, and those not yet synced are lost.
#[derive(Debug, Clone)]
struct Faulty(Arc<Mutex<Power>>);

#[derive(Debug)]
struct Power {
    durable: Vec<u8>,
    volatile: Vec<u8>,
    operations_left: usize,
}

impl Faulty {
    fn new(content: Vec<u8>, operations_left: usize) -> Self {
        Self(Arc::new(Mutex::new(Power {
            durable: content.clone(),
            volatile: content,
            operations_left,
        })))
    }

    fn spend(&self) -> std::io::Result<std::sync::MutexGuard<'_, Power>> {
        let mut power = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        power.operations_left = power
            .operations_left
            .checked_sub(1)
            .ok_or(std::io::Error::other("power is cut"))?;
        Ok(power)
    }

    fn durable(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).durable.clone()
    }
}

fn on(disk: &Faulty) -> Result<Disk, StoreError> {
    let disk = disk.clone();
    Disk::on_backend(move || disk.clone())
}

impl StorageBackend for Faulty {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.0.lock().unwrap().volatile.len() as u64)
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        let power = self.0.lock().unwrap();
        out.copy_from_slice(&power.volatile[offset as usize..offset as usize + out.len()]);
        Ok(())
    }
    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.spend()?.volatile.resize(len as usize, 0);
        Ok(())
    }
    fn sync_data(&self) -> std::io::Result<()> {
        let mut power = self.spend()?;
        power.durable = power.volatile.clone();
        Ok(())
    }
    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.spend()?.volatile[offset as usize..offset as usize + data.len()].copy_from_slice(data);
        Ok(())
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8),
    Create(u8, u8),
    PutTwo(u8, u8, u8),
    Delete(u8),
    Compact(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0_u8..6;
    prop_oneof![
        4 => (id.clone(), any::<u8>()).prop_map(|(id, content)| Step::Put(id, content)),
        2 => (id.clone(), any::<u8>()).prop_map(|(id, content)| Step::Create(id, content)),
        1 => (id.clone(), 6_u8..9, any::<u8>()).prop_map(|(a, b, content)| Step::PutTwo(a, b, content)),
        2 => id.prop_map(Step::Delete),
        1 => any::<u8>().prop_map(Step::Compact),
    ]
}

/// State of every key after each revision.
#[derive(Default)]
struct Model {
    states: Vec<BTreeMap<String, Bytes>>,
    compacted: u64,
}

impl Model {
    fn newest(&self) -> BTreeMap<String, Bytes> {
        self.states.last().cloned().unwrap_or_default()
    }

    fn at(&self, revision: u64) -> BTreeMap<String, Bytes> {
        revision
            .checked_sub(1)
            .map_or_else(BTreeMap::new, |index| self.states[index as usize].clone())
    }

    /// The writes that the engine has to accept, applied here; `None` if it has to refuse them.
    fn apply(&mut self, step: &Step) -> Option<Vec<Write>> {
        let mut next = self.newest();
        let revision = Revision(self.states.len() as u64 + 1);
        let writes = match *step {
            Step::Put(id, content) => vec![put(id, Expect::Any, content)],
            Step::Create(id, content) => vec![put(id, Expect::Absent, content)],
            Step::PutTwo(a, b, content) => vec![put(a, Expect::Any, content), put(b, Expect::Any, content)],
            Step::Delete(id) => vec![delete(id)],
            Step::Compact(_) => return None,
        };
        let refused = writes.iter().any(|write| match write.expect {
            Expect::Absent => next.contains_key(&write.key),
            Expect::Present => !next.contains_key(&write.key),
            Expect::Any | Expect::At(_) => false,
        });
        if !refused {
            for write in &writes {
                match &write.op {
                    Op::Put(payload) => drop(next.insert(write.key.clone(), payload.seal(revision))),
                    Op::Delete(_) => drop(next.remove(&write.key)),
                }
            }
            self.states.push(next);
        }
        Some(writes)
    }
}

fn contents(range: &Range) -> BTreeMap<String, Bytes> {
    range
        .entries
        .iter()
        .map(|entry| (entry.key.to_string(), entry.value.clone()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_read_of_the_present_the_past_and_the_changes_agrees_with_the_model(steps in prop::collection::vec(step(), 1..60)) {
        let store = Embedded::start(Disk::in_memory().unwrap()).unwrap();
        let mut model = Model::default();
        block_on(async {
            for step in &steps {
                if let Step::Compact(at) = step {
                    model.compacted = model.compacted.max(u64::from(*at) % (model.states.len() as u64 + 1));
                    store.compact(Revision(model.compacted));
                    continue;
                }
                let before = model.states.len();
                let writes = model.apply(step).unwrap();
                let outcome = store.commit(writes).await;
                assert_eq!(outcome.is_ok(), model.states.len() > before, "{step:?}: {outcome:?}");
            }
            let newest = model.states.len() as u64;
            assert_eq!(store.revision(), Revision(newest));
            for revision in 0..=newest {
                let read = store.range(RangeQuery { at: Some(Revision(revision)), ..all() }).await;
                let watch = store.watch(PREFIX, Revision(revision));
                if revision < model.compacted {
                    assert!(matches!(read, Err(StoreError::Compacted { .. })), "{revision}: {read:?}");
                    assert!(matches!(watch, Err(StoreError::Compacted { .. })));
                    continue;
                }
                assert_eq!(contents(&read.unwrap()), model.at(revision));
                let mut replayed = model.at(revision);
                for event in watch.unwrap().ready().unwrap() {
                    let was = event.previous.as_ref().map(|entry| entry.value.clone());
                    assert_eq!(replayed.remove(&*event.entry.key), was);
                    if !event.deleted {
                        replayed.insert(event.entry.key.to_string(), event.entry.value.clone());
                    }
                }
                assert_eq!(replayed, model.newest());
            }
            assert!(matches!(store.watch(PREFIX, Revision(newest + 1)), Err(StoreError::Future { .. })));
        });
    }

    #[test]
    fn pages_join_to_the_whole(ids in prop::collection::btree_set(0_u8..40, 0..30), limit in 1_usize..7) {
        let store = Embedded::start(Disk::in_memory().unwrap()).unwrap();
        block_on(async {
            for id in &ids {
                store.commit(vec![put(*id, Expect::Absent, *id)]).await.unwrap();
            }
            let whole = store.range(all()).await.unwrap();
            let (mut joined, mut after): (Vec<Arc<Entry>>, Option<String>) = (Vec::new(), None);
            loop {
                let at = Some(whole.revision);
                let page = store.range(RangeQuery { after: after.as_deref(), limit, at, ..all() }).await.unwrap();
                assert_eq!(page.remaining, whole.entries.len() - joined.len() - page.entries.len());
                joined.extend(page.entries);
                if page.remaining == 0 { break; }
                store.commit(vec![put(50, Expect::Any, 1)]).await.unwrap();
                after = joined.last().map(|entry| entry.key.to_string());
            }
            assert_eq!(joined, whole.entries);
        });
    }

    #[test]
    fn a_power_cut_loses_nothing_acknowledged_and_shows_no_half(
        steps in prop::collection::vec(step(), 1..40),
        operations in 1_usize..400,
    ) {
        let formatted = Faulty::new(Vec::new(), usize::MAX);
        drop(Embedded::start(on(&formatted).unwrap()).unwrap());
        let disk = Faulty::new(formatted.durable(), operations);
        let mut model = Model::default();
        let mut unacknowledged = None;
        if let Ok(store) = on(&disk).and_then(Embedded::start) {
            block_on(async {
                for step in &steps {
                    let before = model.states.len();
                    let Some(writes) = model.apply(step) else { continue };
                    let accepts = model.states.len() > before;
                    if let Err(StoreError::Disk(_)) = store.commit(writes).await && accepts {
                        unacknowledged = model.states.pop();
                        break;
                    }
                }
            });
        }
        let store = Embedded::start(on(&Faulty::new(disk.durable(), usize::MAX)).unwrap()).unwrap();
        let found = contents(&block_on(store.range(all())).unwrap());
        let whole = found == model.newest() || Some(&found) == unacknowledged.as_ref();
        prop_assert!(whole, "found {found:?}, acknowledged {:?}, pending {unacknowledged:?}", model.newest());
        prop_assert_eq!(store.revision().0 >= model.states.len() as u64, true);
    }
}

/// For every operation at which a disk can begin to refuse: writes fail until it takes them again, and what a failed write has
/// left behind is either seen whole or not at all, by readers, watchers and those who open the file later.
#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    for operations in 0..60 {
        let disk = Faulty::new(Vec::new(), usize::MAX);
        let store = Embedded::start(on(&disk).unwrap()).unwrap();
        block_on(async {
            store.commit(vec![put(1, Expect::Any, 1)]).await.unwrap();
            let mut watch = store.watch(PREFIX, store.revision()).unwrap();
            disk.0.lock().unwrap().operations_left = operations;
            let mut acknowledged = 0;
            for id in 2..9 {
                match store
                    .commit(vec![put(id, Expect::Absent, id), put(id + 50, Expect::Absent, id)])
                    .await
                {
                    Ok(_) => acknowledged += 1,
                    Err(StoreError::Disk(_)) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            let is_full = acknowledged < 7;
            assert_eq!(store.ailment().is_some(), is_full);
            assert_eq!(store.range(all()).await.unwrap().entries.len(), 1 + 2 * acknowledged);
            disk.0.lock().unwrap().operations_left = usize::MAX;
            store.commit(vec![put(100, Expect::Absent, 1)]).await.unwrap();
            assert_eq!(store.ailment(), None);
            let found = store.range(all()).await.unwrap();
            let shown = found.entries.len() - 2;
            assert!(
                shown == 2 * acknowledged || (is_full && shown == 2 * acknowledged + 2),
                "{shown} of {acknowledged}"
            );
            let mut told = Vec::new();
            while told.len() < shown + 1 {
                told.extend(
                    watch
                        .next()
                        .await
                        .unwrap()
                        .into_iter()
                        .map(|event| event.entry.key.to_string()),
                );
            }
            assert_eq!(told.last(), Some(&key(100)));
            let (whole, revision) = (contents(&found), store.revision());
            drop(store);
            let later = Embedded::start(on(&Faulty::new(disk.durable(), usize::MAX)).unwrap()).unwrap();
            assert_eq!(
                (contents(&later.range(all()).await.unwrap()), later.revision()),
                (whole, revision)
            );
        });
    }
}

#[test]
fn a_waiting_watcher_wakes_for_its_prefix_only() {
    let store = Embedded::start(Disk::in_memory().unwrap()).unwrap();
    block_on(async {
        let mut watch = store.watch(&format!("{PREFIX}1"), Revision(0)).unwrap();
        let (events, ()) = tokio::join!(watch.next(), async {
            store.commit(vec![put(2, Expect::Any, 2)]).await.unwrap();
            store.commit(vec![put(1, Expect::Any, 1)]).await.unwrap();
        });
        let events = events.unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].entry.value, "1@2!");
    });
}

#[test]
fn a_watcher_behind_the_ring_is_told_to_list_again() {
    let store = Embedded::start(Disk::in_memory().unwrap()).unwrap();
    block_on(async {
        let mut watch = store.watch(PREFIX, Revision(0)).unwrap();
        let writes = (0..1200_u32).map(|n| store.commit(vec![put((n % 5) as u8, Expect::Any, 0)]));
        for written in futures_join(writes).await {
            written.unwrap();
        }
        assert!(matches!(watch.next().await, Err(StoreError::Compacted { .. })));
    });
}

async fn futures_join<T>(futures: impl Iterator<Item = BoxFuture<'_, T>>) -> Vec<T> {
    let mut all = Vec::new();
    for future in futures {
        all.push(future.await);
    }
    all
}

#[test]
fn a_key_without_a_collection_is_refused() {
    let store = Embedded::start(Disk::in_memory().unwrap()).unwrap();
    assert!(matches!(block_on(store.get("/registry/pods")), Err(StoreError::Key(_))));
}

/// Whoever hears of a change and then looks sees it, with all that its transaction wrote: controllers decide by such a look
/// and hear of the change only once.
#[test]
fn what_a_watcher_was_told_every_later_read_shows() {
    use std::sync::atomic::{AtomicU64, Ordering};

    const OTHER: &str = "/registry/core/others/0";
    const CHANGES: u64 = 20_000;
    // a watcher that gets no processor for a while must not fall behind the ring: that is another test's
    const AHEAD: u64 = 500;
    let store = Embedded::start(Disk::in_memory().unwrap()).unwrap();
    let heard = AtomicU64::new(0);
    std::thread::scope(|threads| {
        let watcher = threads.spawn(|| {
            let mut watch = store.watch(PREFIX, Revision(0)).unwrap();
            let mut told = Revision(0);
            while told < Revision(CHANGES) {
                let Some(event) = watch.ready().unwrap().pop() else {
                    continue;
                };
                told = event.revision();
                heard.store(told.0, Ordering::Release);
                let list = block_on(store.range(all())).unwrap();
                let other = block_on(store.get(OTHER)).unwrap().unwrap();
                assert!(list.revision >= told, "told of {told:?}, listed at {:?}", list.revision);
                assert!(
                    other.mod_revision >= told,
                    "told of {told:?}, read {:?}",
                    other.mod_revision
                );
                assert!(store.watch(PREFIX, told).is_ok());
            }
        });
        let write = |key: String| Write {
            key,
            expect: Expect::Any,
            op: Op::Put(payload(0)),
        };
        block_on(async {
            for done in 0..CHANGES / 100 {
                while !watcher.is_finished() && done * 100 > heard.load(Ordering::Acquire) + AHEAD {
                    std::thread::yield_now();
                }
                // one batch, so that revisions follow each other closely
                let batch = (0..100).map(|_| store.commit(vec![write(key(0)), write(OTHER.to_owned())]));
                for committed in futures::future::join_all(batch).await {
                    committed.unwrap();
                }
            }
        });
    });
}

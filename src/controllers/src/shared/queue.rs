//! A queue of keys: each at most once, never worked on twice at a time, retried with growing delays.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt::Display;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Error, Result};

const FIRST_RETRY: Duration = Duration::from_millis(5);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

struct State<K> {
    ready: VecDeque<K>,
    /// In `ready`, or to be put there when work on it is done.
    dirty: HashSet<K>,
    working: HashSet<K>,
    later: BTreeMap<(Instant, u64), K>,
    failures: HashMap<K, u32>,
    /// When keys that come again and again come next.
    due: HashMap<K, Instant>,
    sequence: u64,
}

/// The queue.
pub(crate) struct Queue<K> {
    state: Mutex<State<K>>,
    wake: Notify,
}

impl<K: Clone + Eq + Hash> Queue<K> {
    pub(crate) fn new() -> Arc<Self> {
        let state = State {
            ready: VecDeque::new(),
            dirty: HashSet::new(),
            working: HashSet::new(),
            later: BTreeMap::new(),
            failures: HashMap::new(),
            due: HashMap::new(),
            sequence: 0,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            wake: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, key: K) {
        let mut state = self.lock();
        if !state.dirty.insert(key.clone()) {
            return;
        }
        if !state.working.contains(&key) {
            state.ready.push_back(key);
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Adds the key when the time has passed.
    pub(crate) fn add_after(&self, key: K, delay: Duration) {
        if delay.is_zero() {
            return self.add(key);
        }
        let mut state = self.lock();
        state.sequence += 1;
        let at = (Instant::now() + delay, state.sequence);
        state.later.insert(at, key);
        drop(state);
        self.wake.notify_one();
    }

    /// Adds the key when the time has passed, unless an earlier call will do so before. However often work on the key is done
    /// meanwhile, the key comes once for it.
    pub(crate) fn add_within(&self, key: K, period: Duration) {
        let now = Instant::now();
        {
            let mut state = self.lock();
            state.due.retain(|_, due| *due > now);
            if state.due.get(&key).is_some_and(|due| *due <= now + period) {
                return;
            }
            state.due.insert(key.clone(), now + period);
        }
        self.add_after(key, period);
    }

    fn retry(&self, key: K) {
        let failures = {
            let mut state = self.lock();
            let failures = state.failures.entry(key.clone()).or_insert(0);
            *failures = failures.saturating_add(1);
            *failures
        };
        let delay = FIRST_RETRY.saturating_mul(1 << (failures - 1).min(20));
        self.add_after(key, delay.min(LONGEST_RETRY));
    }

    fn forget(&self, key: &K) {
        self.lock().failures.remove(key);
    }

    async fn next(&self) -> K {
        loop {
            let deadline = {
                let mut state = self.lock();
                let now = Instant::now();
                while let Some(entry) = state.later.first_entry().filter(|entry| entry.key().0 <= now) {
                    let key = entry.remove();
                    if state.dirty.insert(key.clone()) && !state.working.contains(&key) {
                        state.ready.push_back(key);
                    }
                }
                if let Some(key) = state.ready.pop_front() {
                    state.dirty.remove(&key);
                    state.working.insert(key.clone());
                    return key;
                }
                state.later.first_key_value().map(|((at, _), _)| *at)
            };
            match deadline {
                Some(at) => {
                    tokio::select! {
                        () = self.wake.notified() => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                None => self.wake.notified().await,
            }
        }
    }

    fn done(&self, key: &K) {
        let mut state = self.lock();
        state.working.remove(key);
        if state.dirty.contains(key) {
            state.ready.push_back(key.clone());
            drop(state);
            self.wake.notify_one();
        }
    }
}

/// Works on the queue's keys, `workers` at a time, until cancelled. A key whose sync fails comes again.
pub(crate) async fn work<K, F, Fut>(name: &'static str, queue: &Queue<K>, workers: usize, sync: F) -> Result<()>
where
    K: Clone + Eq + Hash + Display,
    F: Fn(K) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let keys = futures::stream::unfold((), |()| async { Some((queue.next().await, ())) });
    keys.for_each_concurrent(workers, |key| {
        let work = sync(key.clone());
        async move {
            match work.await {
                Ok(()) => queue.forget(&key),
                Err(error) => {
                    match &error {
                        // Another write came first: the next sync sees it.
                        Error::Kube(inner) if super::error::code(inner) == 409 => {
                            tracing::debug!(controller = name, %key, %error, "conflict");
                        }
                        Error::Again(_) => tracing::debug!(controller = name, %key, %error, "again"),
                        _ => tracing::warn!(controller = name, %key, %error, "sync failed"),
                    }
                    queue.retry(key.clone());
                }
            }
            queue.done(&key);
        }
    })
    .await;
    Ok(())
}

/// What a controller's queue holds if it looks at several kinds: `Task`, with a key and a word for each.
macro_rules! tasks {
    ($($kind:ident: $word:literal,)*) => {
        /// What is looked at.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        enum Task {
            $($kind($crate::shared::Key),)*
        }

        impl std::fmt::Display for Task {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$kind(key) => write!(f, concat!($word, " {}"), key),)*
                }
            }
        }
    };
}
pub(crate) use tasks;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_key_waits_once_and_comes_again_after_work() {
        let queue = Queue::new();
        queue.add("a");
        queue.add("a");
        queue.add("b");
        assert_eq!(queue.next().await, "a");
        queue.add("a");
        assert_eq!(queue.next().await, "b");
        queue.done(&"a");
        assert_eq!(queue.next().await, "a");
    }

    #[tokio::test(start_paused = true)]
    async fn delayed_keys_come_in_order_of_their_times() {
        let queue = Queue::new();
        queue.add_after("late", Duration::from_secs(60));
        queue.add_after("soon", Duration::from_secs(1));
        assert_eq!(queue.next().await, "soon");
        assert_eq!(queue.next().await, "late");
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_again_and_again_comes_once_at_a_time() {
        let queue = Queue::new();
        let period = Duration::from_secs(10);
        queue.add_within("a", period);
        tokio::time::advance(Duration::from_secs(4)).await;
        queue.add_within("a", period);
        let start = Instant::now();
        assert_eq!(queue.next().await, "a");
        assert_eq!(start.elapsed().as_secs(), 6);
        queue.add_within("a", period);
        queue.done(&"a");
        let more = tokio::time::timeout(Duration::from_secs(9), queue.next()).await;
        assert!(more.is_err(), "{more:?}");
        assert_eq!(queue.next().await, "a");
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_time_counts_and_a_later_one_adds_nothing() {
        let queue = Queue::new();
        let start = Instant::now();
        for seconds in [40, 5, 20] {
            queue.add_within("a", Duration::from_secs(seconds));
        }
        for seconds in [5, 40] {
            assert_eq!(queue.next().await, "a");
            assert_eq!(start.elapsed().as_secs(), seconds);
            queue.done(&"a");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn retries_wait_longer_each_time() {
        let queue = Queue::new();
        let mut waits = Vec::new();
        for _ in 0..4 {
            let start = Instant::now();
            queue.retry("a");
            queue.next().await;
            queue.done(&"a");
            waits.push(start.elapsed());
        }
        assert!(waits.is_sorted_by(|a, b| a < b), "{waits:?}");
    }
}

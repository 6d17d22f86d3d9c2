//! Pods without a node: those to try now, and those that wait for the cluster to change or for their back-off.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::pod::PodInfo;

/// A pod that fitted nowhere is tried again after this, whatever happened.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

#[derive(Debug)]
struct Waiting {
    pod: Arc<PodInfo>,
    /// When it may be tried again if the cluster changed.
    ready_at: Instant,
    /// When it is tried again if it did not.
    at_last: Instant,
    /// The cluster changed since it was tried.
    woken: bool,
}

/// The queue. Pods of higher priority come first, then those that came earlier.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    active: BTreeMap<(Reverse<i32>, u64), Arc<PodInfo>>,
    order: HashMap<String, (Reverse<i32>, u64)>,
    waiting: HashMap<String, Waiting>,
    attempts: HashMap<String, u32>,
    /// Why it fits nowhere, as last told the pod.
    told: HashMap<String, String>,
    counter: u64,
    /// The first and the longest wait of a pod that fitted nowhere.
    backoff: (Duration, Duration),
}

impl Queue {
    pub(crate) fn new(backoff: (Duration, Duration)) -> Self {
        Self {
            backoff,
            ..Self::default()
        }
    }

    /// A pod that is new or that changed is tried at once.
    pub(crate) fn push(&mut self, pod: Arc<PodInfo>) {
        self.waiting.remove(&pod.uid);
        if let Some(place) = self.order.get(&pod.uid) {
            self.active.insert(*place, pod);
            return;
        }
        self.counter += 1;
        let place = (Reverse(pod.priority), self.counter);
        self.order.insert(pod.uid.clone(), place);
        self.active.insert(place, pod);
    }

    pub(crate) fn has_active(&self) -> bool {
        !self.active.is_empty()
    }

    pub(crate) fn pop(&mut self) -> Option<Arc<PodInfo>> {
        let (_, pod) = self.active.pop_first()?;
        self.order.remove(&pod.uid);
        *self.attempts.entry(pod.uid.clone()).or_default() += 1;
        Some(pod)
    }

    /// The pod could not be placed.
    pub(crate) fn park(&mut self, pod: Arc<PodInfo>, now: Instant) {
        self.park_until(pod, now, now + LONGEST_WAIT);
    }

    /// The pod waits for something, but no longer than until then.
    pub(crate) fn park_until(&mut self, pod: Arc<PodInfo>, now: Instant, at_last: Instant) {
        let attempts = self.attempts.get(&pod.uid).copied().unwrap_or(1);
        let (first, longest) = self.backoff;
        let backoff = first.saturating_mul(1 << (attempts - 1).min(8)).min(longest);
        let waiting = Waiting {
            ready_at: now + backoff,
            at_last,
            woken: false,
            pod,
        };
        self.waiting.insert(waiting.pod.uid.clone(), waiting);
    }

    /// Takes a change of a pod that waits; true if there is nothing in it to be tried for. What is kept of the pod is always
    /// the newest.
    pub(crate) fn keeps(&mut self, pod: &Arc<PodInfo>) -> bool {
        let Some(waiting) = self.waiting.get_mut(&pod.uid) else {
            return false;
        };
        let known = &waiting.pod;
        if pod.is_older_than(known) {
            return true;
        }
        let same = known.gated == pod.gated
            && known.generation == pod.generation
            && known.labels == pod.labels
            // a place that it counted on is another's
            && (known.nominated.is_empty() || known.nominated == pod.nominated);
        waiting.pod = Arc::clone(pod);
        same
    }

    pub(crate) fn remove(&mut self, uid: &str) {
        self.waiting.remove(uid);
        self.attempts.remove(uid);
        self.told.remove(uid);
        if let Some(place) = self.order.remove(uid) {
            self.active.remove(&place);
        }
    }

    /// What these pods waited for has happened: they are tried at once.
    pub(crate) fn retry(&mut self, waited: impl Fn(&PodInfo) -> bool, now: Instant) {
        for waiting in self.waiting.values_mut().filter(|waiting| waited(&waiting.pod)) {
            (waiting.woken, waiting.ready_at) = (true, now);
        }
    }

    /// The cluster changed in a way that may make room.
    pub(crate) fn wake(&mut self) {
        self.waiting.values_mut().for_each(|waiting| waiting.woken = true);
    }

    /// Something changed that matters to these.
    pub(crate) fn wake_if(&mut self, matters: impl Fn(&PodInfo) -> bool) {
        let waiting = self.waiting.values_mut().filter(|waiting| matters(&waiting.pod));
        waiting.for_each(|waiting| waiting.woken = true);
    }

    /// Moves those whose time has come to be tried; says when the next one's time comes.
    pub(crate) fn advance(&mut self, now: Instant) -> Option<Instant> {
        let due = |waiting: &Waiting| {
            if waiting.woken {
                waiting.ready_at
            } else {
                waiting.at_last
            }
        };
        let ready: Vec<Arc<PodInfo>> = self
            .waiting
            .values()
            .filter(|waiting| due(waiting) <= now)
            .map(|waiting| Arc::clone(&waiting.pod))
            .collect();
        ready.into_iter().for_each(|pod| self.push(pod));
        self.waiting.values().map(due).min()
    }

    /// Takes note of what the pod is told; false if it has been told that before.
    pub(crate) fn tells(&mut self, uid: &str, why: &str) -> bool {
        self.told.insert(uid.to_owned(), why.to_owned()).as_deref() != Some(why)
    }
}

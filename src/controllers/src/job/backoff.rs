//! How long a job waits after failures before it makes more pods. A success ends the wait.
//!
//! Semantics: upstream's `backoff_utils.go`.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::JobSpec;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::policy;
use crate::shared::pods;

const FIRST: u64 = 10;
const LONGEST: u64 = 600;

/// The failures since the last success.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    last: Option<Timestamp>,
    /// Pods that count already and are still there, by UID.
    noted: BTreeSet<String>,
}

impl Backoff {
    /// Takes note of those of the finished pods that are new.
    pub(super) fn note(&mut self, finished: &[Arc<Pod>]) {
        let uid = |pod: &Arc<Pod>| pod.uid().unwrap_or_default();
        let new = finished.iter().filter(|pod| !self.noted.contains(&uid(pod)));
        let (succeeded, failed): (Vec<&Arc<Pod>>, Vec<_>) = new.partition(|pod| pods::phase(pod) == "Succeeded");
        let success = succeeded.iter().map(|pod| finished_at(pod)).max();
        if success.is_some() {
            (self.failures, self.last) = (0, None);
        }
        let since = failed.iter().map(|pod| finished_at(pod));
        for failure in since.filter(|failure| success.is_none_or(|success| *failure > success)) {
            self.failures = self.failures.saturating_add(1);
            self.last = self.last.max(Some(failure));
        }
        self.noted = finished.iter().map(uid).collect();
    }

    /// Seconds to wait before more pods are made.
    pub(super) fn remaining(&self, now: Timestamp) -> u64 {
        self.last.map_or(0, |last| remaining(self.failures, last, now))
    }
}

/// Seconds until the index of the pod, which failed, may be tried again.
pub(super) fn of_index(spec: &JobSpec, failed: &Pod, now: Timestamp) -> u64 {
    let (counted, ignored) = policy::failures_with(spec, failed);
    remaining(u32::try_from(counted + ignored).unwrap_or(1), finished_at(failed), now)
}

fn remaining(failures: u32, last: Timestamp, now: Timestamp) -> u64 {
    if failures == 0 {
        return 0;
    }
    let wait = FIRST.saturating_mul(1 << (failures - 1).min(10)).min(LONGEST);
    let passed = u64::try_from(now.duration_since(last).as_secs()).unwrap_or_default();
    wait.saturating_sub(passed)
}

/// When the pod ended, as far as is known.
fn finished_at(pod: &Pod) -> Timestamp {
    let unready = || {
        let ready = pods::condition(pod, "Ready").filter(|ready| ready.status == "False")?;
        Some(ready.last_transition_time.as_ref()?.0)
    };
    let deleted = || {
        let grace = SignedDuration::from_secs(pod.metadata.deletion_grace_period_seconds.unwrap_or_default());
        pod.metadata.deletion_timestamp.as_ref()?.0.checked_sub(grace).ok()
    };
    let created = || Some(pod.creation_timestamp()?.0);
    let known = pods::finished_at(pod)
        .or_else(unready)
        .or_else(deleted)
        .or_else(created);
    known.unwrap_or_else(Timestamp::now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(uid: &str, phase: &str, second: i64) -> Arc<Pod> {
        let ended =
            json!({"name": "c", "state": {"terminated": {"exitCode": 0, "finishedAt": at(second).to_string()}}});
        let pod = json!({"metadata": {"uid": uid}, "status": {"phase": phase, "containerStatuses": [ended]}});
        Arc::new(serde_json::from_value(pod).expect("pod"))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).expect("time")
    }

    #[test]
    fn a_success_ends_the_wait_and_later_failures_begin_it_anew() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.remaining(at(0)), 0);
        let mut all = vec![pod("a", "Failed", 1), pod("b", "Failed", 5), pod("c", "Failed", 3)];
        backoff.note(&all);
        assert_eq!(backoff.remaining(at(5)), 40, "three failures, the last a moment ago");
        backoff.note(&all);
        assert_eq!(backoff.remaining(at(15)), 30, "no pod counts twice");
        all.extend([pod("d", "Succeeded", 20), pod("e", "Failed", 19)]);
        backoff.note(&all);
        assert_eq!(backoff.remaining(at(20)), 0);
        all.push(pod("f", "Failed", 21));
        backoff.note(&all);
        assert_eq!(backoff.remaining(at(21)), 10);
    }

    #[test]
    fn the_end_of_a_pod_is_known_without_its_containers() {
        let of = |pod: serde_json::Value| finished_at(&serde_json::from_value(pod).expect("pod"));
        let time = at(100).to_string();
        let ready = json!({"type": "Ready", "status": "False", "lastTransitionTime": time});
        assert_eq!(of(json!({"metadata": {}, "status": {"conditions": [ready]}})), at(100));
        let deleted = json!({"metadata": {"deletionTimestamp": time, "deletionGracePeriodSeconds": 30}});
        assert_eq!(of(deleted), at(70));
        assert_eq!(of(json!({"metadata": {"creationTimestamp": time}})), at(100));
    }
}

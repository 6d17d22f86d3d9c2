//! What a ReplicaSet's status says.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;

use super::failure_condition;
use crate::shared::pods::{is_available, is_ready, ready_since};

/// The status that fits the pods. `failure`: whether pods were being made, and what went wrong.
pub(super) fn calculate(
    set: &ReplicaSet,
    active: &[Arc<Pod>],
    terminating: usize,
    failure: Option<(bool, String)>,
    now: Timestamp,
) -> ReplicaSetStatus {
    let spec = set.spec.clone().unwrap_or_default();
    let min_ready = spec.min_ready_seconds.unwrap_or_default();
    let template = spec
        .template
        .and_then(|template| template.metadata)
        .and_then(|meta| meta.labels)
        .unwrap_or_default();
    let labelled = |pod: &&Arc<Pod>| {
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        template.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    let count = |matching: &dyn Fn(&&Arc<Pod>) -> bool| as_i32(active.iter().filter(|pod| matching(pod)).count());
    let old = set.status.clone().unwrap_or_default();
    let had_failure = old
        .conditions
        .iter()
        .flatten()
        .any(|condition| condition.type_ == "ReplicaFailure");
    let mut conditions = old.conditions.clone();
    match failure {
        Some((creating, message)) if !had_failure => {
            conditions
                .get_or_insert_default()
                .push(failure_condition(creating, message, now));
        }
        None if had_failure => {
            let kept = old
                .conditions
                .into_iter()
                .flatten()
                .filter(|condition| condition.type_ != "ReplicaFailure");
            conditions = Some(kept.collect::<Vec<_>>()).filter(|kept| !kept.is_empty());
        }
        _ => {}
    }
    let some = |count: i32| (count != 0).then_some(count);
    ReplicaSetStatus {
        replicas: as_i32(active.len()),
        fully_labeled_replicas: some(count(&labelled)),
        ready_replicas: some(count(&|pod| is_ready(pod))),
        available_replicas: some(count(&|pod| is_available(pod, min_ready, now))),
        terminating_replicas: Some(as_i32(terminating)),
        observed_generation: set.metadata.generation,
        conditions,
    }
}

/// Seconds until the next ready pod has been so for long enough.
pub(super) fn next_available(set: &ReplicaSet, active: &[Arc<Pod>], now: Timestamp) -> Option<u64> {
    let min_ready = set.spec.as_ref()?.min_ready_seconds.filter(|seconds| *seconds > 0)?;
    let waits = active
        .iter()
        .filter(|pod| is_ready(pod) && !is_available(pod, min_ready, now))
        .filter_map(|pod| {
            let passed = now.duration_since(ready_since(pod)?).as_secs();
            u64::try_from(i64::from(min_ready) - passed).ok()
        });
    waits.min().map(|wait| wait.max(1))
}

fn as_i32(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

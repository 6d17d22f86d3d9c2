//! What to do next, in which order. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::identity::{REVISION, ordinal};
use crate::shared::pods::{is_available, is_finished, is_ready, is_terminating, phase};

/// One thing to do.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Create {
        ordinal: i32,
        /// Of the new revision, not of the one being left.
        newest: bool,
    },
    /// The claims of a pod that is there, as far as they are missing.
    Claims(i32),
    Delete(Arc<Pod>),
}

/// The steps that can be taken now.
pub(super) fn plan(set: &StatefulSet, all: &[Arc<Pod>], current: &str, update: &str, now: Timestamp) -> Vec<Step> {
    let spec = set.spec.clone().unwrap_or_default();
    let parallel = spec.pod_management_policy.as_deref() == Some("Parallel");
    let min_ready = spec.min_ready_seconds.unwrap_or_default();
    let healthy = |pod: &Arc<Pod>| {
        phase(pod) == "Running" && is_ready(pod) && is_available(pod, min_ready, now) && !is_terminating(pod)
    };
    let start = spec
        .ordinals
        .as_ref()
        .and_then(|ordinals| ordinals.start)
        .unwrap_or_default();
    let end = start + spec.replicas.unwrap_or(1);
    let strategy = spec.update_strategy.clone().unwrap_or_default();
    let on_delete = strategy.type_.as_deref() == Some("OnDelete");
    let partition = strategy
        .rolling_update
        .as_ref()
        .and_then(|rolling| rolling.partition)
        .unwrap_or_default();
    let mut here: BTreeMap<i32, Arc<Pod>> = BTreeMap::new();
    let mut condemned: Vec<(i32, Arc<Pod>)> = Vec::new();
    for pod in all {
        match ordinal(pod) {
            Some(place) if (start..end).contains(&place) => drop(here.insert(place, pod.clone())),
            Some(place) => condemned.push((place, pod.clone())),
            None => {}
        }
    }
    condemned.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    let mut steps = Vec::new();
    for place in start..end {
        let waits = match here.get(&place) {
            None => {
                let keep_old = !on_delete && place < start + partition;
                steps.push(Step::Create {
                    ordinal: place,
                    newest: !(keep_old && current != update),
                });
                true
            }
            Some(pod) if is_finished(pod) => {
                if !is_terminating(pod) {
                    steps.push(Step::Delete(pod.clone()));
                }
                true
            }
            Some(pod) => {
                // somebody may have deleted what it waits for
                if phase(pod) == "Pending" {
                    steps.push(Step::Claims(place));
                }
                !healthy(pod)
            }
        };
        if waits && !parallel {
            return steps;
        }
    }
    // Down from the top, one at a time, the rest being well.
    let first_unhealthy = here
        .values()
        .chain(condemned.iter().rev().map(|(_, pod)| pod))
        .find(|pod| !healthy(pod));
    for (_, pod) in &condemned {
        if is_terminating(pod) {
            if parallel {
                continue;
            }
            return steps;
        }
        let first = first_unhealthy.is_some_and(|first| first.name_any() == pod.name_any());
        if !parallel && !healthy(pod) && !first {
            return steps;
        }
        steps.push(Step::Delete(pod.clone()));
        if !parallel {
            return steps;
        }
    }
    if on_delete || steps.iter().any(|step| !matches!(step, Step::Claims(_))) {
        return steps;
    }
    for place in ((start + partition)..end).rev() {
        let Some(pod) = here.get(&place) else { break };
        let old = pod.labels().get(REVISION).is_none_or(|revision| revision != update);
        if old && !is_terminating(pod) {
            steps.push(Step::Delete(pod.clone()));
            break;
        }
        if !healthy(pod) {
            break;
        }
    }
    steps
}

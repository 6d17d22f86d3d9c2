//! What a DaemonSet's status says.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetStatus};
use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt as _;

use super::{ByNode, HASH, nodes};
use crate::shared::pods::{is_available, is_ready, is_terminating};

pub(super) fn calculate(
    set: &DaemonSet,
    all: &[Arc<Node>],
    by_node: &ByNode,
    hash: &str,
    now: Timestamp,
) -> DaemonSetStatus {
    let min_ready = set
        .spec
        .as_ref()
        .and_then(|spec| spec.min_ready_seconds)
        .unwrap_or_default();
    let (mut desired, mut current, mut misplaced, mut ready, mut updated, mut available) = (0, 0, 0, 0, 0, 0);
    for node in all {
        let (run, _) = nodes::should_run(node, set);
        let here = by_node.get(&node.name_any());
        let mut live: Vec<_> = here.into_iter().flatten().filter(|pod| !is_terminating(pod)).collect();
        if !run {
            misplaced += i32::from(!live.is_empty());
            continue;
        }
        desired += 1;
        // The oldest stands for the node.
        live.sort_by_key(|pod| (!is_ready(pod), pod.metadata.creation_timestamp.clone()));
        let Some(first) = live.first() else { continue };
        current += 1;
        ready += i32::from(is_ready(first));
        available += i32::from(is_available(first, min_ready, now));
        updated += i32::from(
            live.iter()
                .any(|pod| pod.labels().get(HASH).is_some_and(|own| own == hash)),
        );
    }
    let some = |count: i32| (count != 0).then_some(count);
    let old = set.status.clone().unwrap_or_default();
    DaemonSetStatus {
        current_number_scheduled: current,
        desired_number_scheduled: desired,
        number_misscheduled: misplaced,
        number_ready: ready,
        updated_number_scheduled: some(updated),
        number_available: some(available),
        number_unavailable: some(desired - available),
        observed_generation: set.metadata.generation,
        collision_count: old.collision_count,
        conditions: old.conditions,
    }
}

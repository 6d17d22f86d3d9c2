//! NodeResourcesFit and NodeResourcesBalancedAllocation: room for what the pod requests.

use crate::cache::NodeInfo;
use crate::pod::PodInfo;

/// Resources that scores look at.
const SCORED: [&str; 2] = ["cpu", "memory"];

pub(super) fn filter(pod: &PodInfo, node: &NodeInfo) -> Vec<String> {
    let mut reasons = Vec::new();
    let allocatable = |name: &str| node.allocatable.get(name).copied().unwrap_or_default();
    if node.pods.len() as i64 + 1 > allocatable("pods") {
        reasons.push("Too many pods".to_owned());
    }
    for (name, wanted) in pod.requests.iter().filter(|(_, wanted)| **wanted > 0) {
        let used = node.requested.get(name).copied().unwrap_or_default();
        if *wanted > allocatable(name) - used {
            reasons.push(format!("Insufficient {name}"));
        }
    }
    reasons
}

/// The share of cpu and memory that stays free.
pub(super) fn least_allocated(pod: &PodInfo, node: &NodeInfo) -> i64 {
    let shares = SCORED.iter().filter_map(|name| used_share(pod, node, name));
    let free: Vec<i64> = shares.map(|share| ((1.0 - share).max(0.0) * 100.0) as i64).collect();
    if free.is_empty() {
        0
    } else {
        free.iter().sum::<i64>() / free.len() as i64
    }
}

/// How evenly cpu and memory are used.
pub(super) fn balanced_allocation(pod: &PodInfo, node: &NodeInfo) -> i64 {
    let shares: Vec<f64> = SCORED
        .iter()
        .filter_map(|name| used_share(pod, node, name))
        .map(|share| share.min(1.0))
        .collect();
    match shares.as_slice() {
        [cpu, memory] => ((1.0 - (cpu - memory).abs() / 2.0) * 100.0) as i64,
        _ => 0,
    }
}

fn used_share(pod: &PodInfo, node: &NodeInfo, name: &str) -> Option<f64> {
    let total = node.allocatable.get(name).copied().filter(|total| *total > 0)?;
    let used = node.scored.get(name).copied().unwrap_or_default() + pod.scored.get(name).copied().unwrap_or_default();
    Some(used as f64 / total as f64)
}

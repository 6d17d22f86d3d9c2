//! One decision: which node is best for a pod.

use std::collections::BTreeMap;

use crate::cache::NodeInfo;
use crate::plugins::{FILTERS, SCORES};
use crate::pod::PodInfo;

/// Why no node fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unschedulable {
    nodes: usize,
    /// How many nodes were refused for each reason.
    reasons: BTreeMap<String, usize>,
}

impl std::fmt::Display for Unschedulable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.nodes == 0 {
            return f.write_str("no nodes available to schedule pods");
        }
        let mut reasons: Vec<String> = self
            .reasons
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        reasons.sort();
        write!(f, "0/{} nodes are available: {}.", self.nodes, reasons.join(", "))
    }
}

/// The best node for the pod. `volumes` says what keeps the pod's volumes from a node. Equal nodes are told apart by `tie`,
/// a random number.
pub(crate) fn choose<'a>(
    pod: &PodInfo,
    nodes: impl Iterator<Item = &'a NodeInfo>,
    volumes: impl Fn(&NodeInfo) -> Option<&'static str>,
    tie: u64,
) -> Result<String, Unschedulable> {
    let mut refused = Unschedulable {
        nodes: 0,
        reasons: BTreeMap::new(),
    };
    let mut fitting = Vec::new();
    for node in nodes {
        refused.nodes += 1;
        let reasons = FILTERS
            .iter()
            .map(|filter| filter(pod, node))
            .find(|reasons| !reasons.is_empty())
            .or_else(|| volumes(node).map(|reason| vec![reason.to_owned()]));
        match reasons {
            None => fitting.push(node),
            Some(reasons) => reasons
                .into_iter()
                .for_each(|reason| *refused.reasons.entry(reason).or_default() += 1),
        }
    }
    if fitting.is_empty() {
        return Err(refused);
    }
    let scores = total_scores(pod, &fitting);
    let best = scores.iter().copied().max().unwrap_or_default();
    let winners: Vec<&&NodeInfo> = fitting
        .iter()
        .zip(&scores)
        .filter(|(_, score)| **score == best)
        .map(|(node, _)| node)
        .collect();
    let chosen = winners.get(tie as usize % winners.len().max(1));
    chosen.map(|node| node.name.clone()).ok_or(refused)
}

/// Sum of all plugins' scores, each normalized to 0–100 and weighted.
fn total_scores(pod: &PodInfo, nodes: &[&NodeInfo]) -> Vec<i64> {
    let mut totals = vec![0; nodes.len()];
    if nodes.len() == 1 {
        return totals;
    }
    for score in SCORES {
        let raw: Vec<i64> = nodes.iter().map(|node| (score.of)(pod, node)).collect();
        let most = raw.iter().copied().max().unwrap_or_default();
        for (total, raw) in totals.iter_mut().zip(raw) {
            let normal = match (score.normalize, most) {
                (false, _) => raw,
                (true, 0) => {
                    if score.reverse {
                        100
                    } else {
                        0
                    }
                }
                (true, most) => {
                    if score.reverse {
                        100 - raw * 100 / most
                    } else {
                        raw * 100 / most
                    }
                }
            };
            *total += normal * score.weight;
        }
    }
    totals
}

//! One decision: which node is best for a pod.

use std::collections::{BTreeMap, BTreeSet};

use crate::cache::NodeInfo;
use crate::plugins::{Refusal, SCORES, Topology, filter, image_locality, inter_pod_affinity, topology_spread};
use crate::pod::PodInfo;
use crate::profile::Profile;
use crate::terms::Namespaces;
use traces::{Refused, Verdict};

/// Why no node fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unschedulable {
    nodes: usize,
    /// How many nodes were refused for each reason.
    reasons: BTreeMap<String, usize>,
    /// Nodes of which sending pods away would not help.
    hopeless: Hopeless,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hopeless {
    All,
    Nodes(BTreeSet<String>),
}

impl Unschedulable {
    /// The same reason on all nodes.
    pub(crate) fn everywhere(nodes: usize, reason: &str) -> Self {
        Self {
            nodes,
            reasons: BTreeMap::from([(reason.to_owned(), 0)]),
            hopeless: Hopeless::All,
        }
    }

    /// True if sending pods away from the node would not help.
    pub(crate) fn is_hopeless(&self, node: &str) -> bool {
        match &self.hopeless {
            Hopeless::All => true,
            Hopeless::Nodes(nodes) => nodes.contains(node),
        }
    }

    /// Why making room was no way out, in upstream's words.
    pub(crate) fn no_room(&self) -> String {
        let hopeless = match &self.hopeless {
            Hopeless::All => self.nodes,
            Hopeless::Nodes(nodes) => nodes.len(),
        };
        let count = |count: usize, words: &str| (count > 0).then(|| format!("{count} {words}"));
        let reasons = [
            count(self.nodes - hopeless, "No preemption victims found for incoming pod"),
            count(hopeless, "Preemption is not helpful for scheduling"),
        ];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        format!("0/{} nodes are available: {}.", self.nodes, reasons.join(", "))
    }
}

impl std::fmt::Display for Unschedulable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.nodes == 0 {
            return f.write_str("no nodes available to schedule pods");
        }
        let mut reasons: Vec<String> = self
            .reasons
            .iter()
            .map(|(reason, count)| match count {
                0 => reason.clone(),
                count => format!("{count} {reason}"),
            })
            .collect();
        reasons.sort();
        write!(f, "0/{} nodes are available: {}.", self.nodes, reasons.join(", "))
    }
}

/// The best node for the pod. `reach` says what keeps the pod's volumes and devices from a node. Equal nodes are told apart by `tie`,
/// a random number. Whoever traces is told in `told` what was thought of each node.
pub(crate) fn choose(
    profile: &Profile,
    pod: &PodInfo,
    nodes: &[&NodeInfo],
    namespaces: &Namespaces,
    reach: impl Fn(&NodeInfo) -> Option<(&'static str, Refusal)>,
    tie: u64,
    mut told: Option<&mut Vec<Verdict>>,
) -> Result<String, Unschedulable> {
    let mut refused = Unschedulable {
        nodes: nodes.len(),
        reasons: BTreeMap::new(),
        hopeless: Hopeless::All,
    };
    let mut hopeless = BTreeSet::new();
    let topology = Topology::of(pod, nodes, namespaces);
    let mut fitting = Vec::new();
    for &node in nodes {
        match filter(profile, pod, node, &reach, &topology) {
            None => fitting.push(node),
            Some((plugin, refusal)) => {
                if let Some(told) = &mut told {
                    told.push(refused_by(&node.name, plugin, &refusal.reasons));
                }
                if refusal.hopeless {
                    hopeless.insert(node.name.clone());
                }
                for reason in refusal.reasons {
                    *refused.reasons.entry(reason).or_default() += 1;
                }
            }
        }
    }
    refused.hopeless = Hopeless::Nodes(hopeless);
    if fitting.is_empty() {
        return Err(refused);
    }
    // room has been made for it there, or its volumes are
    if let Some(&promised) = fitting.iter().find(|node| node.name == pod.nominated) {
        fitting = vec![promised];
    }
    let scores = total_scores(profile, pod, &fitting, nodes, namespaces, told);
    let best = scores.iter().copied().max().unwrap_or_default();
    let winners: Vec<&NodeInfo> = fitting
        .iter()
        .copied()
        .zip(&scores)
        .filter(|(_, score)| **score == best)
        .map(|(node, _)| node)
        .collect();
    let chosen = winners.get(tie as usize % winners.len().max(1));
    chosen.map(|node| node.name.clone()).ok_or(refused)
}

fn refused_by(node: &str, plugin: &str, reasons: &[String]) -> Verdict {
    Verdict {
        node: node.to_owned(),
        refused: Some(Refused {
            plugin: plugin.to_owned(),
            reasons: reasons.to_vec(),
        }),
        scores: Vec::new(),
    }
}

/// Sum of all plugins' scores, each normalized to 0–100 and weighted.
fn total_scores(
    profile: &Profile,
    pod: &PodInfo,
    nodes: &[&NodeInfo],
    all: &[&NodeInfo],
    namespaces: &Namespaces,
    told: Option<&mut Vec<Verdict>>,
) -> Vec<i64> {
    let mut totals = vec![0; nodes.len()];
    let fitting = |node: &&NodeInfo| Verdict {
        node: node.name.clone(),
        ..Verdict::default()
    };
    let mut verdicts: Vec<Verdict> = match told {
        Some(_) => nodes.iter().map(fitting).collect(),
        None => Vec::new(),
    };
    if nodes.len() == 1 {
        told.into_iter().for_each(|told| told.append(&mut verdicts));
        return totals;
    }
    for score in SCORES {
        let weight = profile.plugins.weight(score.name);
        if weight == 0 {
            continue;
        }
        let raw: Vec<i64> = nodes.iter().map(|node| (score.of)(pod, node, &profile.args)).collect();
        let most = raw.iter().copied().max().unwrap_or_default();
        for (at, (total, raw)) in totals.iter_mut().zip(raw).enumerate() {
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
            *total += normal * weight;
            if let Some(verdict) = verdicts.get_mut(at) {
                verdict.scores.push((score.name.to_owned(), normal * weight));
            }
        }
    }
    // those that look at more than one node
    let wide = [
        (topology_spread::NAME, topology_spread::score(pod, nodes, all)),
        (
            inter_pod_affinity::NAME,
            inter_pod_affinity::score(pod, nodes, all, namespaces, &profile.args),
        ),
        (image_locality::NAME, image_locality::score(pod, nodes, all)),
    ];
    for (name, scores) in wide {
        let weight = profile.plugins.weight(name);
        if weight == 0 {
            continue;
        }
        for (at, (total, score)) in totals.iter_mut().zip(scores).enumerate() {
            *total += score * weight;
            if let Some(verdict) = verdicts.get_mut(at) {
                verdict.scores.push((name.to_owned(), score * weight));
            }
        }
    }
    told.into_iter().for_each(|told| told.append(&mut verdicts));
    totals
}

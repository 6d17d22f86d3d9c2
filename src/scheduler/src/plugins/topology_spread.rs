//! PodTopologySpread: pods spread evenly over the values of a node label, strictly or as well as can be.
//!
//! Semantics: upstream's plugin of that name, KEP-895, -3022, -3094, -3243.

use std::collections::{BTreeMap, HashMap};

use super::{Refusal, node_affinity, taint_toleration};
use crate::cache::NodeInfo;
use crate::pod::PodInfo;
use crate::terms::Spread;

/// The plugin's name upstream.
pub(crate) const NAME: &str = "PodTopologySpread";

/// Matching pods by domain, for each hard constraint of one pod.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts(Vec<BTreeMap<String, i64>>);

fn hard(pod: &PodInfo) -> impl Iterator<Item = &Spread> {
    pod.spread.iter().filter(|constraint| constraint.hard)
}

/// Whether what runs on the node counts.
fn counts(pod: &PodInfo, constraint: &Spread, node: &NodeInfo) -> bool {
    (!constraint.honor_affinity || node_affinity::allows(pod, node))
        && (!constraint.honor_taints || taint_toleration::untolerated(pod, node).is_none())
}

fn matches(pod: &PodInfo, constraint: &Spread, other: &PodInfo) -> bool {
    !other.deleting && other.namespace == pod.namespace && constraint.matches(other)
}

fn matching(pod: &PodInfo, constraint: &Spread, node: &NodeInfo) -> i64 {
    let pods = node.pods.values();
    pods.filter(|other| matches(pod, constraint, other)).count() as i64
}

impl Counts {
    pub(super) fn of(pod: &PodInfo, nodes: &[&NodeInfo]) -> Self {
        let constraints: Vec<&Spread> = hard(pod).collect();
        let mut all = vec![BTreeMap::new(); constraints.len()];
        if constraints.is_empty() {
            return Self(all);
        }
        for node in nodes {
            if !constraints.iter().all(|one| node.labels.contains_key(&one.key)) {
                continue;
            }
            for (constraint, domains) in constraints.iter().zip(&mut all) {
                if let Some(value) = node.labels.get(&constraint.key)
                    && counts(pod, constraint, node)
                {
                    *domains.entry(value.clone()).or_default() += matching(pod, constraint, node);
                }
            }
        }
        Self(all)
    }

    /// Counts another pod on the node `by` times more.
    pub(super) fn count(&mut self, pod: &PodInfo, other: &PodInfo, node: &NodeInfo, by: i64) {
        if !hard(pod).all(|one| node.labels.contains_key(&one.key)) {
            return;
        }
        for (constraint, domains) in hard(pod).zip(&mut self.0) {
            if let Some(value) = node.labels.get(&constraint.key)
                && counts(pod, constraint, node)
                && matches(pod, constraint, other)
            {
                *domains.entry(value.clone()).or_default() += by;
            }
        }
    }

    pub(super) fn filter(&self, pod: &PodInfo, node: &NodeInfo) -> Option<Refusal> {
        for (constraint, domains) in hard(pod).zip(&self.0) {
            let Some(value) = node.labels.get(&constraint.key) else {
                return Some(Refusal::hopeless(
                    "node(s) didn't match pod topology spread constraints (missing required label)",
                ));
            };
            let fewest = if domains.len() < constraint.min_domains {
                0
            } else {
                domains.values().copied().min().unwrap_or_default()
            };
            let own = i64::from(constraint.matches(pod));
            let here = domains.get(value).copied().unwrap_or_default();
            if here + own - fewest > constraint.max_skew {
                return Some(Refusal::new("node(s) didn't match pod topology spread constraints"));
            }
        }
        None
    }
}

/// Matching pods by domain in all nodes, of the domains that the nodes that fit are in.
fn domains(pod: &PodInfo, constraint: &Spread, fitting: &[&NodeInfo], all: &[&NodeInfo]) -> HashMap<String, i64> {
    let value = |node: &NodeInfo| node.labels.get(&constraint.key).cloned();
    let mut domains: HashMap<String, i64> = fitting.iter().filter_map(|node| Some((value(node)?, 0))).collect();
    for node in all {
        if let Some(sum) = value(node).and_then(|value| domains.get_mut(&value))
            && counts(pod, constraint, node)
        {
            *sum += matching(pod, constraint, node);
        }
    }
    domains
}

/// 0–100 for each node that fits; `all` are the cluster's.
pub(crate) fn score(pod: &PodInfo, fitting: &[&NodeInfo], all: &[&NodeInfo]) -> Vec<i64> {
    let soft: Vec<&Spread> = pod.spread.iter().filter(|constraint| !constraint.hard).collect();
    if soft.is_empty() {
        return vec![0; fitting.len()];
    }
    // what a pod asks for needs all labels; the system's defaults make do with those that are there
    let complete = |node: &NodeInfo| pod.spread_leniently || soft.iter().all(|one| node.labels.contains_key(&one.key));
    let rated: Vec<&NodeInfo> = fitting.iter().copied().filter(|node| complete(node)).collect();
    let others: Vec<&NodeInfo> = all.iter().copied().filter(|node| complete(node)).collect();
    let domains: Vec<HashMap<String, i64>> = soft.iter().map(|one| domains(pod, one, &rated, &others)).collect();
    let raw = |node: &NodeInfo| {
        let sum: f64 = soft
            .iter()
            .zip(&domains)
            .filter_map(|(one, domains)| {
                let count = *domains.get(node.labels.get(&one.key)?)?;
                // domains of a label with few values weigh less
                let weight = (domains.len() as f64 + 2.0).ln();
                Some(count as f64 * weight + (one.max_skew - 1) as f64)
            })
            .sum();
        sum.round() as i64
    };
    let raws: Vec<Option<i64>> = fitting.iter().map(|node| complete(node).then(|| raw(node))).collect();
    let most = raws.iter().flatten().copied().max().unwrap_or_default();
    let least = raws.iter().flatten().copied().min().unwrap_or_default();
    raws.into_iter()
        .map(|raw| match raw {
            None => 0,
            Some(_) if most == 0 => 100,
            Some(raw) => 100 * (most + least - raw) / most,
        })
        .collect()
}

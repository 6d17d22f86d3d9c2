//! InterPodAffinity: pods near others or apart from them, by the values of a node label.
//!
//! Semantics: upstream's plugin of that name, KEP-3633 for label keys.

use std::collections::HashMap;

use super::Refusal;
use crate::cache::NodeInfo;
use crate::pod::PodInfo;
use crate::profile::Args;
use crate::terms::{Namespaces, Term};

/// The plugin's name upstream.
pub(crate) const NAME: &str = "InterPodAffinity";

/// A node label and its value.
type Domain = (String, String);

/// How many pods matter in each domain, for one pod.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// Pods that match all terms of its affinity.
    near: HashMap<Domain, i64>,
    /// Pods that match a term of its anti-affinity.
    apart: HashMap<Domain, i64>,
    /// Terms of other pods' anti-affinity that it matches.
    unwelcome: HashMap<Domain, i64>,
}

fn add(counts: &mut HashMap<Domain, i64>, term: &Term, node: &NodeInfo, by: i64) {
    let Some(value) = node.labels.get(&term.key) else {
        return;
    };
    let domain = (term.key.clone(), value.clone());
    let count = counts.entry(domain.clone()).or_default();
    *count += by;
    if *count == 0 {
        counts.remove(&domain);
    }
}

fn matches_all(terms: &[Term], pod: &PodInfo, namespaces: &Namespaces) -> bool {
    !terms.is_empty() && terms.iter().all(|term| term.matches(pod, namespaces))
}

impl Counts {
    pub(super) fn of(pod: &PodInfo, nodes: &[&NodeInfo], namespaces: &Namespaces) -> Self {
        let mut counts = Self::default();
        let asks = !pod.terms.near.is_empty() || !pod.terms.apart.is_empty();
        for node in nodes {
            // only those that say something matter to a pod that does not
            if asks {
                node.pods
                    .values()
                    .for_each(|other| counts.count(pod, other, node, 1, namespaces));
            } else {
                node.talkers
                    .iter()
                    .for_each(|other| counts.count(pod, other, node, 1, namespaces));
            }
        }
        counts
    }

    /// Counts another pod on the node `by` times more.
    pub(super) fn count(&mut self, pod: &PodInfo, other: &PodInfo, node: &NodeInfo, by: i64, namespaces: &Namespaces) {
        for term in other.terms.apart.iter().filter(|term| term.matches(pod, namespaces)) {
            add(&mut self.unwelcome, term, node, by);
        }
        if matches_all(&pod.terms.near, other, namespaces) {
            pod.terms
                .near
                .iter()
                .for_each(|term| add(&mut self.near, term, node, by));
        }
        for term in pod.terms.apart.iter().filter(|term| term.matches(other, namespaces)) {
            add(&mut self.apart, term, node, by);
        }
    }

    pub(super) fn filter(&self, pod: &PodInfo, node: &NodeInfo, namespaces: &Namespaces) -> Option<Refusal> {
        let has = |counts: &HashMap<Domain, i64>, term: &Term| {
            let value = node.labels.get(&term.key);
            value.is_some_and(|value| counts.contains_key(&(term.key.clone(), value.clone())))
        };
        let near = &pod.terms.near;
        let labelled = near.iter().all(|term| node.labels.contains_key(&term.key));
        // the first of a group that wants to be together may go anywhere
        let first = || self.near.is_empty() && matches_all(near, pod, namespaces);
        if !labelled || !(near.iter().all(|term| has(&self.near, term)) || first()) {
            return Some(Refusal::hopeless("node(s) didn't match pod affinity rules"));
        }
        if pod.terms.apart.iter().any(|term| has(&self.apart, term)) {
            return Some(Refusal::new("node(s) didn't match pod anti-affinity rules"));
        }
        let unwelcome = self
            .unwelcome
            .keys()
            .any(|(key, value)| node.labels.get(key) == Some(value));
        unwelcome.then(|| Refusal::new("node(s) didn't satisfy existing pods anti-affinity rules"))
    }
}

/// 0–100 for each node that fits; `all` are the cluster's.
pub(crate) fn score(
    pod: &PodInfo,
    fitting: &[&NodeInfo],
    all: &[&NodeInfo],
    namespaces: &Namespaces,
    args: &Args,
) -> Vec<i64> {
    let mut sums: HashMap<Domain, i64> = HashMap::new();
    let asks = !pod.terms.is_empty();
    let asks_softly = !pod.terms.rather_near.is_empty() || !pod.terms.rather_apart.is_empty();
    if args.ignore_preferences && !asks_softly {
        return vec![0; fitting.len()];
    }
    for node in all {
        let mut hear = |other: &PodInfo| {
            let own = pod
                .terms
                .rather_near
                .iter()
                .map(|(term, weight)| (term, *weight, other));
            let own_apart = pod
                .terms
                .rather_apart
                .iter()
                .map(|(term, weight)| (term, -*weight, other));
            let theirs = other
                .terms
                .rather_near
                .iter()
                .map(|(term, weight)| (term, *weight, pod));
            let theirs_apart = other
                .terms
                .rather_apart
                .iter()
                .map(|(term, weight)| (term, -*weight, pod));
            let required = other
                .terms
                .near
                .iter()
                .map(|term| (term, args.hard_affinity_weight, pod));
            own.chain(own_apart)
                .chain(theirs)
                .chain(theirs_apart)
                .chain(required)
                .filter(|(_, weight, _)| *weight != 0)
                .filter(|(term, _, about)| term.matches(about, namespaces))
                .for_each(|(term, weight, _)| add(&mut sums, term, node, weight));
        };
        if asks {
            node.pods.values().for_each(|other| hear(other));
        } else {
            node.talkers.iter().for_each(|other| hear(other));
        }
    }
    if sums.is_empty() {
        return vec![0; fitting.len()];
    }
    let raws: Vec<i64> = fitting
        .iter()
        .map(|node| {
            let near = sums
                .iter()
                .filter(|((key, value), _)| node.labels.get(key) == Some(value));
            near.map(|(_, weight)| weight).sum()
        })
        .collect();
    let most = raws.iter().copied().max().unwrap_or_default();
    let least = raws.iter().copied().min().unwrap_or_default();
    raws.into_iter()
        .map(|raw| {
            if most > least {
                100 * (raw - least) / (most - least)
            } else {
                0
            }
        })
        .collect()
}

//! Making room: which pods of lower priority have to go, and on which node, so that a pod fits. Pure.
//!
//! Semantics: `k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultpreemption`.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use machinery::selector::LabelSelector;

use crate::cache::NodeInfo;
use crate::plugins::FILTERS;
use crate::pod::PodInfo;

/// How many pods a disruption budget still lets go.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    pub(crate) namespace: String,
    pub(crate) selector: LabelSelector,
    pub(crate) allowed: i32,
}

/// What has to happen for the pod to fit.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) node: String,
    pub(crate) victims: Vec<Arc<PodInfo>>,
    /// Victims whose budgets do not allow it.
    violations: usize,
}

impl Plan {
    /// Less is better: budgets kept, then little lost, then what ran shortest.
    fn cost(&self) -> impl Ord + use<> {
        let most = self.victims.iter().map(|pod| pod.priority).max();
        let sum: i64 = self
            .victims
            .iter()
            .map(|pod| i64::from(pod.priority) - i64::from(i32::MIN))
            .sum();
        let leading = self.victims.iter().filter(|pod| Some(pod.priority) == most);
        let started = leading.filter_map(|pod| pod.started).min();
        (self.violations, most, sum, self.victims.len(), Reverse(started))
    }
}

/// True if the pod already waits for victims on its node to go.
pub(crate) fn is_waiting<'a>(pod: &PodInfo, mut nodes: impl Iterator<Item = &'a NodeInfo>) -> bool {
    !pod.nominated.is_empty()
        && nodes.find(|node| node.name == pod.nominated).is_some_and(|node| {
            node.pods
                .values()
                .any(|other| other.deleting && other.priority < pod.priority)
        })
}

/// The best node to make room on; `None` if no sacrifice would help.
pub(crate) fn plan<'a>(pod: &PodInfo, nodes: impl Iterator<Item = &'a NodeInfo>, budgets: &[Budget]) -> Option<Plan> {
    if pod.never_preempts {
        return None;
    }
    nodes.filter_map(|node| on(pod, node, budgets)).min_by_key(Plan::cost)
}

fn fits(pod: &PodInfo, node: &NodeInfo) -> bool {
    FILTERS.iter().all(|filter| filter(pod, node).is_empty())
}

/// Without all pods of lower priority the pod must fit; then as many as can stay do, the most important first.
fn on(pod: &PodInfo, node: &NodeInfo, budgets: &[Budget]) -> Option<Plan> {
    let mut lower: Vec<Arc<PodInfo>> = node
        .pods
        .values()
        .filter(|other| other.priority < pod.priority)
        .cloned()
        .collect();
    let mut gone: HashSet<String> = lower.iter().map(|other| other.uid.clone()).collect();
    if lower.is_empty() || !fits(pod, &node.without(&gone)) {
        return None;
    }
    lower.sort_by_key(|other| {
        (
            Reverse(other.priority),
            other.started.unwrap_or(Timestamp::MAX),
            other.uid.clone(),
        )
    });
    let (violating, kept) = split(lower, budgets);
    let mut plan = Plan {
        node: node.name.clone(),
        victims: Vec::new(),
        violations: 0,
    };
    let protected = violating.len();
    for (at, other) in violating.into_iter().chain(kept).enumerate() {
        gone.remove(&other.uid);
        if !fits(pod, &node.without(&gone)) {
            gone.insert(other.uid.clone());
            plan.violations += usize::from(at < protected);
            plan.victims.push(other);
        }
    }
    Some(plan)
}

/// Pods whose budgets do not allow them to go, and the others.
fn split(pods: Vec<Arc<PodInfo>>, budgets: &[Budget]) -> (Vec<Arc<PodInfo>>, Vec<Arc<PodInfo>>) {
    let mut allowed: Vec<i32> = budgets.iter().map(|budget| budget.allowed).collect();
    pods.into_iter().partition(|pod| {
        let mut violates = false;
        for (budget, left) in budgets.iter().zip(&mut allowed) {
            if budget.namespace == pod.namespace && budget.selector.matches(&pod.labels) {
                *left -= 1;
                violates |= *left < 0;
            }
        }
        violates
    })
}

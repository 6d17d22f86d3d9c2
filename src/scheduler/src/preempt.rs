//! Making room: which pods of lower priority have to go, and on which node, so that a pod fits. Pure.
//!
//! Semantics: `k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultpreemption`.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use machinery::selector::LabelSelector;

use crate::cache::NodeInfo;
use crate::plugins::{Refusal, Topology, filter};
use crate::pod::PodInfo;
use crate::profile::Profile;

/// How many pods a disruption budget still lets go.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    pub(crate) namespace: String,
    pub(crate) selector: LabelSelector,
    pub(crate) allowed: i32,
    /// Names of pods that the API server lets go already: they have been counted.
    pub(crate) disrupted: HashSet<String>,
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

/// True if the pod already waits for victims on its node to go. Pods that go for other reasons do not count.
pub(crate) fn is_waiting<'a>(pod: &PodInfo, mut nodes: impl Iterator<Item = &'a NodeInfo>) -> bool {
    !pod.nominated.is_empty()
        && nodes.find(|node| node.name == pod.nominated).is_some_and(|node| {
            node.pods
                .values()
                .any(|other| other.preempted && other.priority < pod.priority)
        })
}

/// The best of these nodes to make room on; `None` if no sacrifice would help. `reach` says what keeps the
/// pod's volumes from a node, `topology` is that of all nodes.
pub(crate) fn plan<'a>(
    profile: &Profile,
    pod: &PodInfo,
    nodes: impl Iterator<Item = &'a NodeInfo>,
    reach: impl Fn(&NodeInfo) -> Option<(&'static str, Refusal)>,
    topology: &Topology<'_>,
    budgets: &[Budget],
) -> Option<Plan> {
    if pod.never_preempts {
        return None;
    }
    nodes
        .filter_map(|node| on(profile, pod, node, &reach, topology, budgets))
        .filter(|plan| !plan.victims.is_empty())
        .min_by_key(Plan::cost)
}

/// Without all pods of lower priority the pod must fit; then as many as can stay do, the most important first.
fn on(
    profile: &Profile,
    pod: &PodInfo,
    node: &NodeInfo,
    reach: impl Fn(&NodeInfo) -> Option<(&'static str, Refusal)>,
    topology: &Topology<'_>,
    budgets: &[Budget],
) -> Option<Plan> {
    let fits = |node: &NodeInfo, topology: &Topology<'_>| filter(profile, pod, node, &reach, topology).is_none();
    let mut lower: Vec<Arc<PodInfo>> = node
        .pods
        .values()
        .filter(|other| other.priority < pod.priority)
        .cloned()
        .collect();
    let mut gone: HashSet<String> = lower.iter().map(|other| other.uid.clone()).collect();
    if lower.is_empty() {
        return None;
    }
    let mut topology = topology.clone();
    lower.iter().for_each(|other| topology.count(pod, other, node, -1));
    if !fits(&node.without(&gone), &topology) {
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
        topology.count(pod, &other, node, 1);
        if !fits(&node.without(&gone), &topology) {
            gone.insert(other.uid.clone());
            topology.count(pod, &other, node, -1);
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
            let meant = budget.namespace == pod.namespace
                // here, unlike in the disruption controller, an empty selector means no pod
                && !budget.selector.is_everything()
                && !pod.labels.is_empty()
                && budget.selector.matches(&pod.labels);
            if meant && !budget.disrupted.contains(&pod.name) {
                *left -= 1;
                violates |= *left < 0;
            }
        }
        violates
    })
}

//! NodeAffinity: node selectors and the node part of a pod's affinity.

use k8s_openapi::api::core::v1::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};

use super::Refusal;
use crate::cache::NodeInfo;
use crate::pod::PodInfo;
use crate::profile::Args;

fn holds(requirement: &NodeSelectorRequirement, found: Option<&str>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let listed = |value: &str| values.iter().any(|own| own == value);
    let compared = |better: fn(i64, i64) -> bool| {
        let bound = values.first().and_then(|text| text.parse::<i64>().ok());
        match (found.and_then(|text| text.parse::<i64>().ok()), bound) {
            (Some(found), Some(bound)) => better(found, bound),
            _ => false,
        }
    };
    match requirement.operator.as_str() {
        "In" => found.is_some_and(listed),
        "NotIn" => !found.is_some_and(listed),
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        "Gt" => compared(|found, bound| found > bound),
        "Lt" => compared(|found, bound| found < bound),
        _ => false,
    }
}

/// A term without any condition matches nothing.
fn matches(term: &NodeSelectorTerm, node: &NodeInfo) -> bool {
    let labels = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    (!labels.is_empty() || !fields.is_empty())
        && labels
            .iter()
            .all(|requirement| holds(requirement, node.labels.get(&requirement.key).map(String::as_str)))
        && fields
            .iter()
            .all(|requirement| requirement.key == "metadata.name" && holds(requirement, Some(&node.name)))
}

/// True if one of the selector's terms matches the node.
pub(crate) fn selects(selector: &NodeSelector, node: &NodeInfo) -> bool {
    selector.node_selector_terms.iter().any(|term| matches(term, node))
}

/// Whether the pod's node selector and required affinity take the node.
pub(super) fn allows(pod: &PodInfo, node: &NodeInfo) -> bool {
    let selected = pod
        .node_selector
        .iter()
        .all(|(key, value)| node.labels.get(key) == Some(value));
    let affinity = pod
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref());
    selected && required.is_none_or(|required| selects(required, node))
}

pub(super) fn filter(pod: &PodInfo, node: &NodeInfo, args: &Args) -> Option<Refusal> {
    let added = args.affinity.as_ref();
    let enforced = added.and_then(|added| added.required_during_scheduling_ignored_during_execution.as_ref());
    if enforced.is_some_and(|enforced| !selects(enforced, node)) {
        return Some(Refusal::hopeless(
            "node(s) didn't match scheduler-enforced node affinity",
        ));
    }
    (!allows(pod, node)).then(|| Refusal::hopeless("node(s) didn't match Pod's node affinity/selector"))
}

/// Weights of the preferences that the node meets, the pod's and those that all pods of the profile have.
pub(super) fn score(pod: &PodInfo, node: &NodeInfo, args: &Args) -> i64 {
    let own = pod
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref());
    let preferred = [own, args.affinity.as_ref()]
        .into_iter()
        .flatten()
        .flat_map(|affinity| {
            let preferred = affinity.preferred_during_scheduling_ignored_during_execution.as_ref();
            preferred.into_iter().flatten()
        });
    preferred
        .filter(|term| matches(&term.preference, node))
        .map(|term| i64::from(term.weight))
        .sum()
}

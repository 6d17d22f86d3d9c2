//! Whether pods leave nodes that are not ready: they do not while it looks as if not the nodes, but the network or this
//! machine is the cause, for there is nowhere to go. Pure.
//!
//! Semantics: `handleDisruption` and `ComputeZoneState` upstream.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt as _;

use crate::shared::nodes;

const REGION: &str = "topology.kubernetes.io/region";
const ZONE: &str = "topology.kubernetes.io/zone";
/// Percent of a zone's nodes from which on it is not well as a whole.
const UNHEALTHY: usize = 55;
/// Nodes with this label say nothing of their zone's state.
const EXCLUDED: &str = "node.kubernetes.io/exclude-disruption";
/// In larger zones there is room for the pods of most of a zone.
const LARGE: usize = 50;

/// What keeps pods on a node that is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brake {
    /// Nothing.
    Off,
    /// Much of the zone is not well: no more pods leave than do already.
    NoMore,
    /// No node at all is well: none leave.
    None,
}

/// Nodes of a zone that are ready, and those that are not.
#[derive(Default)]
struct Zone(usize, usize);

fn zone(node: &Node) -> (String, String) {
    let label = |name: &str| node.labels().get(name).cloned().unwrap_or_default();
    (label(REGION), label(ZONE))
}

/// The brake for a node's zone.
pub(super) fn brake(all: &[Arc<Node>], node: &Node) -> Brake {
    let says = |node: &&Arc<Node>| {
        let mut conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.any(|condition| condition.type_ == "Ready") && !node.labels().contains_key(EXCLUDED)
    };
    let mut zones: BTreeMap<_, Zone> = BTreeMap::new();
    for other in all.iter().filter(says) {
        let Zone(ready, not) = zones.entry(zone(other)).or_default();
        *(if nodes::is_ready(other) { ready } else { not }) += 1;
    }
    let full = |Zone(ready, not): &Zone| *ready == 0 && *not > 0;
    if !zones.is_empty() && zones.values().all(full) {
        return Brake::None;
    }
    let partial = |Zone(ready, not): &Zone| *ready > 0 && *not > 2 && not * 100 >= UNHEALTHY * (ready + not);
    let here = zones.get(&zone(node)).filter(|Zone(ready, not)| ready + not <= LARGE);
    if here.is_some_and(partial) {
        return Brake::NoMore;
    }
    Brake::Off
}

//! The plugins, one per file, and the order and weight they have by default upstream.

pub(crate) mod image_locality;
pub(crate) mod inter_pod_affinity;
pub(crate) mod node_affinity;
mod node_name;
mod node_ports;
mod node_resources;
mod node_unschedulable;
mod taint_toleration;
mod topology;
pub(crate) mod topology_spread;

use crate::cache::NodeInfo;
use crate::pod::PodInfo;
use crate::profile::{Args, Profile};

pub(crate) use topology::Topology;

/// Why a node will not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reasons: Vec<String>,
    /// Sending pods away from the node would not help.
    pub(crate) hopeless: bool,
}

impl Refusal {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            reasons: vec![reason.into()],
            hopeless: false,
        }
    }

    pub(crate) fn hopeless(reason: impl Into<String>) -> Self {
        Self {
            hopeless: true,
            ..Self::new(reason)
        }
    }
}

type Filter = fn(&PodInfo, &NodeInfo, &Args) -> Option<Refusal>;

/// How good a node is.
pub(crate) struct Score {
    /// Upstream's name of the plugin.
    pub(crate) name: &'static str,
    pub(crate) of: fn(&PodInfo, &NodeInfo, &Args) -> i64,
    /// Brought to 0–100 by the best node's value.
    pub(crate) normalize: bool,
    /// Less is better.
    pub(crate) reverse: bool,
}

/// By upstream's names of the plugins.
const FILTERS: &[(&str, Filter)] = &[
    ("NodeUnschedulable", |pod, node, _| {
        node_unschedulable::filter(pod, node)
    }),
    ("NodeName", |pod, node, _| node_name::filter(pod, node)),
    ("TaintToleration", |pod, node, _| taint_toleration::filter(pod, node)),
    ("NodeAffinity", node_affinity::filter),
    ("NodePorts", |pod, node, _| node_ports::filter(pod, node)),
    ("NodeResourcesFit", node_resources::filter),
];

pub(crate) const SCORES: &[Score] = &[
    Score {
        name: "TaintToleration",
        of: |pod, node, _| taint_toleration::score(pod, node),
        normalize: true,
        reverse: true,
    },
    Score {
        name: "NodeAffinity",
        of: node_affinity::score,
        normalize: true,
        reverse: false,
    },
    Score {
        name: "NodeResourcesFit",
        of: node_resources::score,
        normalize: false,
        reverse: false,
    },
    Score {
        name: "NodeResourcesBalancedAllocation",
        of: node_resources::balanced_allocation,
        normalize: false,
        reverse: false,
    },
];

/// The profile's first plugin that is against the node, and its reason. `reach` asks those that look at volumes and devices.
pub(crate) fn filter(
    profile: &Profile,
    pod: &PodInfo,
    node: &NodeInfo,
    reach: impl Fn(&NodeInfo) -> Option<(&'static str, Refusal)>,
    topology: &Topology<'_>,
) -> Option<(&'static str, Refusal)> {
    let refused = FILTERS
        .iter()
        .filter(|(name, _)| profile.plugins.filters(name))
        .find_map(|(name, filter)| filter(pod, node, &profile.args).map(|refusal| (*name, refusal)));
    refused
        .or_else(|| reach(node))
        .or_else(|| topology.filter(profile, pod, node))
}

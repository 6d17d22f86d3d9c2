//! The plugins, one per file, and the order and weight they have by default upstream.

mod image_locality;
pub(crate) mod node_affinity;
mod node_name;
mod node_ports;
mod node_resources;
mod node_unschedulable;
mod spread;
mod taint_toleration;

use crate::cache::NodeInfo;
use crate::pod::PodInfo;

/// Why the node will not do; nothing if it will.
type Filter = fn(&PodInfo, &NodeInfo) -> Vec<String>;

/// How good a node is.
pub(crate) struct Score {
    pub(crate) of: fn(&PodInfo, &NodeInfo) -> i64,
    pub(crate) weight: i64,
    /// Brought to 0–100 by the best node's value.
    pub(crate) normalize: bool,
    /// Less is better.
    pub(crate) reverse: bool,
}

pub(crate) const FILTERS: &[Filter] = &[
    node_unschedulable::filter,
    node_name::filter,
    taint_toleration::filter,
    node_affinity::filter,
    node_ports::filter,
    node_resources::filter,
];

pub(crate) const SCORES: &[Score] = &[
    Score {
        of: taint_toleration::score,
        weight: 3,
        normalize: true,
        reverse: true,
    },
    Score {
        of: node_affinity::score,
        weight: 2,
        normalize: true,
        reverse: false,
    },
    Score {
        of: spread::score,
        weight: 2,
        normalize: true,
        reverse: true,
    },
    Score {
        of: node_resources::least_allocated,
        weight: 1,
        normalize: false,
        reverse: false,
    },
    Score {
        of: node_resources::balanced_allocation,
        weight: 1,
        normalize: false,
        reverse: false,
    },
    Score {
        of: image_locality::score,
        weight: 1,
        normalize: false,
        reverse: false,
    },
];

fn no() -> Vec<String> {
    Vec::new()
}

fn because(reason: impl Into<String>) -> Vec<String> {
    vec![reason.into()]
}

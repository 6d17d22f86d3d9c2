//! NodeName: a pod that already names a node goes nowhere else.

use super::Refusal;
use crate::cache::NodeInfo;
use crate::pod::PodInfo;

pub(super) fn filter(pod: &PodInfo, node: &NodeInfo) -> Option<Refusal> {
    if pod.node.is_empty() || pod.node == node.name {
        None
    } else {
        Some(Refusal::hopeless("node(s) didn't match the requested node name"))
    }
}

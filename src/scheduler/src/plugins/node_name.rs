//! NodeName: a pod that already names a node goes nowhere else.

use super::{because, no};
use crate::cache::NodeInfo;
use crate::pod::PodInfo;

pub(super) fn filter(pod: &PodInfo, node: &NodeInfo) -> Vec<String> {
    if pod.node.is_empty() || pod.node == node.name {
        no()
    } else {
        because("node(s) didn't match the requested node name")
    }
}

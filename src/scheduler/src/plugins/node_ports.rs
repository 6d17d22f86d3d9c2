//! NodePorts: two pods cannot take the same port of a node.

use super::Refusal;
use crate::cache::NodeInfo;
use crate::pod::PodInfo;

pub(super) fn filter(pod: &PodInfo, node: &NodeInfo) -> Option<Refusal> {
    let taken = pod
        .ports
        .iter()
        .any(|wanted| node.ports().any(|used| used.collides(wanted)));
    if taken {
        Some(Refusal::new(
            "node(s) didn't have free ports for the requested pod ports",
        ))
    } else {
        None
    }
}

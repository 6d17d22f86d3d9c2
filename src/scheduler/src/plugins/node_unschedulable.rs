//! NodeUnschedulable: cordoned nodes take only pods that tolerate it.

use super::{Refusal, taint_toleration};
use crate::cache::NodeInfo;
use crate::pod::PodInfo;

pub(super) fn filter(pod: &PodInfo, node: &NodeInfo) -> Option<Refusal> {
    let tolerated = || taint_toleration::tolerates(pod, "node.kubernetes.io/unschedulable", "", "NoSchedule");
    if !node.unschedulable || tolerated() {
        None
    } else {
        Some(Refusal::hopeless("node(s) were unschedulable"))
    }
}

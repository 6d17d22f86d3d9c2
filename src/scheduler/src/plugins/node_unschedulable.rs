//! NodeUnschedulable: cordoned nodes take only pods that tolerate it.

use super::{because, no, taint_toleration};
use crate::cache::NodeInfo;
use crate::pod::PodInfo;

pub(super) fn filter(pod: &PodInfo, node: &NodeInfo) -> Vec<String> {
    let tolerated = || taint_toleration::tolerates(pod, "node.kubernetes.io/unschedulable", "", "NoSchedule");
    if !node.unschedulable || tolerated() {
        no()
    } else {
        because("node(s) were unschedulable")
    }
}

//! The default of PodTopologySpread: pods of one owner on different nodes.

use crate::cache::NodeInfo;
use crate::pod::PodInfo;

/// Pods of the same owner on the node.
pub(super) fn score(pod: &PodInfo, node: &NodeInfo) -> i64 {
    let Some(owner) = &pod.owner else { return 0 };
    let same = |other: &&std::sync::Arc<PodInfo>| {
        other.namespace == pod.namespace && other.owner.as_ref() == Some(owner) && !other.deleting
    };
    node.pods.values().filter(same).count() as i64
}

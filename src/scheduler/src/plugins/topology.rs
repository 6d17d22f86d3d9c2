//! Where other pods are, as far as it matters to one pod: counted once per decision over all nodes.

use super::{Refusal, inter_pod_affinity, topology_spread};
use crate::cache::NodeInfo;
use crate::pod::PodInfo;
use crate::profile::Profile;
use crate::terms::Namespaces;

/// The counts of the plugins that look at other pods.
#[derive(Debug, Clone)]
pub(crate) struct Topology<'a> {
    spread: topology_spread::Counts,
    affinity: inter_pod_affinity::Counts,
    namespaces: &'a Namespaces,
}

impl<'a> Topology<'a> {
    pub(crate) fn of(pod: &PodInfo, nodes: &[&NodeInfo], namespaces: &'a Namespaces) -> Self {
        Self {
            spread: topology_spread::Counts::of(pod, nodes),
            affinity: inter_pod_affinity::Counts::of(pod, nodes, namespaces),
            namespaces,
        }
    }

    /// As if another pod were there (1) or were not (-1) on the node.
    pub(crate) fn count(&mut self, pod: &PodInfo, other: &PodInfo, node: &NodeInfo, by: i64) {
        self.spread.count(pod, other, node, by);
        self.affinity.count(pod, other, node, by, self.namespaces);
    }

    pub(crate) fn filter(&self, profile: &Profile, pod: &PodInfo, node: &NodeInfo) -> Option<(&'static str, Refusal)> {
        let of = |name: &'static str, refused: &dyn Fn() -> Option<Refusal>| {
            let refusal = profile.plugins.filters(name).then(refused)??;
            Some((name, refusal))
        };
        of(topology_spread::NAME, &|| self.spread.filter(pod, node)).or_else(|| {
            of(inter_pod_affinity::NAME, &|| {
                self.affinity.filter(pod, node, self.namespaces)
            })
        })
    }
}

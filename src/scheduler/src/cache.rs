//! Nodes and the pods on them, including those just bound and not yet seen bound.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Taint};

use crate::pod::{Amounts, HostPort, PodInfo, allocatable};

/// A node with the sum of what runs there.
#[derive(Debug, Clone, Default)]
pub(crate) struct NodeInfo {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) taints: Vec<Taint>,
    pub(crate) unschedulable: bool,
    pub(crate) allocatable: Amounts,
    /// Image sizes by name.
    pub(crate) images: HashMap<String, i64>,
    pub(crate) pods: HashMap<String, Arc<PodInfo>>,
    pub(crate) requested: Amounts,
    pub(crate) scored: Amounts,
    /// Those of its pods that say something about pods near them.
    pub(crate) talkers: Vec<Arc<PodInfo>>,
    /// False until the node itself is seen; pods may come first.
    pub(crate) known: bool,
}

impl NodeInfo {
    fn describe(&mut self, node: &Node) {
        self.known = true;
        self.labels = node.metadata.labels.clone().unwrap_or_default().into_iter().collect();
        let spec = node.spec.as_ref();
        self.taints = spec.and_then(|spec| spec.taints.clone()).unwrap_or_default();
        self.unschedulable = spec.and_then(|spec| spec.unschedulable).unwrap_or_default();
        let status = node.status.as_ref();
        self.allocatable = allocatable(
            status
                .and_then(|status| status.allocatable.as_ref())
                .into_iter()
                .flatten(),
        );
        let images = status.and_then(|status| status.images.as_ref()).into_iter().flatten();
        self.images = images
            .flat_map(|image| {
                let size = image.size_bytes.unwrap_or_default();
                image
                    .names
                    .clone()
                    .unwrap_or_default()
                    .into_iter()
                    .map(move |name| (name, size))
            })
            .collect();
    }

    /// The node as if these pods were not there.
    pub(crate) fn without(&self, uids: &HashSet<String>) -> Self {
        let mut node = self.clone();
        node.pods.retain(|uid, _| !uids.contains(uid));
        node.sum();
        node
    }

    /// The node as if these pods ran there, too.
    fn with(&self, pods: impl Iterator<Item = Arc<PodInfo>>) -> Self {
        let mut node = self.clone();
        node.pods.extend(pods.map(|pod| (pod.uid.clone(), pod)));
        node.sum();
        node
    }

    fn sum(&mut self) {
        let total = |part: fn(&PodInfo) -> &Amounts| {
            self.pods.values().fold(Amounts::new(), |mut sum, pod| {
                part(pod)
                    .iter()
                    .for_each(|(name, amount)| *sum.entry(name.clone()).or_default() += amount);
                sum
            })
        };
        self.talkers = self
            .pods
            .values()
            .filter(|pod| !pod.terms.is_empty())
            .cloned()
            .collect();
        (self.requested, self.scored) = (total(|pod| &pod.requests), total(|pod| &pod.scored));
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = &HostPort> {
        self.pods.values().flat_map(|pod| &pod.ports)
    }
}

/// The cluster as the scheduler sees it.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    nodes: BTreeMap<String, NodeInfo>,
    /// Node of every placed pod, by pod uid.
    placed: HashMap<String, String>,
    /// Pods that wait for room that is being made for them, by uid.
    promised: HashMap<String, Arc<PodInfo>>,
}

impl Cache {
    /// True if there are no nodes.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes().next().is_none()
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &NodeInfo> + Clone {
        self.nodes.values().filter(|node| node.known)
    }

    /// The nodes as they are for this pod: room that is promised to others, at least as important, is taken.
    pub(crate) fn nodes_for<'a>(&'a self, pod: &'a PodInfo) -> impl Iterator<Item = Cow<'a, NodeInfo>> {
        self.nodes().map(|node| {
            let before = |other: &&Arc<PodInfo>| {
                other.nominated == node.name && other.uid != pod.uid && other.priority >= pod.priority
            };
            if self.promised.values().any(|other| before(&other)) {
                Cow::Owned(node.with(self.promised.values().filter(before).cloned()))
            } else {
                Cow::Borrowed(node)
            }
        })
    }

    /// Notes whether the pod waits for room.
    pub(crate) fn promise(&mut self, pod: &Arc<PodInfo>) {
        if pod.nominated.is_empty() || !pod.node.is_empty() {
            self.promised.remove(&pod.uid);
        } else {
            self.promised.insert(pod.uid.clone(), Arc::clone(pod));
        }
    }

    pub(crate) fn forget_promise(&mut self, uid: &str) {
        self.promised.remove(uid);
    }

    /// Pods less important than this that have been promised the node.
    pub(crate) fn promised_below(&self, priority: i32, node: &str) -> Vec<Arc<PodInfo>> {
        let below = |other: &&Arc<PodInfo>| other.nominated == node && other.priority < priority;
        self.promised.values().filter(below).cloned().collect()
    }

    pub(crate) fn put_node(&mut self, node: &Node) {
        let name = node.metadata.name.clone().unwrap_or_default();
        let info = self.nodes.entry(name.clone()).or_default();
        info.name = name;
        info.describe(node);
    }

    pub(crate) fn remove_node(&mut self, name: &str) {
        if let Some(node) = self.nodes.get_mut(name) {
            node.known = false;
            if node.pods.is_empty() {
                self.nodes.remove(name);
            }
        }
    }

    /// Counts the pod on its node. A pod that moves or changes is counted anew.
    pub(crate) fn place(&mut self, pod: Arc<PodInfo>) {
        self.remove_pod(&pod.uid);
        self.placed.insert(pod.uid.clone(), pod.node.clone());
        let node = self.nodes.entry(pod.node.clone()).or_default();
        node.name.clone_from(&pod.node);
        node.pods.insert(pod.uid.clone(), pod);
        node.sum();
    }

    pub(crate) fn remove_pod(&mut self, uid: &str) {
        let Some(name) = self.placed.remove(uid) else { return };
        if let Some(node) = self.nodes.get_mut(&name) {
            node.pods.remove(uid);
            node.sum();
            if node.pods.is_empty() && !node.known {
                self.nodes.remove(&name);
            }
        }
    }

    pub(crate) fn is_placed(&self, uid: &str) -> bool {
        self.placed.contains_key(uid)
    }
}

//! Nodes to be asked, and the names and labels of pods: what answers are selected by.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::PoisonError;

use follow::{Change, changes};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::PartialObjectMeta;
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::watch;

use crate::run::{RunError, Shared};

/// An object's labels.
pub(crate) type Labels = BTreeMap<String, String>;

/// Where a node's kubelet listens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NodeRecord {
    pub(crate) labels: Labels,
    /// Unknown until the kubelet has said so.
    pub(crate) kubelet: Option<(IpAddr, u16)>,
}

/// Nodes by name, pods by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) nodes: BTreeMap<String, NodeRecord>,
    pub(crate) pods: BTreeMap<(String, String), Labels>,
}

/// Follows until a watch ends for good. Tells `listed` once everything has been read.
pub(crate) async fn follow(client: Client, shared: &Shared, listed: watch::Sender<bool>) -> Result<(), RunError> {
    let mut nodes = changes::<Node>(Api::all(client.clone()), watcher::Config::default());
    let mut pods = changes::<PartialObjectMeta<Pod>>(Api::all(client), watcher::Config::default());
    let (mut nodes_listed, mut pods_listed) = (false, false);
    let write = || shared.objects.write().unwrap_or_else(PoisonError::into_inner);
    loop {
        tokio::select! {
            change = nodes.next() => match change.ok_or(RunError::WatchEnded("node"))? {
                Change::Set(node) => drop(write().nodes.insert(node.name_any(), record(&node))),
                Change::Gone(identity) => drop(write().nodes.remove(&identity.name)),
                Change::Listed => nodes_listed = true,
            },
            change = pods.next() => match change.ok_or(RunError::WatchEnded("pod"))? {
                Change::Set(pod) => {
                    let key = (pod.namespace().unwrap_or_default(), pod.name_any());
                    drop(write().pods.insert(key, pod.labels().clone()));
                }
                Change::Gone(identity) => drop(write().pods.remove(&(identity.namespace, identity.name))),
                Change::Listed => pods_listed = true,
            },
        }
        if nodes_listed && pods_listed {
            listed.send_if_modified(|listed| !std::mem::replace(listed, true));
        }
    }
}

fn record(node: &Node) -> NodeRecord {
    let status = node.status.as_ref();
    let address = status.and_then(|status| {
        let mut addresses = status.addresses.iter().flatten();
        let internal = addresses.find(|address| address.type_ == "InternalIP")?;
        internal.address.parse().ok()
    });
    let port = status
        .and_then(|status| status.daemon_endpoints.as_ref()?.kubelet_endpoint.as_ref())
        .and_then(|endpoint| u16::try_from(endpoint.port).ok());
    NodeRecord {
        labels: node.labels().clone(),
        kubelet: address.zip(port),
    }
}

//! What is kept of NetworkPolicies and pods.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1 as api;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as ApiSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use machinery::selector::LabelSelector;

use super::blocks::Ranges;
use crate::proxy::protocol;

/// An object's labels.
pub(super) type Labels = BTreeMap<String, String>;

/// Who a rule lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Peer {
    /// Addresses.
    Block(Ranges),
    /// Pods; of the policy's own namespace if none is selected.
    Pods {
        namespaces: Option<LabelSelector>,
        pods: LabelSelector,
    },
}

/// What a rule lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Port {
    /// From the first to the last, both included.
    Numbers(&'static str, u16, u16),
    /// What containers call so.
    Named(&'static str, String),
}

/// One rule of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// `None` is everybody; an empty list is nobody.
    pub(super) peers: Option<Vec<Peer>>,
    /// `None` is everything, protocols without ports included.
    pub(super) ports: Option<Vec<Port>>,
}

/// A NetworkPolicy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    /// The pods that it is for.
    pub(super) pods: LabelSelector,
    /// `None` if it does not speak of what comes in.
    pub(super) ingress: Option<Vec<Rule>>,
    /// `None` if it does not speak of what goes out.
    pub(super) egress: Option<Vec<Rule>>,
}

impl Policy {
    pub(super) fn of(policy: &api::NetworkPolicy) -> Option<Self> {
        let spec = policy.spec.as_ref()?;
        let speaks = |of: &str, otherwise: bool| match spec.policy_types.as_deref() {
            Some(types) if !types.is_empty() => types.iter().any(|one| one == of),
            _ => otherwise,
        };
        let ingress = spec
            .ingress
            .iter()
            .flatten()
            .map(|rule| self::rule(rule.from.as_deref(), rule.ports.as_deref()));
        let egress = spec
            .egress
            .iter()
            .flatten()
            .map(|rule| self::rule(rule.to.as_deref(), rule.ports.as_deref()));
        Some(Self {
            namespace: policy.metadata.namespace.clone()?,
            name: policy.metadata.name.clone()?,
            uid: policy.metadata.uid.clone().unwrap_or_default(),
            pods: selector(&spec.pod_selector.clone().unwrap_or_default()),
            ingress: speaks("Ingress", true).then(|| ingress.collect()),
            egress: speaks("Egress", spec.egress.as_ref().is_some_and(|rules| !rules.is_empty()))
                .then(|| egress.collect()),
        })
    }
}

/// A selector that the API would not have taken selects nothing.
fn selector(selector: &ApiSelector) -> LabelSelector {
    serde_json::to_value(selector)
        .ok()
        .and_then(|value| LabelSelector::from_object(&value).ok())
        .unwrap_or_else(LabelSelector::nothing)
}

fn rule(peers: Option<&[api::NetworkPolicyPeer]>, ports: Option<&[api::NetworkPolicyPort]>) -> Rule {
    let peers = peers.filter(|peers| !peers.is_empty());
    let ports = ports.filter(|ports| !ports.is_empty());
    Rule {
        peers: peers.map(|peers| peers.iter().map(peer).collect()),
        ports: ports.map(|ports| ports.iter().filter_map(port).collect()),
    }
}

fn peer(peer: &api::NetworkPolicyPeer) -> Peer {
    if let Some(block) = &peer.ip_block {
        return Peer::Block(Ranges::of(&block.cidr, block.except.as_deref().unwrap_or_default()));
    }
    Peer::Pods {
        namespaces: peer.namespace_selector.as_ref().map(selector),
        pods: peer
            .pod_selector
            .as_ref()
            .map_or_else(LabelSelector::everything, selector),
    }
}

fn port(port: &api::NetworkPolicyPort) -> Option<Port> {
    let protocol = protocol(port.protocol.as_deref());
    Some(match &port.port {
        None => Port::Numbers(protocol, 0, u16::MAX),
        Some(IntOrString::String(name)) => Port::Named(protocol, name.clone()),
        Some(IntOrString::Int(first)) => {
            let first = u16::try_from(*first).ok()?;
            let last = port.end_port.map_or(Some(first), |last| u16::try_from(last).ok())?;
            Port::Numbers(protocol, first, last)
        }
    })
}

/// A pod that has an address of its own: somebody's peer, or to be shielded if it is on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(super) namespace: String,
    pub(super) labels: Labels,
    pub(super) address: Ipv4Addr,
    /// Name, protocol and number of its named ports.
    pub(super) ports: Vec<(String, &'static str, u16)>,
    /// It is on this node.
    pub(super) here: bool,
}

impl Member {
    /// `None` for pods on a node's network, and for those that no longer run.
    pub(super) fn of(pod: &Pod, node: &str) -> Option<Self> {
        let (spec, status) = (pod.spec.as_ref()?, pod.status.as_ref()?);
        if spec.host_network == Some(true) || matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
            return None;
        }
        let sidecars = spec
            .init_containers
            .iter()
            .flatten()
            .filter(|container| container.restart_policy.as_deref() == Some("Always"));
        let ports = spec
            .containers
            .iter()
            .chain(sidecars)
            .flat_map(|container| container.ports.iter().flatten())
            .filter_map(|port| {
                let number = u16::try_from(port.container_port).ok()?;
                Some((port.name.clone()?, protocol(port.protocol.as_deref()), number))
            });
        Some(Self {
            namespace: pod.metadata.namespace.clone()?,
            labels: pod.metadata.labels.clone().unwrap_or_default(),
            address: status.pod_ip.as_ref()?.parse().ok()?,
            ports: ports.collect(),
            here: spec.node_name.as_deref() == Some(node),
        })
    }

    /// The number behind a named port.
    pub(super) fn port(&self, protocol: &str, name: &str) -> Option<u16> {
        let found = self.ports.iter().find(|(own, of, _)| own == name && *of == protocol);
        found.map(|(_, _, number)| *number)
    }
}

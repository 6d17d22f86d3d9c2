//! What the proxy keeps of an EndpointSlice.

use std::net::Ipv4Addr;

use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::service::protocol;

/// Where a connection can go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    pub(crate) address: Ipv4Addr,
    pub(crate) ready: bool,
    /// Still answers although it is being terminated.
    pub(crate) serving: bool,
    pub(crate) terminating: bool,
    /// On this node.
    pub(crate) local: bool,
    /// Empty if it is on none.
    pub(crate) node: String,
}

/// Endpoints and the ports they have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) namespace: String,
    pub(crate) service: String,
    pub(crate) endpoints: Vec<Endpoint>,
    /// Name, protocol, number.
    pub(crate) ports: Vec<(String, &'static str, u16)>,
}

impl Slice {
    pub(crate) fn of(slice: &EndpointSlice, node: &str) -> Option<Self> {
        if slice.address_type != "IPv4" {
            return None;
        }
        let service = slice
            .metadata
            .labels
            .as_ref()?
            .get("kubernetes.io/service-name")?
            .clone();
        let endpoints = slice.endpoints.iter().flatten().flat_map(|endpoint| {
            let conditions = endpoint.conditions.as_ref();
            let ready = conditions.and_then(|conditions| conditions.ready).unwrap_or(true);
            let serving = conditions.and_then(|conditions| conditions.serving).unwrap_or(ready);
            let terminating = conditions
                .and_then(|conditions| conditions.terminating)
                .unwrap_or(false);
            // an endpoint without a node, as the API server's own, is as near to one node as to another
            let local = endpoint.node_name.as_deref() == Some(node);
            let addresses = endpoint.addresses.iter().filter_map(|address| address.parse().ok());
            let node = endpoint.node_name.clone().unwrap_or_default();
            addresses.take(1).map(move |address| Endpoint {
                node: node.clone(),
                address,
                ready,
                serving,
                terminating,
                local,
            })
        });
        let ports = slice.ports.iter().flatten().filter_map(|port| {
            let number = u16::try_from(port.port?).ok()?;
            Some((
                port.name.clone().unwrap_or_default(),
                protocol(port.protocol.as_deref()),
                number,
            ))
        });
        Some(Self {
            namespace: slice.metadata.namespace.clone()?,
            service,
            endpoints: endpoints.collect(),
            ports: ports.collect(),
        })
    }
}

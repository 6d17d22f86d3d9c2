//! What the proxy keeps of a Service.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use k8s_openapi::api::core::v1 as core;

/// One port of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServicePort {
    pub(crate) name: String,
    pub(crate) protocol: &'static str,
    pub(crate) port: u16,
    /// 0 if none.
    pub(crate) node_port: u16,
}

/// A service that has an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) cluster_ips: Vec<Ipv4Addr>,
    pub(crate) external_ips: Vec<Ipv4Addr>,
    /// Load balancers' addresses.
    pub(crate) balancer_ips: Vec<Ipv4Addr>,
    /// Who may come by a load balancer's address; empty for everybody.
    pub(crate) sources: Vec<Ipv4Net>,
    pub(crate) ports: Vec<ServicePort>,
    /// Seconds that a client stays with its endpoint.
    pub(crate) affinity: Option<u32>,
    /// Traffic from inside stays on its node.
    pub(crate) internal_local: bool,
    /// Traffic from outside stays on its node and keeps its source.
    pub(crate) external_local: bool,
    /// Where load balancers ask whether this node has endpoints of it; 0 if nowhere.
    pub(crate) health_port: u16,
}

pub(crate) fn protocol(name: Option<&str>) -> &'static str {
    match name {
        Some("UDP") => "udp",
        Some("SCTP") => "sctp",
        _ => "tcp",
    }
}

fn number(port: i32) -> u16 {
    u16::try_from(port).unwrap_or_default()
}

impl Service {
    /// `None` for headless services and those of another proxy.
    pub(crate) fn of(service: &core::Service) -> Option<Self> {
        let labels = service.metadata.labels.as_ref();
        let labelled = |name: &str| labels.is_some_and(|labels| labels.contains_key(name));
        if labelled("service.kubernetes.io/headless") || labelled("service.kubernetes.io/service-proxy-name") {
            return None;
        }
        let spec = service.spec.as_ref()?;
        if spec.type_.as_deref() == Some("ExternalName") {
            return None;
        }
        let addresses = |list: Option<&Vec<String>>| -> Vec<Ipv4Addr> {
            list.into_iter()
                .flatten()
                .filter_map(|text| text.parse().ok())
                .collect()
        };
        let mut cluster_ips = addresses(spec.cluster_ips.as_ref());
        if cluster_ips.is_empty() {
            cluster_ips.extend(
                spec.cluster_ip
                    .as_deref()
                    .and_then(|text| text.parse::<Ipv4Addr>().ok()),
            );
        }
        if cluster_ips.is_empty() {
            return None;
        }
        let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        let ingress = balancer
            .and_then(|balancer| balancer.ingress.as_ref())
            .into_iter()
            .flatten();
        let balancer_ips = ingress
            .filter(|ingress| ingress.ip_mode.as_deref() != Some("Proxy"))
            .filter_map(|ingress| ingress.ip.as_ref()?.parse().ok());
        let sources = spec.load_balancer_source_ranges.iter().flatten();
        let sticky = spec.session_affinity.as_deref() == Some("ClientIP");
        let client = spec
            .session_affinity_config
            .as_ref()
            .and_then(|config| config.client_ip.as_ref());
        Some(Self {
            namespace: service.metadata.namespace.clone()?,
            name: service.metadata.name.clone()?,
            cluster_ips,
            external_ips: addresses(spec.external_ips.as_ref()),
            balancer_ips: balancer_ips.collect(),
            sources: sources.filter_map(|range| range.trim().parse().ok()).collect(),
            ports: spec
                .ports
                .iter()
                .flatten()
                .map(|port| ServicePort {
                    name: port.name.clone().unwrap_or_default(),
                    protocol: protocol(port.protocol.as_deref()),
                    port: number(port.port),
                    node_port: port.node_port.map(number).unwrap_or_default(),
                })
                .collect(),
            affinity: sticky.then(|| {
                client
                    .and_then(|client| client.timeout_seconds)
                    .map_or(10_800, i32::unsigned_abs)
            }),
            internal_local: spec.internal_traffic_policy.as_deref() == Some("Local"),
            external_local: spec.external_traffic_policy.as_deref() == Some("Local"),
            health_port: spec.health_check_node_port.map(number).unwrap_or_default(),
        })
    }
}

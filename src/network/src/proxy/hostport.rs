//! Ports that pods take on their node.

use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::Pod;

use super::service::protocol;

/// A node's port and the pod's port behind it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostPort {
    pub(crate) protocol: &'static str,
    pub(crate) port: u16,
    /// `None` for all of the node's addresses.
    pub(crate) address: Option<Ipv4Addr>,
    pub(crate) target: (Ipv4Addr, u16),
}

/// The host ports of a running pod that has an address of its own.
pub(crate) fn host_ports(pod: &Pod) -> Vec<HostPort> {
    let Some(spec) = pod.spec.as_ref().filter(|spec| spec.host_network != Some(true)) else {
        return Vec::new();
    };
    let status = pod.status.as_ref();
    let finished = status
        .and_then(|status| status.phase.as_deref())
        .is_some_and(|phase| matches!(phase, "Succeeded" | "Failed"));
    let Some(pod_ip) = status
        .and_then(|status| status.pod_ip.as_ref()?.parse().ok())
        .filter(|_| !finished)
    else {
        return Vec::new();
    };
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    containers
        .flat_map(|container| container.ports.iter().flatten())
        .filter_map(|port| {
            let number = u16::try_from(port.host_port?).ok().filter(|number| *number > 0)?;
            Some(HostPort {
                protocol: protocol(port.protocol.as_deref()),
                port: number,
                address: port
                    .host_ip
                    .as_ref()
                    .and_then(|text| text.parse().ok())
                    .filter(|ip: &Ipv4Addr| !ip.is_unspecified()),
                target: (pod_ip, u16::try_from(port.container_port).ok()?),
            })
        })
        .collect()
}

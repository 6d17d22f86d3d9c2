//! From pods to endpoints.

use k8s_openapi::api::core::v1::{ObjectReference, Pod, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt as _;

use crate::shared::{Ctx, Key, pods};

/// A service's ports as they are on one pod.
pub(crate) type Ports = Vec<EndpointPort>;

/// Ports of the service with names resolved on the pod; ports that the pod does not have are left out.
pub(crate) fn resolve_ports(service: &Service, pod: &Pod) -> Ports {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let resolved = ports.filter_map(|port| {
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        let number = match &port.target_port {
            None => port.port,
            Some(IntOrString::Int(number)) => *number,
            Some(IntOrString::String(name)) => named(pod, name, &protocol)?,
        };
        Some(EndpointPort {
            name: Some(port.name.clone().unwrap_or_default()),
            port: Some(number),
            protocol: Some(protocol),
            app_protocol: port.app_protocol.clone(),
        })
    });
    resolved.collect()
}

fn named(pod: &Pod, name: &str, protocol: &str) -> Option<i32> {
    let spec = pod.spec.as_ref()?;
    let sidecars = spec
        .init_containers
        .iter()
        .flatten()
        .filter(|c| c.restart_policy.as_deref() == Some("Always"));
    let mut ports = spec
        .containers
        .iter()
        .chain(sidecars)
        .flat_map(|container| container.ports.iter().flatten());
    let same = |port: &&k8s_openapi::api::core::v1::ContainerPort| {
        port.name.as_deref() == Some(name) && port.protocol.as_deref().unwrap_or("TCP") == protocol
    };
    ports.find(same).map(|port| port.container_port)
}

/// Addresses of the pod in the family.
pub(crate) fn address(pod: &Pod, ipv6: bool) -> Option<String> {
    let status = pod.status.as_ref()?;
    let all = status
        .pod_ips
        .iter()
        .flatten()
        .map(|ip| ip.ip.clone())
        .chain(status.pod_ip.clone());
    let mut all = all.filter(|ip| !ip.is_empty());
    all.find(|ip| ip.contains(':') == ipv6)
}

/// Whether the pod can have an endpoint at all.
pub(crate) fn is_candidate(pod: &Pod) -> bool {
    !pods::is_finished(pod) && pod.status.as_ref().is_some_and(|status| status.pod_ip.is_some())
}

/// The endpoint of a pod.
pub(super) fn endpoint(ctx: &Ctx, service: &Service, pod: &Pod, address: String) -> Endpoint {
    let spec = service.spec.as_ref();
    let publish = spec.and_then(|spec| spec.publish_not_ready_addresses) == Some(true);
    let (ready, terminating) = (pods::is_ready(pod), pods::is_terminating(pod));
    let pod_spec = pod.spec.as_ref();
    let node_name = pod_spec.and_then(|spec| spec.node_name.clone());
    let node = node_name
        .as_ref()
        .and_then(|name| ctx.nodes.get(&Key::new("", name.as_str())));
    let zone = node.and_then(|node| node.labels().get("topology.kubernetes.io/zone").cloned());
    let subdomain = pod_spec.and_then(|spec| spec.subdomain.clone());
    let hostname = pod_spec.and_then(|spec| spec.hostname.clone());
    let hostname = hostname.filter(|name| !name.is_empty() && subdomain.as_deref() == Some(&service.name_any()));
    Endpoint {
        addresses: vec![address],
        conditions: Some(EndpointConditions {
            ready: Some(publish || (ready && !terminating)),
            serving: Some(ready),
            terminating: Some(terminating),
        }),
        hostname,
        node_name,
        zone,
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: pod.namespace(),
            name: Some(pod.name_any()),
            uid: pod.uid(),
            ..ObjectReference::default()
        }),
        ..Endpoint::default()
    }
}

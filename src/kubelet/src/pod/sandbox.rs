//! The sandbox's configuration: names, DNS, ports, namespaces and cgroup parent.

use std::path::{Path, PathBuf};

use cri::v1;
use k8s_openapi::api::core::v1::{Pod, PodSpec};

use super::{dns, resources, security};
use crate::options::Options;
use crate::runtime::labels;

/// The longest name the kernel takes.
const HOSTNAME_LIMIT: usize = 63;

/// `<namespace>_<name>_<uid>` below the log folder.
pub(crate) fn log_directory(root: &Path, pod: &Pod) -> PathBuf {
    let meta = &pod.metadata;
    let part = |field: &Option<String>| field.clone().unwrap_or_default();
    root.join(format!(
        "{}_{}_{}",
        part(&meta.namespace),
        part(&meta.name),
        part(&meta.uid)
    ))
}

/// The pod's host name and domain, as its containers see them.
pub(crate) fn hostname(pod: &Pod, options: &Options) -> (String, String) {
    let spec = pod.spec.clone().unwrap_or_default();
    if let Some(name) = spec.hostname_override.filter(|name| !name.is_empty()) {
        return (name, String::new());
    }
    if spec.host_network == Some(true) {
        return (options.node_name.clone(), String::new());
    }
    let chosen = spec.hostname.filter(|name| !name.is_empty());
    let mut name = chosen.unwrap_or_else(|| pod.metadata.name.clone().unwrap_or_default());
    name.truncate(HOSTNAME_LIMIT);
    let name = name.trim_end_matches(['-', '.']).to_owned();
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let domain = spec.subdomain.filter(|domain| !domain.is_empty());
    let domain = domain.map(|domain| format!("{domain}.{namespace}.svc.{}", options.cluster_domain));
    match domain {
        Some(domain) if spec.set_hostname_as_fqdn == Some(true) => (format!("{name}.{domain}"), domain),
        domain => (name, domain.unwrap_or_default()),
    }
}

/// The configuration of the pod's sandbox number `attempt`.
pub(crate) fn config(pod: &Pod, attempt: u32, options: &Options) -> v1::PodSandboxConfig {
    let spec = pod.spec.clone().unwrap_or_default();
    let meta = &pod.metadata;
    let namespace = meta.namespace.clone().unwrap_or_default();
    let node_resolvers = fs_err::read_to_string(&options.resolv_conf).unwrap_or_default();
    let resolvers = dns::Resolvers {
        cluster_dns: options.cluster_dns.to_string(),
        cluster_domain: &options.cluster_domain,
        node: &node_resolvers,
    };
    v1::PodSandboxConfig {
        metadata: Some(v1::PodSandboxMetadata {
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            namespace: namespace.clone(),
            attempt,
        }),
        // On the node's network the runtime must not set a name: it would be the node's.
        hostname: if spec.host_network == Some(true) {
            String::new()
        } else {
            hostname(pod, options).0
        },
        log_directory: log_directory(&options.pod_logs, pod).display().to_string(),
        dns_config: Some(dns::config(&spec, &namespace, &resolvers)),
        port_mappings: port_mappings(&spec),
        labels: meta
            .labels
            .clone()
            .into_iter()
            .flatten()
            .chain(labels::of_pod(pod))
            .collect(),
        annotations: meta.annotations.clone().into_iter().flatten().collect(),
        linux: Some(v1::LinuxPodSandboxConfig {
            cgroup_parent: resources::cgroup_parent(pod),
            security_context: Some(security::of_sandbox(&spec)),
            sysctls: sysctls(&spec),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn sysctls(spec: &PodSpec) -> std::collections::HashMap<String, String> {
    let context = spec.security_context.as_ref();
    let list = context
        .and_then(|context| context.sysctls.as_ref())
        .into_iter()
        .flatten();
    list.map(|sysctl| (sysctl.name.replace('/', "."), sysctl.value.clone()))
        .collect()
}

fn port_mappings(spec: &PodSpec) -> Vec<v1::PortMapping> {
    if spec.host_network == Some(true) {
        return Vec::new();
    }
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|container| container.restart_policy.as_deref() == Some("Always"));
    let ports = spec
        .containers
        .iter()
        .chain(sidecars)
        .flat_map(|container| container.ports.iter().flatten());
    let mapped = ports.filter_map(|port| {
        let host_port = port.host_port.filter(|port| *port > 0)?;
        let protocol = match port.protocol.as_deref() {
            Some("UDP") => v1::Protocol::Udp,
            Some("SCTP") => v1::Protocol::Sctp,
            _ => v1::Protocol::Tcp,
        };
        Some(v1::PortMapping {
            protocol: protocol.into(),
            container_port: port.container_port,
            host_port,
            host_ip: port.host_ip.clone().unwrap_or_default(),
        })
    });
    mapped.collect()
}

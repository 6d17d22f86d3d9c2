//! A cluster's profile: everything about it that must not change while it lives.

mod limits;
mod lock;
mod names;
mod store;

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use nodespec::Role;
use serde::{Deserialize, Serialize};

use crate::Driver;

pub use limits::Limits;
pub use lock::ProfileLock;
pub use names::check_name;
pub(crate) use names::node_name;
pub use store::ProfileStore;
pub(crate) use store::write_atomically;

/// Length of the prefix of one node's pods.
pub(crate) const NODE_PREFIX: u8 = 24;

/// How much the engine lets a node's container do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confinement {
    /// `--privileged`.
    Privileged,
    /// The capabilities that a hardened or nested engine can give.
    Capabilities,
}

/// A cluster on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// The cluster's name; also of its network and its first node.
    pub name: String,
    /// Version of rkube that made it.
    pub version: String,
    /// Image of its nodes.
    pub image: String,
    /// Addresses of its network.
    pub subnet: Ipv4Net,
    /// Port on 127.0.0.1 where the API is.
    pub api_port: u16,
    /// Port on 127.0.0.1 that leads to port 80 of the first node, for Ingresses.
    #[serde(default)]
    pub http_port: Option<u16>,
    /// Port on 127.0.0.1 that leads to its port 443.
    #[serde(default)]
    pub https_port: Option<u16>,
    /// Port on 127.0.0.1 that leads to its port 5000, for the addon `registry`.
    #[serde(default)]
    pub registry_port: Option<u16>,
    /// Address other machines' programs use for the API: 127.0.0.1, or the host of a remote engine.
    pub api_host: String,
    /// All pods' addresses.
    pub cluster_cidr: Ipv4Net,
    /// All services' addresses.
    pub service_cidr: Ipv4Net,
    /// The DNS domain.
    pub dns_domain: String,
    /// Nodes; the first is the control plane.
    pub nodes: Vec<ProfileNode>,
    /// kubeconfig file that holds the cluster's context.
    pub kubeconfig: std::path::PathBuf,
    /// The current context before this cluster's, restored on delete.
    #[serde(default)]
    pub previous_context: Option<String>,
    /// `--extra-config component.key=value`.
    #[serde(default)]
    pub extra_config: Vec<String>,
    /// What each node may use.
    #[serde(default)]
    pub limits: Limits,
    /// The kind of engine that has its containers; not known of clusters that older versions made.
    #[serde(default)]
    pub driver: Option<Driver>,
}

/// One node of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileNode {
    /// Node, container and volume name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Its fixed address.
    pub ip: Ipv4Addr,
    /// Its pods' addresses.
    pub pod_cidr: Ipv4Net,
}

impl Profile {
    /// The control plane's node.
    pub fn control_plane(&self) -> Option<&ProfileNode> {
        self.nodes.iter().find(|node| node.role == Role::ControlPlane)
    }

    /// Where the host's programs find the API.
    pub fn server(&self) -> String {
        format!("https://{}:{}", self.api_host, self.api_port)
    }

    /// First service address: the `kubernetes` service.
    pub fn kubernetes_ip(&self) -> IpAddr {
        offset(self.service_cidr, 1).into()
    }

    /// Tenth service address: DNS.
    pub fn dns_ip(&self) -> IpAddr {
        offset(self.service_cidr, 10).into()
    }

    /// The image in every node that built-in addons run from.
    pub fn embedded_image(&self) -> String {
        format!("rkube.local/rkube:{}", env!("CARGO_PKG_VERSION"))
    }

    /// The last quarter of the network, whose nodes are counted from its begin; `None` if there is too little of it.
    fn load_balancers(&self) -> Option<Ipv4Net> {
        let quarters = self.subnet.subnets(self.subnet.prefix_len() + 2).ok()?;
        quarters.last().filter(|last| last.prefix_len() <= 28)
    }

    /// The node number `index`, its addresses derived from its number.
    pub(crate) fn node(name: &str, index: u8, subnet: Ipv4Net, cluster_cidr: Ipv4Net) -> ProfileNode {
        let pods = u32::from(cluster_cidr.network()) + (u32::from(index) << (32 - NODE_PREFIX));
        ProfileNode {
            name: node_name(name, index),
            role: if index == 0 { Role::ControlPlane } else { Role::Worker },
            ip: offset(subnet, 2 + u32::from(index)),
            pod_cidr: Ipv4Net::new_assert(pods.into(), NODE_PREFIX),
        }
    }

    /// What the node is told.
    pub(crate) fn node_config(&self, node: &ProfileNode) -> nodespec::NodeConfig {
        let control_plane = self
            .control_plane()
            .map_or(self.name.as_str(), |node| node.name.as_str());
        let mut extra_config = std::collections::BTreeMap::<_, std::collections::BTreeMap<_, _>>::new();
        for setting in &self.extra_config {
            if let Some((key, value)) = setting.split_once('=')
                && let Some((component, key)) = key.split_once('.')
            {
                extra_config
                    .entry(component.to_owned())
                    .or_default()
                    .insert(key.to_owned(), value.to_owned());
            }
        }
        nodespec::NodeConfig {
            cluster: self.name.clone(),
            name: node.name.clone(),
            role: node.role,
            node_ip: node.ip.into(),
            pod_cidr: IpNet::V4(node.pod_cidr),
            pod_cidrs: self
                .nodes
                .iter()
                .map(|node| (node.name.clone(), IpNet::V4(node.pod_cidr)))
                .collect(),
            cluster_cidr: IpNet::V4(self.cluster_cidr),
            service_cidr: IpNet::V4(self.service_cidr),
            load_balancers: self.load_balancers(),
            dns_ip: self.dns_ip(),
            dns_domain: self.dns_domain.clone(),
            api_endpoint: format!("https://{control_plane}:{}", nodespec::ports::API),
            embedded_image: self.embedded_image(),
            labels: std::collections::BTreeMap::new(),
            taints: Vec::new(),
            skip_fixes: Vec::new(),
            extra_config,
        }
    }
}

fn offset(net: Ipv4Net, by: u32) -> Ipv4Addr {
    (u32::from(net.network()) + by).into()
}

#[cfg(test)]
pub(crate) mod tests;

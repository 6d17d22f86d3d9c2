//! [`NodeConfig`], the one document the host hands to a node.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the store, the API server, controllers and the scheduler besides what a worker runs.
    ControlPlane,
    /// Runs kubelet, service proxy and pod network only.
    Worker,
}

/// A taint the node registers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taint {
    /// Qualified name.
    pub key: String,
    /// May be empty.
    #[serde(default)]
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// One node's configuration. Addresses are fixed at creation and never change for the node's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeConfig {
    /// The profile's name.
    pub cluster: String,
    /// The node's (and its container's) name; also its DNS name in the cluster's network.
    pub name: String,
    /// What the node is for.
    pub role: Role,
    /// The node's fixed address in the cluster's network.
    pub node_ip: IpAddr,
    /// Addresses for this node's pods, e.g. `10.244.0.0/24`.
    pub pod_cidr: IpNet,
    /// The same of every node of the cluster by name; the control plane writes them into `spec.podCIDR`.
    #[serde(default)]
    pub pod_cidrs: BTreeMap<String, IpNet>,
    /// All pods of the cluster, e.g. `10.244.0.0/16`.
    pub cluster_cidr: IpNet,
    /// Service addresses, e.g. `10.96.0.0/16`.
    pub service_cidr: IpNet,
    /// Addresses for services of type LoadBalancer: the part of the nodes' network that has no nodes.
    #[serde(default)]
    pub load_balancers: Option<Ipv4Net>,
    /// The DNS service's address, e.g. `10.96.0.10`.
    pub dns_ip: IpAddr,
    /// `cluster.local` unless the user chose another.
    pub dns_domain: String,
    /// Where workers find the API, by name: `https://<control-plane>:6443`.
    pub api_endpoint: String,
    /// Image reference of the embedded image (`rkube.local/rkube:<version>`), served by the node-local registry.
    pub embedded_image: String,
    /// Labels the node registers with.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Taints the node registers with.
    #[serde(default)]
    pub taints: Vec<Taint>,
    /// Boot fixes switched off by name.
    #[serde(default)]
    pub skip_fixes: Vec<String>,
    /// Settings by component (`kubelet`, `apiserver`, …), from `--extra-config component.key=value`.
    #[serde(default)]
    pub extra_config: BTreeMap<String, BTreeMap<String, String>>,
}

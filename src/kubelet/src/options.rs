//! What the kubelet is told at start.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;

/// Everything that differs between nodes; the paths are `nodespec`'s, the addresses the cluster's.
#[derive(Debug, Clone)]
pub struct Options {
    /// The Node object's name.
    pub node_name: String,
    /// The node's `InternalIP`.
    pub node_ip: IpAddr,
    /// Name server of pods with DNS policy `ClusterFirst`.
    pub cluster_dns: IpAddr,
    /// `cluster.local` unless the user chose another.
    pub cluster_domain: String,
    /// The resolver file pods with DNS policy `Default` start from.
    pub resolv_conf: PathBuf,
    /// Labels to register with, beside the well-known ones.
    pub labels: BTreeMap<String, String>,
    /// Taints to register with: key, value, effect.
    pub taints: Vec<(String, String, String)>,
    /// Registers with the control-plane role label.
    pub control_plane: bool,
    /// The runtime's socket.
    pub containerd_socket: PathBuf,
    /// Pods' volumes and such live below it.
    pub root: PathBuf,
    /// Pods' log files live below it.
    pub pod_logs: PathBuf,
    /// Manifests of static pods.
    pub manifests: PathBuf,
    /// Folder with `ca.crt`, `kubelet.crt` and `kubelet.key`.
    pub pki: PathBuf,
    /// Port of the kubelet's server.
    pub port: u16,
    /// Volumes that need no preparation by anybody else.
    pub own_volumes: OwnVolumes,
    /// Until when a pod's containers wait with starting.
    pub isolated: Isolated,
    /// Who knows why a pull failed.
    pub pull_report: Arc<dyn PullReport>,
    /// Settings by upstream's configuration names, e.g. `maxPods`.
    pub settings: BTreeMap<String, String>,
}

/// Local volumes of a provisioner that leaves it to the node to make their folders.
#[derive(Debug, Clone)]
pub struct OwnVolumes {
    /// Its name, in the volumes' annotation `pv.kubernetes.io/provisioned-by`.
    pub provisioner: String,
    /// The folder right below which theirs are.
    pub root: PathBuf,
}

type Wait = dyn Fn(String, String, Ipv4Addr) -> BoxFuture<'static, ()> + Send + Sync;

/// Resolves once whatever isolates a pod (namespace, name, address) from others is in force.
#[derive(Clone)]
pub struct Isolated(Arc<Wait>);

impl Isolated {
    /// From what knows.
    pub fn new(wait: impl Fn(String, String, Ipv4Addr) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(wait))
    }

    pub(crate) fn wait(&self, namespace: &str, name: &str, address: Ipv4Addr) -> BoxFuture<'static, ()> {
        self.0(namespace.to_owned(), name.to_owned(), address)
    }
}

impl fmt::Debug for Isolated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Isolated")
    }
}

/// Knows of failed pulls more than the runtime says: what each source answered.
pub trait PullReport: fmt::Debug + Send + Sync {
    /// Why pulling `reference` failed since then, if it is known.
    fn failure(&self, reference: &str, since: Instant) -> Option<String>;
}

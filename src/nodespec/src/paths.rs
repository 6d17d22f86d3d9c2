//! Files inside a node. What must survive a new container lives below `/var`.

/// The node's [`crate::NodeConfig`] as JSON, written by the host before the container first starts.
pub const CONFIG: &str = "/etc/rkube/node.json";
/// Certificates and keys, written by the host; 0600.
pub const PKI: &str = "/etc/rkube/pki";
/// Where images come from, as JSON (`mirrors::Table`); written by the host at any time, 0600.
pub const MIRRORS: &str = "/etc/rkube/mirrors.json";
/// Static pod manifests the kubelet runs without an API server.
pub const MANIFESTS: &str = "/etc/kubernetes/manifests";
/// The binary itself.
pub const BINARY: &str = "/usr/bin/rkube";
/// The embedded store's folder.
pub const STORE: &str = "/var/lib/rkube/store";
/// The kubelet's root folder.
pub const KUBELET: &str = "/var/lib/kubelet";
/// Pod logs, `<namespace>_<name>_<uid>/<container>/<restart>.log` below it.
pub const POD_LOGS: &str = "/var/log/pods";
/// What containerd shows the node-local registry, so that no pod on the node's network is taken for it; made anew at every boot, 0600.
pub const REGISTRY_KEY: &str = "/run/rkube/registry.key";
/// containerd's socket.
pub const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";
/// Logs of `rkube node` and containerd, rotated.
pub const LOGS: &str = "/var/log/rkube";
/// Folders of volumes that the cluster's own provisioner made.
pub const VOLUMES: &str = "/var/lib/rkube/volumes";
/// Unix socket on which `rkube node` answers status requests (HTTP/1.1, JSON).
pub const STATUS_SOCKET: &str = "/run/rkube/status.sock";

//! Ports a node listens on, as upstream's components use them.

/// Kubernetes API over TLS, on the cluster network and (published by the driver) on the host's 127.0.0.1.
pub const API: u16 = 6443;
/// Ingresses over HTTP, on the first node; published as the API is.
pub const HTTP: u16 = 80;
/// Ingresses over HTTPS.
pub const HTTPS: u16 = 443;
/// The addon `registry`, on the first node; published as the API is.
pub const LOCAL_REGISTRY: u16 = 5000;
/// The kubelet's authenticated HTTPS server on the node's address.
pub const KUBELET: u16 = 10250;
/// The node-local registry that serves the embedded image and images being loaded; loopback inside the node.
pub const REGISTRY: u16 = 5055;

//! File names of certificates and keys, as the host writes them and the node reads them.

/// The authority's certificate; every node has it.
pub const CA_CERT: &str = "ca.crt";
/// The authority's key; control planes only.
pub const CA_KEY: &str = "ca.key";
/// The kubelet's serving certificate.
pub const KUBELET_CERT: &str = "kubelet.crt";
/// Key of [`KUBELET_CERT`].
pub const KUBELET_KEY: &str = "kubelet.key";
/// The kubelet's identity at the API server.
pub const KUBELET_CLIENT_CERT: &str = "kubelet-client.crt";
/// Key of [`KUBELET_CLIENT_CERT`].
pub const KUBELET_CLIENT_KEY: &str = "kubelet-client.key";
/// The service proxy's identity at the API server.
pub const KUBE_PROXY_CERT: &str = "kube-proxy.crt";
/// Key of [`KUBE_PROXY_CERT`].
pub const KUBE_PROXY_KEY: &str = "kube-proxy.key";
/// The API server's serving certificate.
pub const APISERVER_CERT: &str = "apiserver.crt";
/// Key of [`APISERVER_CERT`].
pub const APISERVER_KEY: &str = "apiserver.key";
/// The API server's identity at kubelets.
pub const APISERVER_KUBELET_CLIENT_CERT: &str = "apiserver-kubelet-client.crt";
/// Key of [`APISERVER_KUBELET_CLIENT_CERT`].
pub const APISERVER_KUBELET_CLIENT_KEY: &str = "apiserver-kubelet-client.key";
/// The authority of [`FRONT_PROXY_CLIENT_CERT`], which extension API servers trust to name users.
pub const FRONT_PROXY_CA_CERT: &str = "front-proxy-ca.crt";
/// The API server's identity at extension API servers.
pub const FRONT_PROXY_CLIENT_CERT: &str = "front-proxy-client.crt";
/// Key of [`FRONT_PROXY_CLIENT_CERT`].
pub const FRONT_PROXY_CLIENT_KEY: &str = "front-proxy-client.key";
/// Signs service-account tokens.
pub const SA_KEY: &str = "sa.key";
/// Verifies service-account tokens.
pub const SA_PUB: &str = "sa.pub";

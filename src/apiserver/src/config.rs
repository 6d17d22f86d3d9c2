//! What an API server is started with. Certificates and keys are PEM.

use std::net::IpAddr;

use ipnet::IpNet;

/// Settings of one API server.
#[derive(Clone)]
pub struct Config {
    /// The cluster's CA, which client certificates are verified against.
    pub ca: Vec<u8>,
    /// Serving certificate and key.
    pub certificate: Vec<u8>,
    /// See `certificate`.
    pub key: Vec<u8>,
    /// Client certificate and key for kubelets.
    pub kubelet_client_certificate: Vec<u8>,
    /// See `kubelet_client_certificate`.
    pub kubelet_client_key: Vec<u8>,
    /// The authority that extension API servers are told to trust for the certificate below.
    pub front_proxy_ca: Vec<u8>,
    /// Client certificate and key for extension API servers.
    pub front_proxy_client_certificate: Vec<u8>,
    /// See `front_proxy_client_certificate`.
    pub front_proxy_client_key: Vec<u8>,
    /// Signs service-account tokens (ECDSA P-256).
    pub service_account_key: Vec<u8>,
    /// Verifies them.
    pub service_account_public_key: Vec<u8>,
    /// `iss` of tokens and the API server's own audience.
    pub issuer: String,
    /// Where services' addresses come from; the first is the API's own.
    pub service_cidr: IpNet,
    /// Where the API is reached inside the cluster.
    pub advertise: IpAddr,
    /// The port at `advertise`.
    pub port: u16,
    /// `gitVersion` of `/version`, e.g. `v1.36.2+rkube.0.1.0`.
    pub version: String,
    /// The resources that it shows.
    pub served: schema::Served,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("advertise", &self.advertise)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

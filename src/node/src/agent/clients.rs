//! API clients of a worker's components over HTTPS, each with its own credentials.

use std::io;

use http::Uri;
use kube::config::AuthInfo;
use nodespec::{NodeConfig, paths};

/// The kubelet's client (`system:node:<name>`).
pub(super) fn kubelet(config: &NodeConfig) -> io::Result<kube::Client> {
    https(config, "kubelet-client")
}

/// The service proxy's client (`system:kube-proxy`).
pub(super) fn proxy(config: &NodeConfig) -> io::Result<kube::Client> {
    https(config, "kube-proxy")
}

fn https(config: &NodeConfig, credentials: &str) -> io::Result<kube::Client> {
    let uri: Uri = config.api_endpoint.parse().map_err(io::Error::other)?;
    let mut settings = kube::Config::new(uri);
    settings.root_cert = Some(pem_certificates(&format!("{}/ca.crt", paths::PKI))?);
    settings.auth_info = AuthInfo {
        client_certificate: Some(format!("{}/{credentials}.crt", paths::PKI)),
        client_key: Some(format!("{}/{credentials}.key", paths::PKI)),
        ..AuthInfo::default()
    };
    kube::Client::try_from(settings).map_err(io::Error::other)
}

fn pem_certificates(path: &str) -> io::Result<Vec<Vec<u8>>> {
    use rustls_pki_types::{CertificateDer, pem::PemObject as _};
    let text = fs_err::read(path)?;
    CertificateDer::pem_slice_iter(&text)
        .map(|one| one.map(|der| der.to_vec()).map_err(io::Error::other))
        .collect()
}

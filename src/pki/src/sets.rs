//! The sets of files that nodes and the administrator get.

use std::net::IpAddr;
use std::time::SystemTime;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};

use crate::{Authority, LeafRequest, Pem, PkiError, Usage, names};

/// One file of a set. Keys are for their owner's eyes only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PemFile {
    /// File name, of [`names`].
    pub name: &'static str,
    /// PEM text.
    pub text: String,
}

impl PemFile {
    /// Permission bits: 0600 for all, so that no reader need know which is a key.
    pub const MODE: u32 = 0o600;
}

/// Who a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'a> {
    /// Node name, also a DNS name in the cluster's network.
    pub name: &'a str,
    /// Fixed address.
    pub ip: IpAddr,
}

/// What else a control plane's certificate must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPlane<'a> {
    /// The node it runs on.
    pub node: Node<'a>,
    /// First address of the service range: the `kubernetes` service.
    pub service_ip: IpAddr,
    /// `cluster.local` unless chosen otherwise.
    pub dns_domain: &'a str,
    /// Further DNS names (`--apiserver-names`).
    pub extra_dns: &'a [String],
    /// Further addresses (`--apiserver-ips`).
    pub extra_ips: &'a [IpAddr],
}

/// Common name of the API server at extension API servers.
const FRONT_PROXY_CLIENT: &str = "front-proxy-client";
const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Files every node has.
pub fn worker(authority: &Authority, node: &Node<'_>, now: SystemTime) -> Result<Vec<PemFile>, PkiError> {
    let user = format!("system:node:{}", node.name);
    let serving = authority.issue(
        &LeafRequest {
            common_name: &user,
            organizations: &["system:nodes"],
            dns: vec![node.name.to_owned(), "localhost".to_owned()],
            ips: vec![node.ip, LOOPBACK],
            usage: Usage::Server,
        },
        now,
    )?;
    let client = client(authority, &user, &["system:nodes"], now)?;
    let proxy = self::client(authority, "system:kube-proxy", &[], now)?;
    let mut files = vec![PemFile {
        name: names::CA_CERT,
        text: authority.pem().cert.clone(),
    }];
    files.extend(pair(names::KUBELET_CERT, names::KUBELET_KEY, serving));
    files.extend(pair(names::KUBELET_CLIENT_CERT, names::KUBELET_CLIENT_KEY, client));
    files.extend(pair(names::KUBE_PROXY_CERT, names::KUBE_PROXY_KEY, proxy));
    Ok(files)
}

/// Files a control plane has: a worker's, the authority's key and the API server's. Service-account keys are apart, since they
/// belong to the cluster, not to one node.
pub fn control_plane(
    authority: &Authority,
    plane: &ControlPlane<'_>,
    now: SystemTime,
) -> Result<Vec<PemFile>, PkiError> {
    let mut dns: Vec<String> = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        .map(str::to_owned)
        .into();
    dns.push(format!("kubernetes.default.svc.{}", plane.dns_domain));
    dns.extend(["localhost".to_owned(), plane.node.name.to_owned()]);
    dns.extend_from_slice(plane.extra_dns);
    let mut ips = vec![LOOPBACK, plane.service_ip, plane.node.ip];
    ips.extend_from_slice(plane.extra_ips);
    let serving = authority.issue(
        &LeafRequest {
            common_name: "kube-apiserver",
            organizations: &[],
            dns,
            ips,
            usage: Usage::Server,
        },
        now,
    )?;
    let to_kubelets = client(authority, "kube-apiserver-kubelet-client", &["system:masters"], now)?;
    let mut files = worker(authority, &plane.node, now)?;
    files.push(PemFile {
        name: names::CA_KEY,
        text: authority.pem().key.clone(),
    });
    files.extend(pair(names::APISERVER_CERT, names::APISERVER_KEY, serving));
    files.extend(pair(
        names::APISERVER_KUBELET_CLIENT_CERT,
        names::APISERVER_KUBELET_CLIENT_KEY,
        to_kubelets,
    ));
    Ok(files)
}

/// The API server's identity at extension API servers, of an authority of its own: whoever holds a certificate of it may say
/// that a request is anybody's. The authority's key is forgotten, so that there is never a second one.
pub fn front_proxy(now: SystemTime) -> Result<Vec<PemFile>, PkiError> {
    let authority = Authority::create("front-proxy-ca", now)?;
    let client = client(&authority, FRONT_PROXY_CLIENT, &[], now)?;
    let mut files = vec![PemFile {
        name: names::FRONT_PROXY_CA_CERT,
        text: authority.pem().cert.clone(),
    }];
    files.extend(pair(
        names::FRONT_PROXY_CLIENT_CERT,
        names::FRONT_PROXY_CLIENT_KEY,
        client,
    ));
    Ok(files)
}

/// A new key pair for service-account tokens.
pub fn service_account_keys() -> Result<Vec<PemFile>, PkiError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|source| PkiError::Generate {
        subject: "service accounts".to_owned(),
        source,
    })?;
    Ok(vec![
        PemFile {
            name: names::SA_KEY,
            text: key.serialize_pem(),
        },
        PemFile {
            name: names::SA_PUB,
            text: key.public_key_pem(),
        },
    ])
}

/// The administrator's client certificate, for the kubeconfig.
pub fn admin(authority: &Authority, now: SystemTime) -> Result<Pem, PkiError> {
    client(authority, "kubernetes-admin", &["system:masters"], now)
}

fn client(authority: &Authority, user: &str, groups: &[&str], now: SystemTime) -> Result<Pem, PkiError> {
    authority.issue(
        &LeafRequest {
            common_name: user,
            organizations: groups,
            dns: Vec::new(),
            ips: Vec::new(),
            usage: Usage::Client,
        },
        now,
    )
}

fn pair(cert: &'static str, key: &'static str, pem: Pem) -> [PemFile; 2] {
    [
        PemFile {
            name: cert,
            text: pem.cert,
        },
        PemFile {
            name: key,
            text: pem.key,
        },
    ]
}

#[cfg(test)]
mod tests;

//! Whom this server believes, and how the API server comes to believe it.
//!
//! Its certificate is of an authority made at start, whose key is forgotten at once; the authority's certificate goes into
//! the `caBundle` of its own APIService, the only object that it may change. Clients must show the front proxy's certificate.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use follow::{Change, Soon, changes};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::{APIService, APIServiceSpec};
use kube::api::{Patch, PatchParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watch_object};
use kube::{Api, Client};
use pki::{Authority, LeafRequest, Pem, Usage};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use tokio::sync::watch;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::run::RunError;

const SERVICE: &str = "v1beta1.metrics.k8s.io";
const MAP: &str = "extension-apiserver-authentication";
/// Between two attempts at a refused change.
const AGAIN: Duration = Duration::from_secs(1);

/// How connections are taken at the moment.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// Common names of certificates that vouch for others.
    pub(crate) names: Arc<[String]>,
}

impl Tls {
    /// True if the certificate, which is of the front proxy's authority, is that of the API server.
    pub(crate) fn believes(&self, certificate: &[u8]) -> bool {
        let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
            return false;
        };
        let mut names = certificate.subject().iter_common_name();
        let name = names.next().and_then(|name| name.as_str().ok());
        self.names.is_empty() || name.is_some_and(|name| self.names.iter().any(|own| own == name))
    }
}

/// This server's certificate.
pub(crate) struct Own {
    authority: String,
    leaf: Pem,
}

impl Own {
    pub(crate) fn make((namespace, name): &(String, String)) -> Result<Self, RunError> {
        let now = SystemTime::now();
        let authority = Authority::create("metrics-server-ca", now)?;
        let full = format!("{name}.{namespace}.svc");
        let leaf = authority.issue(
            &LeafRequest {
                common_name: &full,
                organizations: &[],
                dns: vec![full.clone()],
                ips: Vec::new(),
                usage: Usage::Server,
            },
            now,
        )?;
        Ok(Self {
            authority: authority.pem().cert.clone(),
            leaf,
        })
    }

    /// TLS that believes nobody yet.
    pub(crate) fn tls(&self) -> Result<watch::Sender<Tls>, RunError> {
        let config = self.with_clients("").map_err(RunError::Tls)?;
        Ok(watch::Sender::new(Tls {
            config: Arc::new(config),
            names: Arc::from([]),
        }))
    }

    /// TLS for clients of an authority (PEM); without one no client is believed.
    fn with_clients(&self, authority: &str) -> Result<ServerConfig, String> {
        let certificates = |pem: &str| -> Result<Vec<CertificateDer<'static>>, String> {
            CertificateDer::pem_slice_iter(pem.as_bytes())
                .collect::<Result<_, _>>()
                .map_err(|error| error.to_string())
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authority)? {
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        let builder = if roots.is_empty() {
            ServerConfig::builder().with_no_client_auth()
        } else {
            // the kubelet's probes come without a certificate
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots))
                .allow_unauthenticated()
                .build();
            ServerConfig::builder().with_client_cert_verifier(verifier.map_err(|error| error.to_string())?)
        };
        let key = PrivateKeyDer::from_pem_slice(self.leaf.key.as_bytes()).map_err(|error| error.to_string())?;
        builder
            .with_single_cert(certificates(&self.leaf.cert)?, key)
            .map_err(|error| error.to_string())
    }
}

/// Follows what the API server says of its front proxy.
pub(crate) async fn follow(client: Client, own: &Own, tls: &watch::Sender<Tls>) -> Result<(), RunError> {
    let maps: Api<ConfigMap> = Api::namespaced(client, "kube-system");
    let named = watcher::Config::default().fields(&format!("metadata.name={MAP}"));
    let mut changes = changes(maps, named);
    while let Some(change) = changes.next().await {
        let Change::Set(map) = change else { continue };
        let data = map.data.unwrap_or_default();
        let authority = data.get("requestheader-client-ca-file").map_or("", String::as_str);
        let names = data.get("requestheader-allowed-names").map_or("[]", String::as_str);
        let names: Vec<String> = serde_json::from_str(names).unwrap_or_default();
        match own.with_clients(authority) {
            Ok(config) => drop(tls.send_replace(Tls {
                config: Arc::new(config),
                names: names.into(),
            })),
            Err(error) => tracing::warn!(error, "the front proxy's authority cannot be used"),
        }
    }
    Err(RunError::WatchEnded("config map"))
}

/// Keeps the authority's certificate in the APIService, whoever writes it anew; but not in one that leads to another server, which has
/// come in the place of this one.
pub(crate) async fn publish(client: Client, own: &Own, service: &(String, String)) -> Result<(), RunError> {
    let services: Api<APIService> = Api::all(client);
    let bundle = base64::engine::general_purpose::STANDARD.encode(&own.authority);
    let mut changes = watch_object(services.clone(), SERVICE).backoff(Soon::default()).boxed();
    while let Some(event) = changes.next().await {
        let Ok(Some(seen)) = event else { continue };
        let spec = seen.spec.unwrap_or_default();
        if !leads_to(&spec, service) {
            tracing::info!("the APIService leads to another server; left alone");
            continue;
        }
        let present = spec.ca_bundle;
        if present.is_some_and(|present| present.0 == own.authority.as_bytes()) {
            continue;
        }
        let patch = json!({"spec": {"caBundle": bundle, "insecureSkipTLSVerify": false}});
        let parameters = PatchParams::default();
        while let Err(error) = services.patch(SERVICE, &parameters, &Patch::Merge(&patch)).await {
            if matches!(&error, kube::Error::Api(status) if status.code == 404) {
                break;
            }
            tracing::warn!(%error, "the APIService does not know this server's authority yet");
            tokio::time::sleep(AGAIN).await;
        }
    }
    Err(RunError::WatchEnded("APIService"))
}

fn leads_to(spec: &APIServiceSpec, (namespace, name): &(String, String)) -> bool {
    let service = spec.service.clone().unwrap_or_default();
    (service.namespace.as_ref(), service.name.as_ref()) == (Some(namespace), Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_service_of_another_server_is_not_this_ones() {
        let own = ("kube-system".to_owned(), "metrics-server".to_owned());
        let of = |service: serde_json::Value| {
            let spec = json!({"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 1, "versionPriority": 1, "service": service});
            serde_json::from_value::<APIServiceSpec>(spec).unwrap()
        };
        assert!(leads_to(
            &of(json!({"namespace": "kube-system", "name": "metrics-server"})),
            &own
        ));
        assert!(!leads_to(
            &of(json!({"namespace": "monitoring", "name": "prometheus-adapter"})),
            &own
        ));
        assert!(!leads_to(&of(json!(null)), &own));
    }
}

//! The server: its listeners, and the follower that keeps their rules.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use kube::Client;
use rustls::ServerConfig;
use tasks::{CancellationToken, Group};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::proxy::Proxy;
use crate::redirect::PublicPorts;
use crate::state::Shared;
use crate::status::Reporter;
use crate::{follow_api, health, listen, tls};

/// How the server is run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address for HTTP.
    pub http: SocketAddr,
    /// Address for HTTPS.
    pub https: SocketAddr,
    /// Address for the kubelet's probes.
    pub health: SocketAddr,
    /// The ports that clients see; redirects lead there.
    pub public: PublicPorts,
    /// Where Ingresses can be reached; goes into their status.
    pub addresses: Vec<IpAddr>,
}

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A watch ended for good.
    #[error("the {0} watch ended")]
    WatchEnded(String),
    /// A socket failed.
    #[error("{what} on {address}: {source}")]
    Socket {
        /// Which.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate for names without one.
    #[error("self-signed certificate: {0}")]
    Certificate(String),
}

/// Serves until cancelled, then lets requests end.
pub fn run(client: Client, config: Config, cancel: CancellationToken) -> BoxFuture<'static, Result<(), RunError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(work(client, config, cancel))
}

async fn work(client: Client, config: Config, cancel: CancellationToken) -> Result<(), RunError> {
    let shared = Shared::default();
    let group = Group::below(&cancel);
    let (ready, is_ready) = watch::channel(false);
    let failed = |what: &'static str, address| move |source| RunError::Socket { what, address, source };
    let http = listen::bind(config.http).await.map_err(failed("HTTP", config.http))?;
    let https = listen::bind(config.https)
        .await
        .map_err(failed("HTTPS", config.https))?;
    let acceptor = acceptor(&shared)?;
    let proxy = Arc::new(Proxy::new(shared.clone(), config.public, group.clone()));
    let reporter = Reporter::new(client.clone(), config.addresses, group.clone());
    let outcome = tokio::select! {
        outcome = follow_api::follow(client, shared, reporter, ready) => outcome,
        outcome = listen::serve(http, None, proxy.clone(), &group) => outcome.map_err(failed("HTTP", config.http)),
        outcome = listen::serve(https, Some(acceptor), proxy, &group) => outcome.map_err(failed("HTTPS", config.https)),
        outcome = health::serve(config.health, is_ready) => outcome.map_err(failed("health", config.health)),
        () = cancel.cancelled() => Ok(()),
    };
    group.stop(listen::DRAIN + Duration::from_secs(1)).await;
    outcome
}

fn acceptor(shared: &Shared) -> Result<TlsAcceptor, RunError> {
    let fallback = tls::fallback().map_err(RunError::Certificate)?;
    let resolver = tls::BySni {
        shared: shared.clone(),
        fallback,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| RunError::Certificate(error.to_string()))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

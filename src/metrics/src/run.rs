//! Assembles the server's parts and runs them until cancelled.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::future::BoxFuture;
use kube::Client;
use tasks::{CancellationToken, Group};
use tokio::sync::watch;

use crate::objects::{self, Objects};
use crate::storage::Storage;
use crate::{kubelet, scrape, serve, trust};

const STOP: Duration = Duration::from_millis(300);

/// How the server is run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it serves.
    pub listen: SocketAddr,
    /// Time between two readings of a kubelet.
    pub resolution: Duration,
    /// The authority of kubelets' certificates, PEM.
    pub kubelet_ca: PathBuf,
    /// The token to show to kubelets; read anew for each turn, since it is exchanged now and then.
    pub token: PathBuf,
    /// Namespace and name of the service in front of it.
    pub service: (String, String),
}

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A watch ended for good.
    #[error("the {0} watch ended")]
    WatchEnded(&'static str),
    /// The listener.
    #[error("listening on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// Kubelets' authority cannot be read.
    #[error("kubelets' certificate authority")]
    Authority(#[source] std::io::Error),
    /// Its own certificate cannot be made.
    #[error("serving certificate")]
    Certificate(#[from] pki::PkiError),
    /// TLS refuses what it was given.
    #[error("TLS: {0}")]
    Tls(String),
}

/// What all parts share.
pub(crate) struct Shared {
    pub(crate) objects: RwLock<Objects>,
    pub(crate) storage: RwLock<Storage>,
}

impl Shared {
    pub(crate) fn new(resolution: Duration) -> Self {
        Self {
            objects: RwLock::default(),
            storage: RwLock::new(Storage::new(resolution)),
        }
    }

    /// Calls `read` with what there is.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Objects, &Storage) -> T) -> T {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let storage = self.storage.read().unwrap_or_else(PoisonError::into_inner);
        read(&objects, &storage)
    }
}

/// Serves until cancelled.
pub fn run(client: Client, config: Config, cancel: CancellationToken) -> BoxFuture<'static, Result<(), RunError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(work(client, config, cancel))
}

async fn work(client: Client, config: Config, cancel: CancellationToken) -> Result<(), RunError> {
    let group = Group::below(&cancel);
    let shared = Arc::new(Shared::new(config.resolution));
    let (listed, is_listed) = watch::channel(false);
    let own = trust::Own::make(&config.service)?;
    let tls = own.tls()?;
    let kubelets = kubelet::Kubelets::new(&config)?;
    let outcome = tokio::select! {
        outcome = objects::follow(client.clone(), &shared, listed) => outcome,
        outcome = trust::publish(client.clone(), &own, &config.service) => outcome,
        outcome = trust::follow(client, &own, &tls) => outcome,
        outcome = serve::serve(&config, Arc::clone(&shared), tls.subscribe(), &group) => outcome,
        () = scrape::keep(&shared, &kubelets, config.resolution, is_listed) => Ok(()),
        () = cancel.cancelled() => Ok(()),
    };
    group.stop(STOP).await;
    outcome
}

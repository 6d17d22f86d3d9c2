//! The API server's shared state, and the pipeline that every request runs through.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use store::{BoxFuture, Entry, Store};
use tokio::sync::Semaphore;

use crate::aggregation::Aggregator;
use crate::authn::{self, Issuer, Peer};
use crate::authz::{self, Attributes, rbac::Rbac};
use crate::documents::Documents;
use crate::registry::Allocators;
use crate::streams::Kubelets;
use crate::trace::Span;
use crate::{ApiError, Body, Config, RequestInfo, User, admission, respond, routes};

/// Longest time a request that is not long-running may take, as upstream's `--request-timeout`.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Upstream's `--max-requests-inflight` and `--max-mutating-requests-inflight`; more wait their turn.
const READS: usize = 400;
const WRITES: usize = 200;

/// The API server. Requests from the network and from components of this process take the same path.
#[derive(Debug)]
pub struct Api {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) issuer: Issuer,
    pub(crate) rbac: Rbac,
    pub(crate) allocators: Allocators,
    pub(crate) kubelets: Kubelets,
    pub(crate) aggregator: Aggregator,
    pub(crate) quotas: admission::Turns,
    pub(crate) documents: Documents,
    pub(crate) traces: traces::Recorder,
    reads: Semaphore,
    writes: Semaphore,
    pub(crate) started: std::time::Instant,
}

/// A failure to start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The service-account key pair cannot be used.
    #[error("service-account keys: {0}")]
    Keys(#[from] jsonwebtoken::errors::Error),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(String),
    /// Objects that every cluster has could not be made.
    #[error("bootstrap objects: {0}")]
    Bootstrap(#[from] ApiError),
}

impl Api {
    /// Sets up the server on a store, and makes the objects that every cluster has.
    pub fn start(config: Config, store: Arc<dyn Store>) -> BoxFuture<'static, Result<Arc<Self>, StartError>> {
        // boxed: compiled in this crate, once, and not in every crate that awaits it
        Box::pin(Self::set_up(config, store))
    }

    async fn set_up(config: Config, store: Arc<dyn Store>) -> Result<Arc<Self>, StartError> {
        let issuer = Issuer::new(
            config.issuer.clone(),
            &config.service_account_key,
            &config.service_account_public_key,
        )?;
        let rbac = Rbac::load(Arc::clone(&store)).await?;
        let allocators = Allocators::load(&*store, config.service_cidr).await?;
        let kubelets = Kubelets::new(&config).map_err(StartError::Tls)?;
        let aggregator = Aggregator::new(Arc::clone(&store), &config).map_err(StartError::Tls)?;
        let api = Arc::new(Self {
            config,
            store,
            issuer,
            rbac,
            allocators,
            kubelets,
            aggregator,
            quotas: admission::Turns::default(),
            documents: Documents::default(),
            traces: traces::Recorder::default(),
            reads: Semaphore::new(READS),
            writes: Semaphore::new(WRITES),
            started: std::time::Instant::now(),
        });
        crate::bootstrap::ensure(&api).await?;
        Ok(api)
    }

    /// Answers a request of an unauthenticated peer or one whose certificate was verified.
    pub(crate) fn handle(
        self: Arc<Self>,
        peer: Arc<Peer>,
        request: Request<Body>,
    ) -> BoxFuture<'static, Response<Body>> {
        Box::pin(async move {
            let negotiated = respond::Negotiated::of(request.headers());
            match self.answer(peer, request).await {
                Ok(response) => response,
                Err(error) => respond::error(&error, negotiated),
            }
        })
    }

    async fn answer(self: Arc<Self>, peer: Arc<Peer>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
        let info = RequestInfo::of(&request);
        let span = Span::begin(&self.traces, &info, request.headers());
        let outcome = self.permit(&peer, &info, span.as_ref(), request).await;
        if let Some(span) = span {
            span.end(&outcome);
        }
        outcome
    }

    /// Answers if the user is known and may ask this.
    async fn permit(
        self: &Arc<Self>,
        peer: &Peer,
        info: &RequestInfo,
        span: Option<&Span>,
        request: Request<Body>,
    ) -> Result<Response<Body>, ApiError> {
        let asks = authn::authenticate(self, peer, request.headers()).await?;
        let (how, name) = (authn::credential(peer, &asks), asks.name.clone());
        let user = authn::impersonated(self, asks, request.headers()).await?;
        if let Some(span) = span {
            span.user(&user, how, &name);
        }
        let allowed = authz::authorize(self, &user, &Attributes::of(info)).await?;
        if let Some(span) = span {
            span.phase("authorization", traces::Outcome::Passed, allowed);
        }
        if info.is_long_running() {
            return routes::dispatch(self, &user, info, span, request).await;
        }
        let gate = if matches!(info.verb, "get" | "list" | "head") {
            &self.reads
        } else {
            &self.writes
        };
        let work = async {
            let _turn = gate.acquire().await.map_err(ApiError::internal)?;
            routes::dispatch(self, &user, info, span, request).await
        };
        match tokio::time::timeout(REQUEST_TIMEOUT, work).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ApiError::timeout(
                "request did not complete within the allotted timeout",
            )),
        }
    }

    /// Reads an object by its store position, for checks inside the server.
    pub(crate) async fn peek(
        &self,
        group: &str,
        plural: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<serde_json::Value>, ApiError> {
        match self.peek_entry(group, plural, namespace, name).await? {
            Some(entry) => crate::storage::parse(&entry).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) async fn peek_entry(
        &self,
        group: &str,
        plural: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<Entry>>, ApiError> {
        let mut key = crate::storage::collection(group, plural);
        if !namespace.is_empty() {
            key.push_str(namespace);
            key.push('/');
        }
        key.push_str(name);
        Ok(self.store.get(&key).await?)
    }

    /// Where components of this process leave what they do while somebody traces.
    pub fn traces(&self) -> traces::Recorder {
        self.traces.clone()
    }

    /// A client for a component of this process: no socket, no TLS, the same pipeline.
    pub fn client(self: &Arc<Self>, user: User) -> kube::Client {
        crate::server::in_process(Arc::clone(self), user)
    }
}

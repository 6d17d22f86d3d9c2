//! The HTTP server.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tasks::Group;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::proxy::{Body, Proxy, ProxyError, failed};
use crate::{files, follow};

/// Connections at a time: a page has a few watches open, and there may be several pages.
const CONNECTIONS: usize = 512;
/// A client that sends its request more slowly is let go.
const HEADERS: Duration = Duration::from_secs(10);

/// A connection's place among them; one that was upgraded keeps it.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

/// What the server needs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Host and port of the API server.
    pub api: String,
    /// Its authority's certificates, PEM.
    pub ca: Vec<u8>,
}

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address is taken.
    #[error("listening")]
    Io(#[from] std::io::Error),
    /// The API cannot be reached.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

/// Serves until the listener fails. Connections are tasks of `group`.
pub fn run(config: Config, group: Group) -> BoxFuture<'static, Result<(), RunError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(work(config, group))
}

async fn work(config: Config, group: Group) -> Result<(), RunError> {
    let proxy = Proxy::new(&config.api, &config.ca, group.clone())?;
    let listener = TcpListener::bind(config.listen).await?;
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return Ok(());
        };
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // out of files, most likely: those that are open end in time
                tracing::warn!(%error, "accepting");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (proxy, place) = (proxy.clone(), Arc::new(place));
        group.spawn("connection", async move {
            let service = service_fn(|request| answer(&proxy, request, &place));
            let served = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
                .await;
            if let Err(error) = served {
                tracing::debug!(%error, "connection");
            }
        });
    }
}

async fn answer(proxy: &Proxy, request: Request<Incoming>, place: &Place) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path();
    if Proxy::serves(path) {
        return Ok(unsniffed(proxy.forward(request, place).await));
    }
    if path == "/follow" {
        return Ok(follow::answer(proxy, request, place));
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Ok(failed(StatusCode::METHOD_NOT_ALLOWED, "only GET"));
    }
    Ok(match files::file(path) {
        Some(file) => file.map(|body| body.map_err(|never| match never {}).boxed_unsync()),
        None => failed(StatusCode::NOT_FOUND, "there is no such page"),
    })
}

/// What comes from the cluster has the type that it says, and is no page of this origin by the look of it: a log may be anything.
fn unsniffed(mut response: Response<Body>) -> Response<Body> {
    let never = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, never);
    response
}

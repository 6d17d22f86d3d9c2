//! The listener: TLS, then one request after the other.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tasks::Group;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::answer;
use crate::run::{Config, RunError, Shared};
use crate::trust::Tls;

const HANDSHAKE: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 512;

/// Serves until dropped.
pub(crate) async fn serve(
    config: &Config,
    shared: Arc<Shared>,
    tls: watch::Receiver<Tls>,
    group: &Group,
) -> Result<(), RunError> {
    let failed = |error| RunError::Listen(config.listen, error);
    let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else {
            return Ok(());
        };
        let (socket, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (shared, tls) = (Arc::clone(&shared), tls.borrow().clone());
        group.spawn("metrics-connection", async move {
            connection(shared, tls, socket).await;
            drop(seat);
        });
    }
}

async fn connection(shared: Arc<Shared>, tls: Tls, socket: TcpStream) {
    drop(socket.set_nodelay(true));
    let acceptor = TlsAcceptor::from(Arc::clone(&tls.config));
    let stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "handshake failed"),
        Err(_) => return,
    };
    let certificates = stream.get_ref().1.peer_certificates();
    let believed = certificates
        .and_then(<[_]>::first)
        .is_some_and(|certificate| tls.believes(certificate));
    let service = service_fn(move |request: Request<Incoming>| {
        let response = respond(&shared, believed, &request);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HANDSHAKE);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection ended");
    }
}

/// Who comes by way of the API server has been authenticated and authorized there. Anybody else may ask how this server is.
pub(crate) fn respond<B>(shared: &Shared, believed: bool, request: &Request<B>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let (status, document) = match path.trim_end_matches('/') {
        "/livez" | "/healthz" => (StatusCode::OK, json!("ok")),
        "/readyz" if shared.read(|_, storage| storage.is_ready()) => (StatusCode::OK, json!("ok")),
        "/readyz" => (StatusCode::SERVICE_UNAVAILABLE, json!("no metrics to serve yet")),
        _ if !believed => answer::refusal(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized"),
        _ if request.method() != Method::GET => answer::not_allowed(),
        path => answer::get(shared, path, request.uri().query(), is_table(request)),
    };
    let mut response = Response::new(Full::new(Bytes::from(text(&document))));
    *response.status_mut() = status;
    let media = if document.is_string() {
        "text/plain; charset=utf-8"
    } else {
        "application/json"
    };
    let media = http::HeaderValue::from_static(media);
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
}

fn text(document: &Value) -> String {
    document.as_str().map_or_else(|| document.to_string(), str::to_owned)
}

/// True if the first form that the client accepts, and that there is, is a table.
fn is_table<B>(request: &Request<B>) -> bool {
    let accept = request.headers().get_all(header::ACCEPT).iter();
    let texts = accept.filter_map(|value| value.to_str().ok());
    let mut ranges = texts.flat_map(|text| text.split(',')).map(str::trim);
    let first = ranges.find(|range| {
        let media = range.split(';').next().unwrap_or_default().trim();
        matches!(media, "application/json" | "application/*" | "*/*") && !range.contains("as=PartialObjectMetadata")
    });
    first.is_some_and(|range| range.contains("as=Table") && range.contains("g=meta.k8s.io"))
}

//! `/healthz` and `/readyz` for the kubelet's probes.

use std::net::SocketAddr;

use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Duration, timeout};

use crate::proxy::say;

const DEADLINE: Duration = Duration::from_secs(5);

/// Answers one connection after the other; `/readyz` says 503 until everything has been read.
pub(crate) async fn serve(address: SocketAddr, ready: watch::Receiver<bool>) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let is_ready = *ready.borrow();
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = match request.uri().path() {
                "/healthz" => say(StatusCode::OK, "ok\n"),
                "/readyz" if is_ready => say(StatusCode::OK, "ok\n"),
                "/readyz" => say(StatusCode::SERVICE_UNAVAILABLE, "not everything has been read yet\n"),
                _ => say(StatusCode::NOT_FOUND, "not found\n"),
            };
            std::future::ready(Ok::<_, std::convert::Infallible>(answer))
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).keep_alive(false);
        if let Ok(Err(error)) = timeout(DEADLINE, builder.serve_connection(TokioIo::new(stream), service)).await {
            tracing::debug!(%error, "answering a probe");
        }
    }
}

//! Accepting connections: HTTP/1.1 and HTTP/2, plain or over TLS, ended gracefully.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tasks::{CancellationToken, Group};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::proxy::{Entrance, SharedProxy};

/// Connections at once; more wait in the socket's queue.
const CONNECTIONS: usize = 8192;
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client may take to say what it wants.
const HEADERS: Duration = Duration::from_secs(30);
/// Requests of one HTTP/2 connection at once.
const STREAMS: u32 = 256;
/// What runs when we are told to end may go on this long.
pub(crate) const DRAIN: Duration = Duration::from_secs(20);

/// Serves until cancelled; connections end as their requests do.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    proxy: SharedProxy,
    group: &Group,
) -> std::io::Result<()> {
    let turns = Arc::new(Semaphore::new(CONNECTIONS));
    let cancel = group.token().clone();
    loop {
        let Ok(turn) = turns.clone().acquire_owned().await else {
            return Ok(());
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = cancel.cancelled() => return Ok(()),
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // out of descriptors, most often: those in use are given back in a moment
                tracing::warn!(%error, "accepting a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // without it, small answers wait for nothing
        let _ = stream.set_nodelay(true);
        let entrance = Entrance {
            peer: peer.ip(),
            tls: tls.is_some(),
        };
        let (tls, proxy, cancel) = (tls.clone(), proxy.clone(), cancel.clone());
        group.spawn_graceful("connection", async move {
            let _turn = turn;
            match tls {
                None => talk(stream, proxy, entrance, cancel).await,
                Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                    Ok(Ok(stream)) => talk(stream, proxy, entrance, cancel).await,
                    Ok(Err(error)) => tracing::debug!(%error, %peer, "TLS handshake"),
                    Err(_) => tracing::debug!(%peer, "no TLS handshake in time"),
                },
            }
        });
    }
}

async fn talk<S>(stream: S, proxy: SharedProxy, entrance: Entrance, cancel: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let proxy = proxy.clone();
        async move { Ok::<_, Infallible>(proxy.answer(request, entrance).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = cancel.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(DRAIN, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Binds a listener.
pub(crate) async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

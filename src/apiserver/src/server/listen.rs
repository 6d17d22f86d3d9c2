//! Accepting connections: TLS with a deadline, then HTTP/1.1 or HTTP/2.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tasks::Group;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::api::StartError;
use crate::authn::{Peer, certificate_user};
use crate::{Api, body};

const HANDSHAKE: Duration = Duration::from_secs(10);
/// A client that sends no complete header within this time is dropped.
const HEADER: Duration = Duration::from_secs(30);
/// Connections at once; more wait to be accepted.
const CONNECTIONS: usize = 8192;
/// As upstream's `--http2-max-streams-per-connection`.
const STREAMS: u32 = 1000;

impl Api {
    /// Serves TLS on the listener until the group ends.
    pub fn serve(self: Arc<Self>, listener: TcpListener, group: Group) -> BoxFuture<'static, Result<(), StartError>> {
        // boxed: compiled in this crate, once, and not in every crate that awaits it
        Box::pin(self.accept(listener, group))
    }

    async fn accept(self: Arc<Self>, listener: TcpListener, group: Group) -> Result<(), StartError> {
        let tls = super::tls::server(&self.config).map_err(StartError::Tls)?;
        let acceptor = TlsAcceptor::from(tls);
        let seats = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(seat) = Arc::clone(&seats).acquire_owned().await else {
                return Ok(());
            };
            let (socket, _) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let (api, acceptor) = (Arc::clone(&self), acceptor.clone());
            group.spawn("api-connection", async move {
                api.connection(socket, acceptor).await;
                drop(seat);
            });
        }
    }

    async fn connection(self: Arc<Self>, socket: TcpStream, acceptor: TlsAcceptor) {
        drop(socket.set_nodelay(true));
        let stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(socket)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake"),
            Err(_) => return tracing::debug!("TLS handshake timed out"),
        };
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let peer = Arc::new(Peer {
            user: certificate.and_then(|der| certificate_user(der)),
        });
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let (api, peer) = (Arc::clone(&self), Arc::clone(&peer));
            async move { Ok::<_, std::convert::Infallible>(api.handle(peer, request.map(body::boxed)).await) }
        });
        let mut server = auto::Builder::new(TokioExecutor::new());
        server.http1().timer(TokioTimer::new()).header_read_timeout(HEADER);
        server
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .keep_alive_interval(Duration::from_secs(30));
        if let Err(error) = server
            .serve_connection_with_upgrades(TokioIo::new(stream), service)
            .await
        {
            tracing::debug!(%error, "connection ended");
        }
    }
}

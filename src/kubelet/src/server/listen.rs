//! The listener: TLS, and who the peer is by its certificate.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::{Server, auth::Peer, routes};

const HANDSHAKE: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 1024;

/// Why the server could not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("certificates: {0}")]
    Certificates(String),
}

/// Serves until dropped.
pub(crate) async fn serve(server: Arc<Server>) -> Result<(), ServeError> {
    let acceptor = TlsAcceptor::from(Arc::new(tls(&server).map_err(ServeError::Certificates)?));
    let port = server.context.options.port;
    let listener = TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], port))).await?;
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(seat) = seats.clone().acquire_owned().await else {
            return Ok(());
        };
        let (socket, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "connection not accepted");
                continue;
            }
        };
        let (server, acceptor) = (server.clone(), acceptor.clone());
        let group = server.context.group.clone();
        group.spawn("kubelet-connection", async move {
            connection(server, acceptor, socket).await;
            drop(seat);
        });
    }
}

async fn connection(server: Arc<Server>, acceptor: TlsAcceptor, socket: TcpStream) {
    let _ = socket.set_nodelay(true);
    let stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "handshake failed"),
        Err(_) => return,
    };
    let peer = Arc::new(Peer::of(stream.get_ref().1.peer_certificates()));
    let service = service_fn(move |request| {
        let (server, peer) = (server.clone(), peer.clone());
        async move { Ok::<_, Infallible>(routes::answer(server, &peer, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HANDSHAKE);
    if let Err(error) = builder
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await
    {
        tracing::debug!(%error, "connection ended");
    }
}

fn tls(server: &Server) -> Result<ServerConfig, String> {
    let folder = &server.context.options.pki;
    let read = |name: &str| fs_err::read(folder.join(name)).map_err(|error| error.to_string());
    let certificates = |pem: &[u8]| -> Result<Vec<CertificateDer<'static>>, String> {
        CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&read("ca.crt")?)? {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    let chain = certificates(&read("kubelet.crt")?)?;
    let key = PrivateKeyDer::from_pem_slice(&read("kubelet.key")?).map_err(|error| error.to_string())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // A certificate is one way to authenticate, a token another: hence none is demanded here.
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build();
    let verifier = verifier.map_err(|error| error.to_string())?;
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| error.to_string())
}

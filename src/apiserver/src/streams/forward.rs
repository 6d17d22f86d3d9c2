//! Passing a request on over HTTP/1.1, and raw bytes once both sides agreed to upgrade.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, Request, Response, StatusCode, Uri, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{ApiError, Body, body};

const CONNECT: Duration = Duration::from_secs(10);

/// Where a request is passed on to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    /// What the certificate must say; the address if nothing.
    pub(crate) server_name: Option<ServerName<'static>>,
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

impl Target {
    /// Whether a connection to one is a connection to the other.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same_tls = match (&self.tls, &other.tls) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (own, other) => own.is_none() && other.is_none(),
        };
        same_tls && (self.host, self.port, &self.server_name) == (other.host, other.port, &other.server_name)
    }
}

/// Headers that belong to one hop, and credentials that are ours alone.
const NOT_PASSED: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::HOST,
    header::TE,
    header::PROXY_AUTHORIZATION,
    header::TRANSFER_ENCODING,
];

/// Answers with what the target answers; an upgrade takes the connections of both sides with it.
pub(crate) async fn send(target: Target, request: Request<Body>, uri: Uri) -> Result<Response<Body>, ApiError> {
    let mut sender = connect(&target).await?;
    exchange(&mut sender, &target, request, uri).await
}

pub(super) fn unreachable(error: &hyper::Error) -> ApiError {
    ApiError::unavailable(format!("error dialing backend: {error}"))
}

/// A connection that requests can be sent on.
pub(super) async fn connect(target: &Target) -> Result<http1::SendRequest<Body>, ApiError> {
    let address = (target.host, target.port);
    let refuse = |error: &dyn std::fmt::Display| {
        ApiError::unavailable(format!(
            "error trying to reach service: dial tcp {}:{}: {error}",
            address.0, address.1
        ))
    };
    let socket = match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => return Err(refuse(&error)),
        Err(_) => return Err(refuse(&"i/o timeout")),
    };
    drop(socket.set_nodelay(true));
    match &target.tls {
        None => handshake(socket).await,
        Some(tls) => {
            let own = || ServerName::IpAddress(target.host.into());
            let name = target.server_name.clone().unwrap_or_else(own);
            let connector = TlsConnector::from(Arc::clone(tls));
            let stream = tokio::time::timeout(CONNECT, connector.connect(name, socket)).await;
            let stream = stream
                .map_err(|_| refuse(&"TLS handshake timeout"))?
                .map_err(|error| refuse(&error))?;
            handshake(stream).await
        }
    }
}

async fn handshake<S>(stream: S) -> Result<http1::SendRequest<Body>, ApiError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let made = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = made.map_err(|error| unreachable(&error))?;
    drop(tasks::spawn("forward-connection", async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "forwarded connection ended");
        }
    }));
    Ok(sender)
}

async fn exchange(
    sender: &mut http1::SendRequest<Body>,
    target: &Target,
    mut request: Request<Body>,
    uri: Uri,
) -> Result<Response<Body>, ApiError> {
    let upgrading = request.headers().contains_key(header::UPGRADE);
    let client = upgrading.then(|| hyper::upgrade::on(&mut request));
    let onward = onward(request, uri, target)?;
    let sent = sender.send_request(onward).await;
    let mut response = sent.map_err(|error| unreachable(&error))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response.map(body::boxed));
    }
    let Some(client) = client else {
        return Err(ApiError::internal("the backend upgraded unasked"));
    };
    let server = hyper::upgrade::on(&mut response);
    drop(tasks::spawn("forward-upgraded", async move {
        let (client, server) = match tokio::try_join!(client, server) {
            Ok(both) => both,
            Err(error) => return tracing::debug!(%error, "upgrade failed"),
        };
        let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
        if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut server).await {
            tracing::debug!(%error, "upgraded connection ended");
        }
    }));
    let (parts, _) = response.into_parts();
    Ok(Response::from_parts(parts, body::full("")))
}

/// The request as the target sees it.
pub(super) fn onward(request: Request<Body>, uri: Uri, target: &Target) -> Result<Request<Body>, ApiError> {
    let upgrading = request.headers().contains_key(header::UPGRADE);
    let (parts, incoming) = request.into_parts();
    let mut onward = Request::builder()
        .method(parts.method)
        .uri(uri)
        .body(incoming)
        .map_err(ApiError::internal)?;
    *onward.headers_mut() = passed(parts.headers, upgrading);
    let host = format!("{}:{}", target.host, target.port);
    onward
        .headers_mut()
        .insert(header::HOST, host.parse().map_err(ApiError::internal)?);
    Ok(onward)
}

fn passed(mut headers: HeaderMap, upgrading: bool) -> HeaderMap {
    NOT_PASSED.iter().for_each(|name| drop(headers.remove(name)));
    let impersonation: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("impersonate-"))
        .cloned()
        .collect();
    impersonation.iter().for_each(|name| drop(headers.remove(name)));
    if !upgrading {
        headers.remove(header::CONNECTION);
        headers.remove(header::UPGRADE);
    }
    headers
}

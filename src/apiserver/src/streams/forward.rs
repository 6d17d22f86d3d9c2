//! Passing a request on: a fresh HTTP/1.1 connection, and raw bytes once both sides agreed to upgrade.

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
    match target.tls {
        None => exchange(socket, request, uri, address).await,
        Some(tls) => {
            let name = target.server_name.unwrap_or(ServerName::IpAddress(target.host.into()));
            let stream = tokio::time::timeout(CONNECT, TlsConnector::from(tls).connect(name, socket)).await;
            let stream = stream
                .map_err(|_| refuse(&"TLS handshake timeout"))?
                .map_err(|error| refuse(&error))?;
            exchange(stream, request, uri, address).await
        }
    }
}

async fn exchange<S>(
    stream: S,
    mut request: Request<Body>,
    uri: Uri,
    address: (IpAddr, u16),
) -> Result<Response<Body>, ApiError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let unreachable = |error: hyper::Error| ApiError::unavailable(format!("error dialing backend: {error}"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    drop(tasks::spawn("forward-connection", async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "forwarded connection ended");
        }
    }));
    let upgrading = request.headers().contains_key(header::UPGRADE);
    let client = upgrading.then(|| hyper::upgrade::on(&mut request));
    let (parts, incoming) = request.into_parts();
    let mut onward = Request::builder()
        .method(parts.method)
        .uri(uri)
        .body(incoming)
        .map_err(ApiError::internal)?;
    *onward.headers_mut() = passed(parts.headers, upgrading);
    let host = format!("{}:{}", address.0, address.1);
    onward
        .headers_mut()
        .insert(header::HOST, host.parse().map_err(ApiError::internal)?);
    let mut response = sender.send_request(onward).await.map_err(unreachable)?;
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

//! HTTP requests to containers, for probes and hooks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Uri, header};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::{Container, HTTPGetAction};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::port_number;

const USER_AGENT: &str = "kube-probe/1.36";
const REDIRECTS: usize = 10;

/// The status code of the answer; redirects on the same host are followed.
pub(crate) async fn get(
    action: &HTTPGetAction,
    container: &Container,
    ip: &str,
    timeout: Duration,
) -> Result<u16, String> {
    let port = port_number(&action.port, container)?;
    let host = action.host.as_deref().filter(|host| !host.is_empty()).unwrap_or(ip);
    let tls = action
        .scheme
        .as_deref()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
    let path = action.path.clone().unwrap_or_default();
    let path = if path.starts_with('/') {
        path
    } else {
        format!("/{path}")
    };
    let url = format!(
        "{}://{}:{port}{path}",
        if tls { "https" } else { "http" },
        bracketed(host)
    );
    tokio::time::timeout(timeout, follow(&url, action)).await.map_err(|_| {
        format!("Get {url:?}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
    })?
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

async fn follow(url: &str, action: &HTTPGetAction) -> Result<u16, String> {
    let mut uri: Uri = url.parse().map_err(|error| format!("parse {url:?}: {error}"))?;
    for _ in 0..=REDIRECTS {
        let (status, location) = once(&uri, action)
            .await
            .map_err(|error| format!("Get \"{uri}\": {error}"))?;
        let Some(location) = location.filter(|_| (300..400).contains(&status)) else {
            return Ok(status);
        };
        let Some(next) = resolve(&uri, &location) else {
            return Ok(status);
        };
        // An answer that sends elsewhere is an answer; where it points to is not this container.
        if next.host() != uri.host() {
            return Ok(status);
        }
        uri = next;
    }
    Err(format!("Get {url:?}: stopped after {REDIRECTS} redirects"))
}

fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    if location.contains("://") {
        return location.parse().ok();
    }
    if !location.starts_with('/') {
        return None;
    }
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    format!("{scheme}://{authority}{location}").parse().ok()
}

async fn once(uri: &Uri, action: &HTTPGetAction) -> Result<(u16, Option<String>), String> {
    let tls = uri.scheme_str() == Some("https");
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port)).await;
    let stream = stream.map_err(|error| format!("dial tcp {}:{port}: connect: {error}", bracketed(&host)))?;
    if tls {
        let connector =
            tokio_rustls::TlsConnector::from(Arc::new(pki::unverified().map_err(|error| error.to_string())?));
        let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
        let stream = connector
            .connect(name, stream)
            .await
            .map_err(|error| error.to_string())?;
        exchange(stream, uri, action).await
    } else {
        exchange(stream, uri, action).await
    }
}

async fn exchange<S>(stream: S, uri: &Uri, action: &HTTPGetAction) -> Result<(u16, Option<String>), String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let request = request(uri, action)?;
    // Connection and request live and end together, so an abandoned probe leaves nothing behind. A server that closes
    // right after its answer ends the connection before the answer is taken.
    let mut connection = std::pin::pin!(connection);
    let mut response = std::pin::pin!(sender.send_request(request));
    let answered = tokio::select! {
        biased;
        answered = &mut response => answered,
        _ = &mut connection => response.await,
    };
    let response = answered.map_err(|error| error.to_string())?;
    let location = response
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    Ok((response.status().as_u16(), location))
}

fn request(uri: &Uri, action: &HTTPGetAction) -> Result<Request<Empty<Bytes>>, String> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let mut request = Request::get(target)
        .body(Empty::new())
        .map_err(|error| error.to_string())?;
    let headers = request.headers_mut();
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(
        header::HOST,
        HeaderValue::from_str(&authority).map_err(|error| error.to_string())?,
    );
    for own in action.http_headers.iter().flatten() {
        let name = HeaderName::from_bytes(own.name.as_bytes()).map_err(|error| error.to_string())?;
        let value = HeaderValue::from_str(&own.value).map_err(|error| error.to_string())?;
        headers.insert(name, value);
    }
    Ok(request)
}

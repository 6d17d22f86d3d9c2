//! Connections to the runtime's streaming server, and passing an upgrade through to it byte by byte.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tasks::Group;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::{Body, empty, text};
use crate::spdy;

/// An upgraded connection.
pub(super) type Upgraded = TokioIo<hyper::upgrade::Upgraded>;

/// Headers that make an upgrade; nothing else is passed on.
const PASSED: [HeaderName; 7] = [
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_ACCEPT,
    HeaderName::from_static("x-stream-protocol-version"),
];

/// Sends an upgrade request to the runtime's `url`. `Err` is the response for the client.
pub(super) async fn connect(
    url: &str,
    headers: HeaderMap,
    group: &Group,
) -> Result<(Upgraded, HeaderMap), Response<Body>> {
    let bad = |error: &dyn std::fmt::Display| {
        text(
            StatusCode::BAD_GATEWAY,
            format!("the runtime's streaming server: {error}"),
        )
    };
    let uri: Uri = url.parse().map_err(|error| bad(&error))?;
    let address = uri.authority().map(ToString::to_string).unwrap_or_default();
    let socket = TcpStream::connect(&address).await.map_err(|error| bad(&error))?;
    let _ = socket.set_nodelay(true);
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket))
        .await
        .map_err(|error| bad(&error))?;
    group.spawn("runtime-stream", async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "stream connection ended");
        }
    });
    let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let method = if headers.contains_key(header::SEC_WEBSOCKET_KEY) {
        "GET"
    } else {
        "POST"
    };
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .body(Empty::<Bytes>::new())
        .map_err(|error| bad(&error))?;
    *request.headers_mut() = headers;
    request.headers_mut().insert(
        header::HOST,
        HeaderValue::from_str(&address).map_err(|error| bad(&error))?,
    );
    let mut response = sender.send_request(request).await.map_err(|error| bad(&error))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        return Err(text(parts.status, String::from_utf8_lossy(&body).into_owned()));
    }
    let answered = response.headers().clone();
    let upgraded = hyper::upgrade::on(&mut response).await.map_err(|error| bad(&error))?;
    Ok((TokioIo::new(upgraded), answered))
}

/// Headers of an upgrade to SPDY/3.1 with one of `protocols`.
pub(super) fn spdy_headers(protocols: &[&'static str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("SPDY/3.1"));
    for protocol in protocols {
        headers.append("x-stream-protocol-version", HeaderValue::from_static(protocol));
    }
    headers
}

/// True if the client asks for an upgrade to `protocol`.
pub(super) fn wants(headers: &HeaderMap, protocol: &str) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|value| value.eq_ignore_ascii_case(protocol))
}

/// Gives something else in place of a payload, if it wants to.
pub(super) type Replace = Box<dyn FnOnce(&[u8]) -> Option<Bytes> + Send>;

/// Lets client and runtime talk to each other directly. Over SPDY, `replace` has a say in the first payload that the
/// runtime sends.
pub(super) async fn pass_through(
    url: &str,
    mut request: Request<Incoming>,
    group: &Group,
    replace: Option<Replace>,
) -> Response<Body> {
    let headers = passed(request.headers());
    let (mut runtime, answered) = match connect(url, headers, group).await {
        Ok(connected) => connected,
        Err(response) => return response,
    };
    let client = hyper::upgrade::on(&mut request);
    group.spawn("stream", async move {
        let Ok(client) = client.await else { return };
        let mut client = TokioIo::new(client);
        let ended = match replace {
            Some(replace) => spdy::relay(client, runtime, replace).await,
            None => copy_bidirectional(&mut client, &mut runtime).await.map(drop),
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "stream ended");
        }
    });
    let mut response = Response::new(empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = passed(&answered);
    response
}

fn passed(headers: &HeaderMap) -> HeaderMap {
    let kept = headers.iter().filter(|(name, _)| PASSED.contains(name));
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .fold(HeaderMap::new(), |mut all, (name, value)| {
            all.append(name, value);
            all
        })
}

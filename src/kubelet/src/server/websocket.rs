//! The server's side of WebSocket: the handshake with a subprotocol of ours.

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::runtime_stream::Upgraded;
use super::{Body, empty};

/// Largest message: clients send chunks of some ten KiB.
const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;

/// A connected client.
pub(super) type Socket = WebSocketStream<Upgraded>;

/// The end of a stream that went well; clients take a close without a code for a failure.
pub(super) fn normal_close() -> Message {
    Message::Close(Some(CloseFrame {
        code: CloseCode::Normal,
        reason: Utf8Bytes::default(),
    }))
}

/// The first of `known` (best first) that the client offers.
pub(super) fn subprotocol<'a>(headers: &HeaderMap, known: &[&'a str]) -> Option<&'a str> {
    let offered: Vec<&str> = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
        .collect();
    known.iter().find(|protocol| offered.contains(protocol)).copied()
}

/// Accepts the handshake, unless it lacks its key: the response to send, and the connection once it has been sent.
pub(super) fn accept(
    request: &mut Request<Incoming>,
    protocol: &str,
) -> Option<(Response<Body>, impl Future<Output = Option<Socket>> + Send + 'static)> {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY)?;
    let accepted = derive_accept_key(key.as_bytes());
    let mut response = Response::new(empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    for (name, value) in [
        (header::SEC_WEBSOCKET_ACCEPT, accepted.as_str()),
        (header::SEC_WEBSOCKET_PROTOCOL, protocol),
    ] {
        if let Ok(value) = HeaderValue::from_str(value)
            && !value.is_empty()
        {
            headers.insert(name, value);
        }
    }
    let upgrade = hyper::upgrade::on(request);
    let socket = async move {
        let upgraded = upgrade.await.ok()?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_LIMIT))
            .max_frame_size(Some(MESSAGE_LIMIT));
        Some(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await)
    };
    Some((response, socket))
}

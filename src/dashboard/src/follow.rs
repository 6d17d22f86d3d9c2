//! What has no end, over a WebSocket: logs and watches. A browser keeps six connections to a host for all of its tabs together;
//! requests that stay open would leave none for the next page, which WebSockets do not count among them. The page's first message
//! names what to follow; the answer is lines of `INDEX TEXT`, one or more to a message.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::BytesMut;
use futures::{SinkExt as _, Stream, StreamExt as _};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tasks::Group;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::proxy::{Body, Proxy, failed};
use crate::serve::Place;

const PROTOCOL: &str = "follow.rkube.io";
/// A browser cannot send headers with a WebSocket; Kubernetes' own way to carry a token in one.
const TOKEN: &str = "base64url.bearer.authorization.k8s.io.";
/// Paths at a time.
const MOST: usize = 100;
/// Bytes of the list of paths.
const LIST: usize = 64 << 10;
/// Lines that wait for a slow reader; then those who write them wait too.
const WAITING: usize = 256;
/// A log's line is cut here.
const LOG_LINE: usize = 64 << 10;
/// An event of a watch that is larger is not told; objects are smaller.
const EVENT: usize = 4 << 20;
/// How long the list may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize)]
struct List {
    paths: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Log,
    Watch,
}

impl Kind {
    /// A pod's log, or a watch, and nothing else.
    fn of(path: &str) -> Option<Self> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = path.split('/').collect();
        if parts.iter().skip(1).any(|part| matches!(*part, "" | "." | "..")) {
            return None;
        }
        match parts.as_slice() {
            ["", "api", "v1", "namespaces", _, "pods", _, "log"] => Some(Self::Log),
            ["", "api" | "apis", _, ..] if query.split('&').any(|pair| pair == "watch=1") => Some(Self::Watch),
            _ => None,
        }
    }

    fn longest(self) -> usize {
        match self {
            Self::Log => LOG_LINE,
            Self::Watch => EVENT,
        }
    }

    fn accept(self) -> &'static str {
        match self {
            Self::Log => "*/*",
            Self::Watch => "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
        }
    }

    /// The last line of what cannot be followed.
    fn refusal(self, answer: &[u8]) -> String {
        let status: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
        match self {
            Self::Log => format!("[{}]", status["message"].as_str().unwrap_or("no log")),
            Self::Watch => serde_json::json!({ "type": "ERROR", "object": status }).to_string(),
        }
    }
}

/// Accepts the WebSocket, and follows what the page then asks for, with the token that it brought.
pub(crate) fn answer(proxy: &Proxy, mut request: Request<Incoming>, place: &Place) -> Response<Body> {
    let offered = protocols(request.headers());
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY);
    let Some(key) = key.filter(|_| offered.iter().any(|one| one == PROTOCOL)) else {
        return failed(
            StatusCode::BAD_REQUEST,
            &format!("a WebSocket of {PROTOCOL} is expected here"),
        );
    };
    let accepted = derive_accept_key(key.as_bytes());
    let credentials = offered.iter().find_map(|one| bearer(one.strip_prefix(TOKEN)?));
    let upgrade = hyper::upgrade::on(&mut request);
    let (own, place) = (proxy.clone(), Place::clone(place));
    proxy.group().spawn("follow", async move {
        let Ok(upgraded) = upgrade.await else { return };
        let config = WebSocketConfig::default().max_message_size(Some(LIST));
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        if let Err(error) = follow(&own, socket, credentials).await {
            tracing::debug!(%error, "following ended");
        }
        drop(place);
    });
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    if let Ok(accepted) = HeaderValue::from_str(&accepted) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accepted);
    }
    response
}

fn protocols(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts
        .flat_map(|text| text.split(',').map(|one| one.trim().to_owned()))
        .collect()
}

fn bearer(encoded: &str) -> Option<HeaderValue> {
    let token = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    HeaderValue::try_from([b"Bearer ", token.as_slice()].concat()).ok()
}

async fn follow<S>(proxy: &Proxy, socket: S, credentials: Option<HeaderValue>) -> Result<(), Error>
where
    S: Stream<Item = Result<Message, Error>> + futures::Sink<Message, Error = Error> + Send,
{
    let (mut out, mut incoming) = socket.split();
    let Ok(Some(first)) = tokio::time::timeout(PATIENCE, incoming.next()).await else {
        return Ok(());
    };
    let list = serde_json::from_slice::<List>(&first?.into_data()).ok();
    let list = list.filter(|list| list.paths.len() <= MOST);
    let wanted: Option<Vec<(Kind, String)>> = list.and_then(|list| {
        list.paths
            .into_iter()
            .map(|path| Some((Kind::of(&path)?, path)))
            .collect()
    });
    let Some(wanted) = wanted else {
        return out.send(Message::Close(None)).await;
    };
    let (send, mut receive) = mpsc::channel(WAITING);
    // they end with their reader
    let group = Group::below(proxy.group().token());
    for (index, (kind, path)) in wanted.into_iter().enumerate() {
        let (proxy, credentials, send) = (proxy.clone(), credentials.clone(), send.clone());
        group.spawn("followed", async move {
            let gone = send.clone();
            tokio::select! {
                () = gone.closed() => {}
                () = carry(&proxy, index, kind, &path, credentials, &send) => {}
            }
        });
    }
    drop(send);
    let mut lines: Vec<String> = Vec::new();
    loop {
        tokio::select! {
            count = receive.recv_many(&mut lines, WAITING) => {
                if count == 0 {
                    return out.send(Message::Close(None)).await;
                }
                out.send(Message::text(lines.concat())).await?;
                lines.clear();
            }
            message = incoming.next() => match message {
                None | Some(Ok(Message::Close(_))) => return Ok(()),
                Some(message) => drop(message?),
            },
        }
    }
}

/// What one path says, line by line; what went wrong is its last line.
async fn carry(
    proxy: &Proxy,
    index: usize,
    kind: Kind,
    path: &str,
    credentials: Option<HeaderValue>,
    send: &mpsc::Sender<String>,
) {
    let answer = match proxy.get(path, kind.accept(), credentials).await {
        Ok(answer) => answer,
        Err(why) => {
            let why = serde_json::json!({ "message": why }).to_string();
            return drop(
                send.send(numbered(index, kind.refusal(why.as_bytes()).as_bytes()))
                    .await,
            );
        }
    };
    let good = answer.status().is_success();
    let mut chunks = answer.into_body().into_data_stream();
    let mut rest = BytesMut::new();
    while let Some(Ok(chunk)) = chunks.next().await {
        let known = rest.len();
        rest.extend_from_slice(&chunk);
        if !good {
            if rest.len() > LIST {
                break;
            }
            continue;
        }
        let mut from = known;
        while let Some(end) = rest[from..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map(|end| from + end)
            .or_else(|| (rest.len() > kind.longest()).then_some(kind.longest()))
        {
            let line = rest.split_to(end + 1);
            from = 0;
            if send.send(numbered(index, &line)).await.is_err() {
                return;
            }
        }
    }
    if !good {
        let _ = send.send(numbered(index, kind.refusal(&rest).as_bytes())).await;
    } else if !rest.is_empty() {
        let _ = send.send(numbered(index, &rest)).await;
    }
}

/// Programs may write what is no text; a WebSocket may not.
fn numbered(index: usize, line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line));
    format!("{index} {line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pods_logs_and_watches_are_followed() {
        for (path, kind) in [
            (
                "/api/v1/namespaces/a/pods/b/log?follow=true&container=c",
                Some(Kind::Log),
            ),
            ("/api/v1/pods?limit=1&watch=1", Some(Kind::Watch)),
            ("/apis/apps/v1/deployments?watch=1", Some(Kind::Watch)),
            ("/api/v1/pods", None),
            ("/api/v1/namespaces/a/pods/b/exec", None),
            ("/api/v1/namespaces/a/pods/b/log/../exec", None),
            ("/api/v1/namespaces/../pods/b/log", None),
            ("/api/v1/../../traces?watch=1", None),
            ("/traces?watch=1", None),
            ("//example.com/api/v1/namespaces/a/pods/b/log", None),
        ] {
            assert_eq!(Kind::of(path), kind, "{path}");
        }
    }

    #[test]
    fn every_line_says_whose_it_is_and_ends() {
        assert_eq!(numbered(3, b"a b\n"), "3 a b\n");
        assert_eq!(numbered(12, b"cut \xff"), "12 cut \u{fffd}\n");
    }

    #[test]
    fn a_refusal_is_told_in_the_form_of_what_was_asked_for() {
        let status = br#"{"kind":"Status","message":"no","code":403}"#;
        assert_eq!(Kind::Log.refusal(status), "[no]");
        let event: serde_json::Value = serde_json::from_str(&Kind::Watch.refusal(status)).unwrap();
        assert_eq!(
            (&event["type"], &event["object"]["code"]),
            (&"ERROR".into(), &403.into())
        );
    }

    #[test]
    fn the_token_is_taken_out_of_the_protocols() {
        let mut headers = HeaderMap::new();
        let value = format!("{TOKEN}{}, {PROTOCOL}", URL_SAFE_NO_PAD.encode("t.o-k"));
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, value.parse().unwrap());
        let offered = protocols(&headers);
        let found = offered.iter().find_map(|one| bearer(one.strip_prefix(TOKEN)?));
        assert_eq!(found.unwrap(), "Bearer t.o-k");
        assert_eq!(offered[1], PROTOCOL);
    }
}

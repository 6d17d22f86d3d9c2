//! Exec and attach. SPDY clients are passed through to the runtime; WebSocket clients are translated, because the
//! runtime's WebSocket cannot half-close and `exec -i <file` needs that.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use cri::v1;
use futures::{SinkExt as _, StreamExt as _};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::routes::query;
use super::runtime_stream::{Upgraded, connect, pass_through, spdy_headers, wants};
use super::websocket::{self, Socket};
use super::{Body, Server, text};
use crate::runtime::{Container, RuntimeError, State};
use crate::spdy::{self, Event, StreamId};

const PROTOCOLS: &[&str] = &["v5.channel.k8s.io", "v4.channel.k8s.io"];
/// Message of v5 that closes a channel.
const CLOSE: u8 = 255;
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const RESIZE: u8 = 4;
/// A container that ends in silence so soon after a client attached had ended, in effect, before: between a process's
/// end and the runtime's taking note of it an attach succeeds.
const TOO_LATE: Duration = Duration::from_secs(1);

/// Which streams the client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Streams {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    tty: bool,
}

impl Streams {
    fn of(pairs: &[(String, String)]) -> Self {
        let set = |name: &str| {
            pairs
                .iter()
                .any(|(key, value)| key == name && matches!(value.as_str(), "1" | "true"))
        };
        let tty = set("tty");
        // A terminal has one output.
        Self {
            stdin: set("input"),
            stdout: set("output"),
            stderr: set("error") && !tty,
            tty,
        }
    }
}

pub(super) async fn exec(
    server: &Server,
    namespace: &str,
    pod: &str,
    name: &str,
    request: Request<Incoming>,
) -> Response<Body> {
    let pairs = query(request.uri());
    let streams = Streams::of(&pairs);
    let container = match running(server, namespace, pod, name).await {
        Ok(container) => container,
        Err(response) => return response,
    };
    let url = server.context.runtime.exec_url(v1::ExecRequest {
        container_id: container.id,
        cmd: pairs
            .into_iter()
            .filter(|(key, _)| key == "command")
            .map(|(_, value)| value)
            .collect(),
        tty: streams.tty,
        stdin: streams.stdin,
        stdout: streams.stdout,
        stderr: streams.stderr,
    });
    stream(server, url.await, streams, None, request).await
}

pub(super) async fn attach(
    server: &Server,
    namespace: &str,
    pod: &str,
    name: &str,
    request: Request<Incoming>,
) -> Response<Body> {
    let streams = Streams::of(&query(request.uri()));
    let container = match running(server, namespace, pod, name).await {
        Ok(container) => container,
        Err(response) => return response,
    };
    let url = server.context.runtime.attach_url(v1::AttachRequest {
        container_id: container.id,
        stdin: streams.stdin,
        tty: streams.tty,
        stdout: streams.stdout,
        stderr: streams.stderr,
    });
    stream(server, url.await, streams, Some(Instant::now()), request).await
}

/// The running container of that name.
async fn running(server: &Server, namespace: &str, pod: &str, name: &str) -> Result<Container, Response<Body>> {
    let Some(found) = server.manager.find(namespace, pod) else {
        return Err(text(
            StatusCode::NOT_FOUND,
            format!("pod \"{pod}_{namespace}\" does not exist"),
        ));
    };
    let view = server
        .context
        .runtime
        .view(found.metadata.uid.as_deref().unwrap_or_default())
        .await;
    let view = view.map_err(|error| text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let container = view
        .latest(name)
        .filter(|container| container.state == State::Running)
        .cloned();
    container.ok_or_else(|| text(StatusCode::NOT_FOUND, format!("container not found (\"{name}\")")))
}

async fn stream(
    server: &Server,
    url: Result<String, RuntimeError>,
    streams: Streams,
    attached: Option<Instant>,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let url = match url {
        Ok(url) => url,
        Err(error) => return text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    };
    let group = &server.context.group;
    if wants(request.headers(), "SPDY/3.1") {
        let late = Box::new(move |first: &[u8]| late_answer(first, attached));
        return pass_through(&url, request, group, Some(late)).await;
    }
    if !wants(request.headers(), "websocket") {
        return text(
            StatusCode::BAD_REQUEST,
            "you must specify an upgrade to WebSocket or SPDY/3.1",
        );
    }
    let Some(protocol) = websocket::subprotocol(request.headers(), PROTOCOLS) else {
        // Older subprotocols have no exit codes and no half-close; the runtime knows them as they are.
        return pass_through(&url, request, group, None).await;
    };
    let runtime = match connect(&url, spdy_headers(&["v4.channel.k8s.io"]), group).await {
        Ok((runtime, _)) => runtime,
        Err(response) => return response,
    };
    let Some((response, socket)) = websocket::accept(&mut request, protocol) else {
        return text(StatusCode::BAD_REQUEST, "no Sec-WebSocket-Key header");
    };
    group.spawn("exec", async move {
        let Some(socket) = socket.await else { return };
        if let Err(error) = bridge(socket, runtime, streams, attached).await {
            tracing::debug!(%error, "stream ended");
        }
    });
    response
}

/// Streams of the runtime by channel.
struct Channels(Vec<(u8, StreamId)>);

impl Channels {
    fn stream(&self, channel: u8) -> Option<StreamId> {
        self.0
            .iter()
            .find(|(own, _)| *own == channel)
            .map(|(_, stream)| *stream)
    }

    fn channel(&self, stream: StreamId) -> Option<u8> {
        self.0
            .iter()
            .find(|(_, own)| *own == stream)
            .map(|(channel, _)| *channel)
    }
}

/// Whether somebody attached to a container that was just ending: all that it said, it had said before.
fn came_too_late(silent: bool, attached: Option<Instant>) -> bool {
    silent && attached.is_some_and(|since| since.elapsed() < TOO_LATE)
}

/// What a client hears in place of the first payload of an attach that came too late: a status of success before any
/// output. Which of its streams carries the status only the client knows.
fn late_answer(first: &[u8], attached: Option<Instant>) -> Option<Bytes> {
    let success = serde_json::from_slice::<serde_json::Value>(first).is_ok_and(|said| said["status"] == "Success");
    came_too_late(success, attached).then(ended)
}

/// What the runtime says of an attach to a container that has ended; kubectl then prints the log instead.
fn ended() -> Bytes {
    let cause = "error attaching to container: container is in CONTAINER_EXITED state";
    let status = json!({
        "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
        "message": format!("Internal error occurred: {cause}"), "details": {"causes": [{"message": cause}]},
    });
    Bytes::from(status.to_string())
}

/// Carries bytes between a WebSocket client and the runtime until the runtime has said how it ended. `attached` is when
/// the client came to a container that ran before.
async fn bridge(socket: Socket, runtime: Upgraded, streams: Streams, attached: Option<Instant>) -> io::Result<()> {
    let (mut reader, mut writer) = spdy::client(runtime);
    let mut channels = Channels(vec![(ERROR, writer.open(&[("streamtype", "error")]).await?)]);
    for (wanted, channel, kind) in [
        (streams.stdin, STDIN, "stdin"),
        (streams.stdout, STDOUT, "stdout"),
        (streams.stderr, STDERR, "stderr"),
        (streams.tty, RESIZE, "resize"),
    ] {
        if wanted {
            channels.0.push((channel, writer.open(&[("streamtype", kind)]).await?));
        }
    }
    let channels = &channels;
    let (mut out, mut incoming) = socket.split();
    // Tells the client that the streams are there, as upstream's server does.
    let lowest = [(streams.stdout, STDOUT), (streams.stderr, STDERR)]
        .into_iter()
        .find(|(wanted, _)| *wanted);
    let hello = lowest.map_or(ERROR, |(_, channel)| channel);
    out.send(Message::Binary(Bytes::copy_from_slice(&[hello])))
        .await
        .map_err(io::Error::other)?;
    let to_client = async {
        let mut silent = true;
        while let Some(event) = reader.next().await? {
            let Event::Data(stream, mut bytes) = event else {
                continue;
            };
            let Some(channel) = channels.channel(stream) else {
                continue;
            };
            if channel == ERROR && came_too_late(silent, attached) {
                bytes = ended();
            }
            silent &= bytes.is_empty();
            let mut message = Vec::with_capacity(bytes.len() + 1);
            message.push(channel);
            message.extend_from_slice(&bytes);
            out.send(Message::Binary(message.into()))
                .await
                .map_err(io::Error::other)?;
        }
        out.send(websocket::normal_close()).await.map_err(io::Error::other)?;
        io::Result::Ok(())
    };
    let to_runtime = async {
        while let Some(message) = incoming.next().await {
            let bytes: Bytes = match message.map_err(io::Error::other)? {
                Message::Binary(bytes) => bytes,
                Message::Text(text) => text.into(),
                Message::Close(_) => break,
                _ => continue,
            };
            match bytes.first() {
                Some(&CLOSE) => {
                    if let Some(stream) = bytes.get(1).and_then(|channel| channels.stream(*channel)) {
                        writer.close(stream).await?;
                    }
                }
                Some(channel) => {
                    if let Some(stream) = channels.stream(*channel) {
                        writer.send(stream, &bytes[1..]).await?;
                    }
                }
                None => {}
            }
        }
        io::Result::Ok(())
    };
    // The client's end is the end; so is the runtime's, after its last bytes have been passed on.
    tokio::select! {
        result = to_client => result,
        result = to_runtime => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_attach_that_came_too_late_is_told_so() {
        let since = Some(Instant::now());
        assert!(came_too_late(true, since));
        assert!(!came_too_late(false, since), "it did see something");
        assert!(!came_too_late(true, None), "a command may well say nothing");
        tokio::time::advance(TOO_LATE).await;
        assert!(!came_too_late(true, since), "it saw the container's silence");
        let late = Some(Instant::now());
        let success = br#"{"metadata":{},"status":"Success"}"#;
        assert_eq!(late_answer(success, late), Some(ended()));
        assert_eq!(late_answer(b"hello", late), None);
        assert_eq!(late_answer(success, since), None);
        let status: serde_json::Value = serde_json::from_slice(&ended()).unwrap();
        assert_eq!(status["status"], "Failure");
    }

    #[test]
    fn a_terminal_has_no_separate_stderr() {
        let pairs = ["input", "output", "error", "tty"].map(|name| (name.to_owned(), "1".to_owned()));
        assert_eq!(
            Streams::of(&pairs),
            Streams {
                stdin: true,
                stdout: true,
                stderr: false,
                tty: true
            }
        );
    }
}

//! Port forwarding: SPDY as it is, SPDY inside a WebSocket unwrapped, and the older WebSocket form translated.

use std::io;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

use super::portforward_channels;
use super::routes::query;
use super::runtime_stream::{Upgraded, connect, pass_through, spdy_headers, wants};
use super::websocket::{self, Socket};
use super::{Body, Server, text};

const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
const CHUNK: usize = 32 * 1024;

pub(super) async fn answer(
    server: &Server,
    namespace: &str,
    pod: &str,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let Some(found) = server.manager.find(namespace, pod) else {
        return text(
            StatusCode::NOT_FOUND,
            format!("pod \"{pod}_{namespace}\" does not exist"),
        );
    };
    let runtime = &server.context.runtime;
    let view = match runtime.view(found.metadata.uid.as_deref().unwrap_or_default()).await {
        Ok(view) => view,
        Err(error) => return text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    };
    let Some(sandbox) = view.sandbox() else {
        return text(
            StatusCode::NOT_FOUND,
            format!("not able to find a running sandbox of pod \"{pod}_{namespace}\""),
        );
    };
    let url = match runtime.port_forward_url(&sandbox.id).await {
        Ok(url) => url,
        Err(error) => return text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    };
    let group = &server.context.group;
    if !wants(request.headers(), "websocket") {
        return pass_through(&url, request, group, None).await;
    }
    let Some(protocol) = websocket::subprotocol(request.headers(), &[TUNNEL, portforward_channels::PROTOCOL]) else {
        let known = format!("the subprotocol must be {TUNNEL} or {}", portforward_channels::PROTOCOL);
        return text(StatusCode::BAD_REQUEST, known);
    };
    let ports = match portforward_channels::ports(&query(request.uri())) {
        Ok(ports) => ports,
        Err(_) if protocol == TUNNEL => Vec::new(),
        Err(reason) => return text(StatusCode::BAD_REQUEST, reason),
    };
    let upstream = match connect(&url, spdy_headers(&["portforward.k8s.io"]), group).await {
        Ok((upstream, _)) => upstream,
        Err(response) => return response,
    };
    let Some((response, socket)) = websocket::accept(&mut request, protocol) else {
        return text(StatusCode::BAD_REQUEST, "no Sec-WebSocket-Key header");
    };
    group.spawn("port-forward", async move {
        let Some(socket) = socket.await else { return };
        let ended = if protocol == TUNNEL {
            tunnel(socket, upstream).await
        } else {
            portforward_channels::bridge(socket, upstream, &ports).await
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "port forwarding ended");
        }
    });
    response
}

/// Messages of the WebSocket are consecutive bytes of the SPDY connection.
async fn tunnel(socket: Socket, upstream: Upgraded) -> io::Result<()> {
    let (mut out, mut incoming) = socket.split();
    let (mut read, mut write) = tokio::io::split(upstream);
    let to_client = async {
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = read.read(&mut buffer).await?;
            if count == 0 {
                let _ = out.send(websocket::normal_close()).await;
                return io::Result::Ok(());
            }
            out.send(Message::Binary(Bytes::copy_from_slice(&buffer[..count])))
                .await
                .map_err(io::Error::other)?;
        }
    };
    let to_runtime = async {
        while let Some(message) = incoming.next().await {
            match message.map_err(io::Error::other)? {
                Message::Binary(bytes) => write.write_all(&bytes).await?,
                Message::Close(_) => break,
                _ => {}
            }
        }
        write.shutdown().await
    };
    tokio::select! {
        result = to_client => result,
        result = to_runtime => result,
    }
}

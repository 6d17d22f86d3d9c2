//! `/containerLogs`: a container's log with the options of `kubectl logs`.

use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http::{Request, Response, StatusCode, Uri, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::routes::query;
use super::runtime_stream::wants;
use super::{Body, Server, text, websocket};
use crate::logs::{Options, follow};
use crate::runtime::State;

/// Chunks read ahead of a slow client.
const AHEAD: usize = 8;
/// For the client's answer to our close.
const FAREWELL: Duration = Duration::from_secs(5);

/// Forms in which WebSocket clients take logs, best first; the last is what they get that ask for none.
const FORMS: [&str; 2] = ["base64.binary.k8s.io", "binary.k8s.io"];

/// A log as it is read.
type Chunks = mpsc::Receiver<std::io::Result<Bytes>>;

pub(super) async fn answer(
    server: &Server,
    namespace: &str,
    pod: &str,
    name: &str,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let chunks = match open(server, namespace, pod, name, request.uri()).await {
        Ok(chunks) => chunks,
        Err((code, why)) => return text(code, why),
    };
    if wants(request.headers(), "websocket") {
        return over_websocket(server, chunks, &mut request);
    }
    let stream = futures::stream::unfold(chunks, |mut chunks| async move {
        chunks.recv().await.map(|item| (item, chunks))
    });
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(
        stream.map(|item| item.map(Frame::data)),
    )));
    let plain = http::HeaderValue::from_static("text/plain");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// One message per chunk.
fn over_websocket(server: &Server, mut chunks: Chunks, request: &mut Request<Incoming>) -> Response<Body> {
    let form = websocket::subprotocol(request.headers(), &FORMS);
    let Some((response, socket)) = websocket::accept(request, form.unwrap_or_default()) else {
        return text(StatusCode::BAD_REQUEST, "not a WebSocket handshake".to_owned());
    };
    let encoded = form == Some(FORMS[0]);
    server.context.group.spawn("container-logs-websocket", async move {
        let Some(mut socket) = socket.await else { return };
        while let Some(Ok(chunk)) = chunks.recv().await {
            let message = if encoded {
                Message::text(base64::engine::general_purpose::STANDARD.encode(&chunk))
            } else {
                Message::binary(chunk)
            };
            if socket.send(message).await.is_err() {
                return;
            }
        }
        if socket.send(websocket::normal_close()).await.is_ok() {
            let _ = tokio::time::timeout(FAREWELL, socket.next()).await;
        }
    });
    response
}

async fn open(
    server: &Server,
    namespace: &str,
    pod: &str,
    name: &str,
    uri: &Uri,
) -> Result<Chunks, (StatusCode, String)> {
    let refuse = |code: StatusCode, why: String| Err((code, why));
    let Some(found) = server.manager.find(namespace, pod) else {
        return refuse(StatusCode::NOT_FOUND, format!("pod \"{pod}\" not found"));
    };
    let options = match Options::parse(&query(uri)) {
        Ok(options) => options,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error),
    };
    let spec = found.spec.clone().unwrap_or_default();
    let names = spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten())
        .map(|container| container.name.as_str());
    let ephemeral = spec
        .ephemeral_containers
        .iter()
        .flatten()
        .map(|container| container.name.as_str());
    if !names.chain(ephemeral).any(|own| own == name) {
        return refuse(
            StatusCode::NOT_FOUND,
            format!("container \"{name}\" not found in pod \"{pod}\""),
        );
    }
    let view = match server
        .context
        .runtime
        .view(found.metadata.uid.as_deref().unwrap_or_default())
        .await
    {
        Ok(view) => view,
        Err(error) => return refuse(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    };
    let latest = view.latest(name);
    let container = if options.previous { view.previous(name) } else { latest };
    let Some(container) = container.filter(|container| container.state != State::Created).cloned() else {
        if options.previous {
            let text_ = format!("previous terminated container \"{name}\" in pod \"{pod}\" not found");
            return refuse(StatusCode::BAD_REQUEST, text_);
        }
        let reason = waiting_reason(&found, name);
        return refuse(
            StatusCode::BAD_REQUEST,
            format!("container \"{name}\" in pod \"{pod}\" is waiting to start: {reason}"),
        );
    };
    let (send, receive) = mpsc::channel::<std::io::Result<Bytes>>(AHEAD);
    let context = server.context.clone();
    server.context.group.spawn("container-logs", async move {
        if let Err(error) = follow(&context.runtime, &container, &options, &send).await {
            let _ = send.send(Err(error)).await;
        }
    });
    Ok(receive)
}

fn waiting_reason(pod: &k8s_openapi::api::core::v1::Pod, name: &str) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let mut statuses = status
        .container_statuses
        .into_iter()
        .flatten()
        .chain(status.init_container_statuses.into_iter().flatten());
    let own = statuses.find(|status| status.name == name);
    own.and_then(|status| status.state?.waiting?.reason)
        .unwrap_or_else(|| "ContainerCreating".to_owned())
}

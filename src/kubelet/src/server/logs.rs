//! `/containerLogs`: a container's log with the options of `kubectl logs`.

use bytes::Bytes;
use futures::StreamExt as _;
use http::{Response, StatusCode, Uri};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;

use super::routes::query;
use super::{Body, Server, text};
use crate::logs::{Options, follow};
use crate::runtime::State;

/// Chunks read ahead of a slow client.
const AHEAD: usize = 8;

pub(super) async fn answer(server: &Server, namespace: &str, pod: &str, name: &str, uri: &Uri) -> Response<Body> {
    let Some(found) = server.manager.find(namespace, pod) else {
        return text(StatusCode::NOT_FOUND, format!("pod \"{pod}\" not found"));
    };
    let options = match Options::parse(&query(uri)) {
        Ok(options) => options,
        Err(error) => return text(StatusCode::BAD_REQUEST, error),
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
        return text(
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
        Err(error) => return text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    };
    let latest = view.latest(name);
    let container = if options.previous { view.previous(name) } else { latest };
    let Some(container) = container.filter(|container| container.state != State::Created).cloned() else {
        if options.previous {
            let text_ = format!("previous terminated container \"{name}\" in pod \"{pod}\" not found");
            return text(StatusCode::BAD_REQUEST, text_);
        }
        let reason = waiting_reason(&found, name);
        return text(
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
    let stream = futures::stream::unfold(receive, |mut receive| async move {
        receive.recv().await.map(|item| (item, receive))
    });
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(
        stream.map(|item| item.map(Frame::data)),
    )));
    let plain = http::HeaderValue::from_static("text/plain");
    response.headers_mut().insert(http::header::CONTENT_TYPE, plain);
    response
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

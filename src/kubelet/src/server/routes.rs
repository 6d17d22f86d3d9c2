//! Paths of the kubelet's server, as upstream has them.

use std::sync::Arc;

use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use k8s_openapi::List;
use k8s_openapi::api::core::v1::Pod;
use machinery::exposition::{self, Exposition, Kind};

use super::auth::Peer;
use super::{Body, Server, auth, exec, logs, portforward, text};

/// Answers one request.
pub(super) async fn answer(server: Arc<Server>, peer: &Peer, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    if let Err((status, message)) = auth::check(&server.context, peer, request.method(), &path, request.headers()).await
    {
        return text(status, message);
    }
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => text(StatusCode::OK, "ok"),
        ["pods" | "runningpods", ..] => pods(&server),
        ["containerLogs", namespace, pod, container] => logs::answer(&server, namespace, pod, container, request).await,
        ["exec", namespace, pod, container] | ["exec", namespace, pod, _, container] => {
            exec::exec(&server, namespace, pod, container, request).await
        }
        ["attach", namespace, pod, container] | ["attach", namespace, pod, _, container] => {
            exec::attach(&server, namespace, pod, container, request).await
        }
        ["portForward", namespace, pod] | ["portForward", namespace, pod, _] => {
            portforward::answer(&server, namespace, pod, request).await
        }
        ["metrics"] => exposition(metrics(&server)),
        ["metrics", "resource"] => exposition(server.stats.resource(&server).await),
        ["metrics", "cadvisor"] => match server.stats.cadvisor(&server).await {
            Ok(document) => exposition(document),
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        },
        ["traces"] => steps(&server, request.uri()),
        ["stats", "summary"] => {
            let flag = |(key, value): &(String, String)| key == "only_cpu_and_memory" && value == "true";
            let only_resources = query(request.uri()).iter().any(flag);
            match server.stats.summary(&server, only_resources).await {
                Ok(summary) => typed(summary.to_string(), "application/json"),
                Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            }
        }
        _ => text(StatusCode::NOT_FOUND, "404 page not found\n"),
    }
}

fn pods(server: &Server) -> Response<Body> {
    let items = server.manager.pods().into_iter().map(|pod| Pod::clone(&pod)).collect();
    let list = List::<Pod> {
        items,
        ..Default::default()
    };
    match serde_json::to_string(&list) {
        Ok(json) => typed(json, "application/json"),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// What was done for the pods that the query names by `uid`.
fn steps(server: &Server, uri: &http::Uri) -> Response<Body> {
    let pods = query(uri).into_iter().filter(|(key, _)| key == "uid");
    let pods: Vec<String> = pods.map(|(_, uid)| uid).collect();
    match serde_json::to_string(&server.context.recorder.steps(&pods)) {
        Ok(json) => typed(json, "application/json"),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

fn metrics(server: &Server) -> String {
    let pods = server.manager.pods();
    let running = pods.iter().filter(|pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        phase == Some("Running")
    });
    let mut out = Exposition::default();
    out.family(
        "kubelet_desired_pods",
        Kind::Gauge,
        "The number of pods the kubelet is being instructed to run.",
    )
    .sample(&[], pods.len() as f64, None);
    out.family(
        "kubelet_running_pods",
        Kind::Gauge,
        "Number of pods that have a running pod sandbox.",
    )
    .sample(&[], running.count() as f64, None);
    out.family(
        "kubelet_node_name",
        Kind::Gauge,
        "The node's name. The count is always 1.",
    )
    .sample(&[("node", &server.context.options.node_name)], 1.0, None);
    out.finish()
}

fn exposition(document: String) -> Response<Body> {
    typed(document, exposition::MEDIA_TYPE)
}

fn typed(document: String, media: &'static str) -> Response<Body> {
    let mut response = text(StatusCode::OK, document);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, http::HeaderValue::from_static(media));
    response
}

/// The query's parameters, decoded, in order.
pub(super) fn query(uri: &http::Uri) -> Vec<(String, String)> {
    let query = uri.query().unwrap_or_default();
    let decode = |text: &str| percent(&text.replace('+', " "));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

fn percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        let escaped = hex.filter(|_| *first == b'%');
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_keep_order_and_repeats() {
        let uri: http::Uri = "/exec/n/p/c?command=sh&command=-c&command=echo%20a%2Bb+c&input=1"
            .parse()
            .unwrap();
        let pairs = query(&uri);
        let commands: Vec<&str> = pairs
            .iter()
            .filter(|(key, _)| key == "command")
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(commands, ["sh", "-c", "echo a+b c"]);
    }
}

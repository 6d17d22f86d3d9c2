//! Paths of the kubelet's server, as upstream has them.

use std::sync::Arc;

use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use k8s_openapi::List;
use k8s_openapi::api::core::v1::Pod;

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
        ["metrics"] => text(StatusCode::OK, metrics(&server)),
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
        Ok(json) => {
            let mut response = text(StatusCode::OK, json);
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
            response
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

fn metrics(server: &Server) -> String {
    let count = server.manager.pods().len();
    format!(
        "# HELP kubelet_desired_pods The number of pods the kubelet is being instructed to run.\n\
         # TYPE kubelet_desired_pods gauge\nkubelet_desired_pods {count}\n\
         # HELP kubelet_node_name The node's name. The count is always 1.\n\
         # TYPE kubelet_node_name gauge\nkubelet_node_name{{node=\"{}\"}} 1\n",
        server.context.options.node_name
    )
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

//! Requests that are answered by a kubelet, a pod or a service: logs, exec, attach, port-forward, proxy.
//!
//! Bytes pass through unread, upgraded connections included; the kubelet speaks the streaming protocols.

pub(crate) mod endpoint;
pub(crate) mod forward;
mod kubelet;
pub(crate) mod pool;
mod proxy;
mod rewrite;

use http::{Request, Response};
use serde_json::Value;

pub(crate) use kubelet::Kubelets;

use crate::authz::{self, Attributes};
use crate::object::text_at;
use crate::registry::Call;
use crate::{ApiError, Body};

/// Options of the kubelet's endpoints: (API name, kubelet's name).
const EXEC: &[(&str, &str)] = &[
    ("stdin", "input"),
    ("stdout", "output"),
    ("stderr", "error"),
    ("tty", "tty"),
];
const LOG: &[&str] = &[
    "follow",
    "previous",
    "sinceSeconds",
    "sinceTime",
    "timestamps",
    "tailLines",
    "limitBytes",
    "insecureSkipTLSVerifyBackend",
    "stream",
];

pub(crate) use kubelet::ask as ask_kubelet;

pub(crate) async fn connect(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let info = call.info;
    if info.verb != "create" && matches!(info.subresource.as_str(), "exec" | "attach" | "portforward") {
        // browsers open WebSockets by GET, and reading is no leave to run something
        let asked = Attributes {
            verb: "create".to_owned(),
            ..Attributes::of(info)
        };
        authz::authorize(call.api, call.user, &asked).await?;
    }
    match (call.resource.plural, info.subresource.as_str()) {
        ("pods", "log") => {
            let pod = call.object(&info.name).await?;
            let container = container(&call, &pod)?;
            let query = LOG
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), info.param(name)?.to_owned())))
                .collect();
            let path = format!("/containerLogs/{}/{}/{container}", info.namespace, info.name);
            kubelet::forward(&call, &pod, request, &path, query).await
        }
        ("pods", sub @ ("exec" | "attach")) => {
            let pod = call.object(&info.name).await?;
            let container = container(&call, &pod)?;
            let mut query: Vec<(String, String)> = info
                .params("command")
                .map(|part| ("command".to_owned(), part.to_owned()))
                .collect();
            query.extend(
                EXEC.iter()
                    .filter(|(ours, _)| info.flag(ours))
                    .map(|(_, theirs)| ((*theirs).to_owned(), "1".to_owned())),
            );
            let path = format!("/{sub}/{}/{}/{container}", info.namespace, info.name);
            kubelet::forward(&call, &pod, request, &path, query).await
        }
        ("pods", "portforward") => {
            let pod = call.object(&info.name).await?;
            let query = info
                .params("ports")
                .map(|ports| ("port".to_owned(), ports.to_owned()))
                .collect();
            let path = format!("/portForward/{}/{}", info.namespace, info.name);
            kubelet::forward(&call, &pod, request, &path, query).await
        }
        (_, "proxy") => proxy::proxy(call, request).await,
        _ => Err(ApiError::no_such_path()),
    }
}

/// The container that is meant: the named one, the annotated default, or the only one.
fn container(call: &Call<'_>, pod: &Value) -> Result<String, ApiError> {
    let name = &call.info.name;
    let names = |list: &str| -> Vec<String> {
        let containers = pod.pointer(list).and_then(Value::as_array).into_iter().flatten();
        containers.map(|container| text_at(container, "name")).collect()
    };
    let (main, init, ephemeral) = (
        names("/spec/containers"),
        names("/spec/initContainers"),
        names("/spec/ephemeralContainers"),
    );
    let wanted = if let Some(wanted) = call.info.param("container").filter(|name| !name.is_empty()) {
        wanted.to_owned()
    } else {
        let annotation = pod.pointer("/metadata/annotations/kubectl.kubernetes.io~1default-container");
        match (annotation.and_then(Value::as_str), main.as_slice()) {
            (Some(default), _) if main.iter().any(|own| own == default) => default.to_owned(),
            (_, [only]) => only.clone(),
            (_, several) => {
                let mut message = format!(
                    "a container name must be specified for pod {name}, choose one of: [{}]",
                    several.join(" ")
                );
                if !init.is_empty() {
                    message = format!("{message} or one of the init containers: [{}]", init.join(" "));
                }
                return Err(ApiError::bad_request(message));
            }
        }
    };
    if main.iter().chain(&init).chain(&ephemeral).any(|own| *own == wanted) {
        Ok(wanted)
    } else {
        Err(ApiError::bad_request(format!(
            "container {wanted} is not valid for pod {name}"
        )))
    }
}

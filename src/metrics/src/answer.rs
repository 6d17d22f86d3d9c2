//! From a path to a document.

use std::borrow::Cow;

use http::StatusCode;
use jiff::Timestamp;
use machinery::selector::{FieldSelector, LabelSelector};
use serde_json::{Value, json};

use crate::objects::Labels;
use crate::run::Shared;
use crate::storage::Usage;
use crate::table;

const GROUP: &str = "metrics.k8s.io";
const VERSION: &str = "metrics.k8s.io/v1beta1";

type Answer = (StatusCode, Value);

/// The two kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Node,
    Pod,
}

impl Kind {
    fn resource(self) -> &'static str {
        match self {
            Self::Node => "nodes",
            Self::Pod => "pods",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Node => "NodeMetrics",
            Self::Pod => "PodMetrics",
        }
    }
}

/// Answers a GET.
pub(crate) fn get(shared: &Shared, path: &str, query: Option<&str>, as_table: bool) -> Answer {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let version = json!({"groupVersion": VERSION, "version": "v1beta1"});
    let mut group = json!({"name": GROUP, "versions": [version], "preferredVersion": version});
    match segments.as_slice() {
        ["apis"] => {
            let list = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]});
            (StatusCode::OK, list)
        }
        ["apis", GROUP] => {
            group["kind"] = "APIGroup".into();
            group["apiVersion"] = "v1".into();
            (StatusCode::OK, group)
        }
        ["apis", GROUP, "v1beta1"] => (StatusCode::OK, resources()),
        ["apis", GROUP, "v1beta1", rest @ ..] => {
            let query = Query::of(query);
            if query.watch {
                return not_allowed();
            }
            match rest {
                ["nodes"] => list(shared, Kind::Node, "", &query, as_table),
                ["nodes", name] => one(shared, Kind::Node, "", name, as_table),
                ["pods"] => list(shared, Kind::Pod, "", &query, as_table),
                ["namespaces", namespace, "pods"] => list(shared, Kind::Pod, namespace, &query, as_table),
                ["namespaces", namespace, "pods", name] => one(shared, Kind::Pod, namespace, name, as_table),
                _ => no_such_path(),
            }
        }
        _ => no_such_path(),
    }
}

fn resources() -> Value {
    let row = |kind: Kind| json!({"name": kind.resource(), "singularName": "", "namespaced": kind == Kind::Pod, "kind": kind.kind(), "verbs": ["get", "list"]});
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": VERSION, "resources": [row(Kind::Node), row(Kind::Pod)]})
}

/// What a list is narrowed by.
#[derive(Debug, Default)]
struct Query {
    labels: String,
    fields: String,
    watch: bool,
}

impl Query {
    fn of(query: Option<&str>) -> Self {
        let mut out = Self::default();
        for pair in query.unwrap_or_default().split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "labelSelector" => out.labels = decode(value),
                "fieldSelector" => out.fields = decode(value),
                "watch" => out.watch = !matches!(value, "false" | "0"),
                _ => {}
            }
        }
        out
    }
}

fn decode(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
            .filter(|_| *first == b'%');
        bytes.push(hex.unwrap_or(*first));
        rest = if hex.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The fields that a selector may name.
const FIELDS: [&str; 2] = ["metadata.name", "metadata.namespace"];

fn field_selector(text: &str) -> Result<FieldSelector, String> {
    let selector = FieldSelector::parse(text).map_err(|error| error.to_string())?;
    match selector
        .terms()
        .iter()
        .find(|term| !FIELDS.contains(&term.field.as_str()))
    {
        Some(term) => Err(format!("field label not supported: {}", term.field)),
        None => Ok(selector),
    }
}

fn list(shared: &Shared, kind: Kind, namespace: &str, query: &Query, as_table: bool) -> Answer {
    let selector = match LabelSelector::parse(&query.labels) {
        Ok(selector) => selector,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, "BadRequest", &error.to_string()),
    };
    let fields = match field_selector(&query.fields) {
        Ok(fields) => fields,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, "BadRequest", &error),
    };
    let chosen = |own: &str, name: &str, labels: &Labels| {
        (namespace.is_empty() || namespace == own)
            && fields.matches(|field| Cow::Borrowed(if field == FIELDS[0] { name } else { own }))
            && selector.matches(labels)
    };
    let items: Vec<Value> = shared.read(|objects, storage| match kind {
        Kind::Node => {
            let nodes = objects
                .nodes
                .iter()
                .filter(|(name, node)| chosen("", name, &node.labels));
            nodes
                .filter_map(|(name, node)| Some(node_metrics(name, &node.labels, &storage.node(name)?)))
                .collect()
        }
        Kind::Pod => {
            let pods = objects
                .pods
                .iter()
                .filter(|((own, name), labels)| chosen(own, name, labels));
            pods.filter_map(|(key, labels)| Some(pod_metrics(key, labels, &storage.pod(key)?)))
                .collect()
        }
    });
    if as_table {
        return (StatusCode::OK, table::of(&items));
    }
    let kind = format!("{}List", kind.kind());
    (
        StatusCode::OK,
        json!({"kind": kind, "apiVersion": VERSION, "metadata": {}, "items": items}),
    )
}

fn one(shared: &Shared, kind: Kind, namespace: &str, name: &str, as_table: bool) -> Answer {
    let key = (namespace.to_owned(), name.to_owned());
    let found = shared.read(|objects, storage| match kind {
        Kind::Node => Some(node_metrics(
            name,
            &objects.nodes.get(name)?.labels,
            &storage.node(name)?,
        )),
        Kind::Pod => Some(pod_metrics(&key, objects.pods.get(&key)?, &storage.pod(&key)?)),
    });
    match found {
        Some(object) if as_table => (StatusCode::OK, table::of(&[object])),
        Some(object) => (StatusCode::OK, object),
        None => {
            let full = match kind {
                Kind::Node => name.to_owned(),
                Kind::Pod => format!("{namespace}/{name}"),
            };
            let message = format!(
                "{}metrics.{GROUP} \"{full}\" not found",
                kind.resource().trim_end_matches('s')
            );
            let (code, mut status) = refusal(StatusCode::NOT_FOUND, "NotFound", &message);
            status["details"] = json!({"name": full, "group": GROUP, "kind": kind.resource()});
            (code, status)
        }
    }
}

fn metadata(namespace: &str, name: &str, labels: &Labels) -> Value {
    let mut metadata = json!({"name": name, "creationTimestamp": time(Timestamp::now().as_millisecond())});
    if !namespace.is_empty() {
        metadata["namespace"] = namespace.into();
    }
    if !labels.is_empty() {
        metadata["labels"] = json!(labels);
    }
    metadata
}

fn node_metrics(name: &str, labels: &Labels, usage: &Usage) -> Value {
    json!({
        "kind": "NodeMetrics", "apiVersion": VERSION, "metadata": metadata("", name, labels),
        "timestamp": time(usage.at), "window": window(usage.window), "usage": amounts(usage),
    })
}

fn pod_metrics((namespace, name): &(String, String), labels: &Labels, containers: &[(&str, Usage)]) -> Value {
    // the oldest of all, as upstream
    let oldest = containers.iter().map(|(_, usage)| usage).min_by_key(|usage| usage.at);
    let (at, span) = oldest.map_or((0, 0), |usage| (usage.at, usage.window));
    let rows: Vec<Value> = containers
        .iter()
        .map(|(name, usage)| json!({"name": name, "usage": amounts(usage)}))
        .collect();
    json!({
        "kind": "PodMetrics", "apiVersion": VERSION, "metadata": metadata(namespace, name, labels),
        "timestamp": time(at), "window": window(span), "containers": rows,
    })
}

fn amounts(usage: &Usage) -> Value {
    let nanos = (usage.cpu * 1e9).round() as i64;
    let memory = (usage.memory / 1024.0).round() as i64;
    json!({"cpu": if nanos == 0 { "0".to_owned() } else { format!("{nanos}n") }, "memory": format!("{memory}Ki")})
}

/// A duration as Go writes it, `15.045s` or `1m0s`.
fn window(millis: i64) -> String {
    let (minutes, rest) = (millis / 60_000, millis % 60_000);
    let mut seconds = format!("{}.{:03}", rest / 1000, rest % 1000);
    seconds.truncate(seconds.trim_end_matches('0').trim_end_matches('.').len());
    if minutes > 0 {
        format!("{minutes}m{seconds}s")
    } else {
        format!("{seconds}s")
    }
}

fn time(millis: i64) -> String {
    Timestamp::from_second(millis / 1000).unwrap_or_default().to_string()
}

/// A Status of failure.
pub(crate) fn refusal(code: StatusCode, reason: &str, message: &str) -> Answer {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16()});
    (code, status)
}

pub(crate) fn not_allowed() -> Answer {
    refusal(
        StatusCode::METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
    )
}

fn no_such_path() -> Answer {
    refusal(
        StatusCode::NOT_FOUND,
        "NotFound",
        "the server could not find the requested resource",
    )
}

//! The paths of a resource: what clients look up there are kinds, patch types and query parameters.

use schema::Resource;
use serde_json::{Map, Value, json};

use crate::schemas::reference;

const PATCHES: [&str; 4] = [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];
const BODIES: [&str; 3] = [
    "application/json",
    "application/vnd.kubernetes.protobuf",
    "application/yaml",
];

fn parameter(name: &str, kind: &str) -> Value {
    json!({"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": true}})
}

/// Query parameters of a verb.
fn parameters(verb: &str) -> Vec<Value> {
    let texts: &[&str] = match verb {
        "create" | "update" | "patch" => &["dryRun", "fieldManager", "fieldValidation"],
        "delete" | "deletecollection" => &["dryRun", "propagationPolicy"],
        "list" | "watch" => &[
            "continue",
            "fieldSelector",
            "labelSelector",
            "resourceVersion",
            "resourceVersionMatch",
        ],
        _ => &[],
    };
    let mut all: Vec<Value> = texts.iter().map(|name| parameter(name, "string")).collect();
    match verb {
        "patch" => all.push(parameter("force", "boolean")),
        "delete" | "deletecollection" => all.push(parameter("gracePeriodSeconds", "integer")),
        "list" | "watch" => {
            all.extend([
                parameter("limit", "integer"),
                parameter("timeoutSeconds", "integer"),
                parameter("watch", "boolean"),
            ]);
        }
        _ => {}
    }
    all
}

/// The type and kind that an operation is about.
#[derive(Clone, Copy)]
struct About<'a> {
    ty: &'a str,
    kind: (&'a str, &'a str, &'a str),
}

fn operation(resource: &Resource, about: About<'_>, verb: &str) -> (&'static str, Value) {
    let (method, action) = match verb {
        "create" => ("post", "post"),
        "update" => ("put", "put"),
        "patch" => ("patch", "patch"),
        "delete" => ("delete", "delete"),
        "deletecollection" => ("delete", "deletecollection"),
        "list" => ("get", "list"),
        _ => ("get", "get"),
    };
    let content = |types: &[&str], schema: &Value| -> Map<String, Value> {
        types
            .iter()
            .map(|media| ((*media).to_owned(), json!({"schema": schema})))
            .collect()
    };
    let own = reference(about.ty);
    let mut operation = json!({
        "tags": [format!("{}_{}", if resource.group.is_empty() { "core" } else { resource.group }, resource.version)],
        "parameters": parameters(verb),
        "responses": {"200": {"description": "OK", "content": content(&BODIES, &own)}, "401": {"description": "Unauthorized"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": about.kind.0, "version": about.kind.1, "kind": about.kind.2},
    });
    match verb {
        "create" | "update" => operation["requestBody"] = json!({"required": true, "content": content(&["*/*"], &own)}),
        "patch" => {
            operation["requestBody"] =
                json!({"required": true, "content": content(&PATCHES, &json!({"type": "object"}))});
        }
        _ => {}
    }
    (method, operation)
}

/// All paths of a resource and its subresources.
pub(crate) fn of(resource: &Resource) -> Vec<(String, Value)> {
    let root = if resource.group.is_empty() {
        format!("/api/{}", resource.version)
    } else {
        format!("/apis/{}/{}", resource.group, resource.version)
    };
    let scoped = if resource.namespaced {
        format!("{root}/namespaces/{{namespace}}")
    } else {
        root.clone()
    };
    let own = About {
        ty: resource.ty.name,
        kind: (resource.group, resource.version, resource.kind),
    };
    let path = |about: About<'_>, verbs: &[&str], offered: &[&str]| -> Value {
        let operations = verbs
            .iter()
            .filter(|verb| offered.contains(verb))
            .map(|verb| operation(resource, about, verb));
        Value::Object(
            operations
                .map(|(method, operation)| (method.to_owned(), operation))
                .collect(),
        )
    };
    let mut paths = vec![
        (
            format!("{scoped}/{}", resource.plural),
            path(own, &["list", "create", "deletecollection"], resource.verbs),
        ),
        (
            format!("{scoped}/{}/{{name}}", resource.plural),
            path(own, &["get", "update", "patch", "delete"], resource.verbs),
        ),
    ];
    if resource.namespaced {
        paths.push((
            format!("{root}/{}", resource.plural),
            path(own, &["list"], resource.verbs),
        ));
    }
    for sub in resource.subresources {
        let ty = schema::kind(sub.group, sub.version, sub.kind).map_or(resource.ty.name, |kind| kind.ty.name);
        let about = About {
            ty,
            kind: (sub.group, sub.version, sub.kind),
        };
        paths.push((
            format!("{scoped}/{}/{{name}}/{}", resource.plural, sub.name),
            path(about, &["get", "create", "update", "patch"], sub.verbs),
        ));
    }
    paths.retain(|(_, path)| path.as_object().is_some_and(|path| !path.is_empty()));
    paths
}

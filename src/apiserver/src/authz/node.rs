//! The Node authorizer: what a kubelet may do is bound to the pods on its node.

use std::sync::LazyLock;

use serde_json::Value;

use super::rbac::Rule;
use super::{Attributes, Decision};
use crate::object::text_at;
use crate::storage::Header;
use crate::{Api, ApiError};

/// What any kubelet may do, whatever runs on it: the rules of the `system:node` cluster role without the kinds
/// that [`decide`] looks at one by one.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rows: &[(&str, &str, &[&str])] = &[
        ("authentication.k8s.io", "tokenreviews", &["create"]),
        (
            "authorization.k8s.io",
            "subjectaccessreviews localsubjectaccessreviews",
            &["create"],
        ),
        ("", "services", &["get", "list", "watch"]),
        ("", "nodes", &["create", "get", "list", "watch"]),
        ("", "nodes/status", &["update", "patch"]),
        ("", "nodes", &["update", "patch"]),
        ("", "events", &["create", "update", "patch"]),
        ("events.k8s.io", "events", &["create", "update", "patch"]),
        ("", "pods", &["get", "list", "watch", "create", "delete"]),
        ("", "pods/status", &["update", "patch"]),
        ("", "pods/eviction", &["create"]),
        (
            "certificates.k8s.io",
            "certificatesigningrequests",
            &["create", "get", "list", "watch"],
        ),
        (
            "certificates.k8s.io",
            "certificatesigningrequests/selfnodeclient",
            &["create"],
        ),
        ("node.k8s.io", "runtimeclasses", &["get", "list", "watch"]),
        ("storage.k8s.io", "csidrivers", &["get", "list", "watch"]),
        ("", "endpoints", &["get"]),
    ];
    let list = |text: &str| text.split(' ').map(str::to_owned).collect();
    rows.iter()
        .map(|(group, resources, verbs)| Rule {
            verbs: verbs.iter().map(|&verb| verb.to_owned()).collect(),
            api_groups: vec![(*group).to_owned()],
            resources: list(resources),
            ..Rule::default()
        })
        .collect()
});

pub(super) async fn decide(api: &Api, node: &str, asked: &Attributes) -> Result<Decision, ApiError> {
    if asked.path.is_some() {
        return Ok(no_opinion(""));
    }
    let reading = matches!(asked.verb.as_str(), "get" | "list" | "watch");
    let ok = match (
        asked.group.as_str(),
        asked.resource.as_str(),
        asked.subresource.as_str(),
    ) {
        ("", "secrets" | "configmaps" | "persistentvolumeclaims", "") => {
            if !reading || asked.name.is_empty() {
                return Ok(no_opinion("can only read resources of this type by name"));
            }
            referenced(api, node, asked).await?
        }
        ("", "persistentvolumes", "") => reading && !asked.name.is_empty(),
        ("", "serviceaccounts", "token") => asked.verb == "create" && referenced(api, node, asked).await?,
        ("", "serviceaccounts", "") => asked.verb == "get" && referenced(api, node, asked).await?,
        ("coordination.k8s.io", "leases", "") => {
            asked.namespace == "kube-node-lease"
                && (asked.name == node || (asked.name.is_empty() && asked.verb == "create"))
                && matches!(asked.verb.as_str(), "get" | "create" | "update" | "patch" | "delete")
        }
        ("storage.k8s.io", "csinodes", "") => asked.name == node || (asked.name.is_empty() && asked.verb == "create"),
        ("storage.k8s.io", "volumeattachments", "") => asked.verb == "get",
        _ => RULES.iter().any(|rule| rule.allows(asked)),
    };
    if ok {
        return Ok(Decision::Allow(String::new()));
    }
    Ok(no_opinion(&format!(
        "no relationship found between node '{node}' and this object"
    )))
}

fn no_opinion(why: &str) -> Decision {
    Decision::NoOpinion(why.to_owned())
}

/// True if a pod on the node refers to the object.
async fn referenced(api: &Api, node: &str, asked: &Attributes) -> Result<bool, ApiError> {
    if asked.namespace.is_empty() || asked.name.is_empty() {
        return Ok(false);
    }
    let prefix = format!("{}{}/", crate::storage::collection("", "pods"), asked.namespace);
    let pods = api
        .store
        .range(store::RangeQuery {
            prefix: &prefix,
            ..store::RangeQuery::default()
        })
        .await?;
    for entry in pods
        .entries
        .iter()
        .filter(|entry| Header::of(entry).field("spec.nodeName") == Some(node))
    {
        let pod = crate::storage::parse(entry)?;
        if refers(&pod, &asked.resource, &asked.name) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Searches the pod's spec for a reference of the kind that names the object.
fn refers(pod: &Value, resource: &str, name: &str) -> bool {
    if resource == "serviceaccounts" {
        return text_at(pod, "spec.serviceAccountName") == name;
    }
    pod.get("spec").is_some_and(|spec| mentions(spec, resource, name))
}

fn mentions(value: &Value, resource: &str, name: &str) -> bool {
    let names = |field: &Value, key: &str| field.get(key).and_then(Value::as_str) == Some(name);
    match value {
        Value::Array(items) => items.iter().any(|item| mentions(item, resource, name)),
        Value::Object(fields) => fields.iter().any(|(field, inner)| {
            let here = match (resource, field.as_str()) {
                ("secrets", "secret") => names(inner, "secretName") || names(inner, "name"),
                ("secrets", "imagePullSecrets") => inner
                    .as_array()
                    .is_some_and(|list| list.iter().any(|item| names(item, "name"))),
                ("secrets", "secretRef" | "secretKeyRef")
                | ("configmaps", "configMap" | "configMapRef" | "configMapKeyRef") => names(inner, "name"),
                ("persistentvolumeclaims", "persistentVolumeClaim") => names(inner, "claimName"),
                _ => false,
            };
            here || mentions(inner, resource, name)
        }),
        _ => false,
    }
}

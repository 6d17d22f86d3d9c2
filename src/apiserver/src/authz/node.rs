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
        ("", "persistentvolumeclaims", "status") => {
            matches!(asked.verb.as_str(), "get" | "update" | "patch") && referenced(api, node, asked).await?
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
    let pods = pods_of(api, node, Some(&asked.namespace)).await?;
    if pods.iter().any(|pod| refers(pod, &asked.resource, &asked.name)) {
        return Ok(true);
    }
    Ok(asked.resource == "secrets" && mounts_with(api, node, &asked.namespace, &asked.name).await?)
}

/// The pods on the node, in one namespace or all.
async fn pods_of(api: &Api, node: &str, namespace: Option<&str>) -> Result<Vec<Value>, ApiError> {
    let collection = crate::storage::collection("", "pods");
    let prefix = namespace.map_or_else(|| collection.clone(), |namespace| format!("{collection}{namespace}/"));
    let query = store::RangeQuery::all(&prefix);
    let pods = api.store.range(query).await?;
    let own = pods
        .entries
        .iter()
        .filter(|entry| Header::of(entry).field("spec.nodeName") == Some(node));
    own.map(|entry| crate::storage::parse(entry)).collect()
}

/// True if a volume of a pod on the node is mounted with the secret: volumes name secrets of any namespace.
async fn mounts_with(api: &Api, node: &str, namespace: &str, secret: &str) -> Result<bool, ApiError> {
    for pod in pods_of(api, node, None).await? {
        let own = text_at(&pod, "metadata.namespace");
        for claim in claims(&pod) {
            let claim = api.peek("", "persistentvolumeclaims", &own, &claim).await?;
            let volume = claim
                .map(|claim| text_at(&claim, "spec.volumeName"))
                .unwrap_or_default();
            if volume.is_empty() {
                continue;
            }
            let volume = api.peek("", "persistentvolumes", "", &volume).await?;
            let source = volume.as_ref().and_then(|volume| volume.pointer("/spec/csi"));
            let mut references = ["nodeStageSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"]
                .into_iter()
                .filter_map(|field| source?.get(field));
            if references.any(|found| text_at(found, "name") == secret && text_at(found, "namespace") == namespace) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Names of the claims that the pod uses.
fn claims(pod: &Value) -> Vec<String> {
    let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array);
    let claim = |volume: &Value| {
        let named = text_at(volume, "persistentVolumeClaim.claimName");
        if volume.get("ephemeral").is_some() {
            Some(format!("{}-{}", text_at(pod, "metadata.name"), text_at(volume, "name")))
        } else {
            Some(named).filter(|name| !name.is_empty())
        }
    };
    volumes.into_iter().flatten().filter_map(claim).collect()
}

/// Searches the pod's spec for a reference of the kind that names the object.
fn refers(pod: &Value, resource: &str, name: &str) -> bool {
    if resource == "serviceaccounts" {
        return text_at(pod, "spec.serviceAccountName") == name;
    }
    if resource == "persistentvolumeclaims" {
        return claims(pod).iter().any(|claim| claim == name);
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
                ("secrets", "secretRef" | "secretKeyRef" | "nodePublishSecretRef")
                | ("configmaps", "configMap" | "configMapRef" | "configMapKeyRef") => names(inner, "name"),
                _ => false,
            };
            here || mentions(inner, resource, name)
        }),
        _ => false,
    }
}

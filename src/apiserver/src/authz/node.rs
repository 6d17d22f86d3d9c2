//! The Node authorizer: what a kubelet may do is bound to the pods on its node.

use std::sync::LazyLock;

use serde_json::Value;

use super::rbac::Rule;
use super::{Attributes, Decision};
use crate::object::{Object as _, text_at};
use crate::storage::Header;
use crate::{Api, ApiError, references};

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
        ("", "events", &["create", "update", "patch"]),
        ("events.k8s.io", "events", &["create", "update", "patch"]),
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
    if asked.path.is_some() || node.is_empty() {
        return Ok(no_opinion(""));
    }
    let verb = asked.verb.as_str();
    let reading = matches!(verb, "get" | "list" | "watch");
    let writing = matches!(verb, "update" | "patch");
    let ok = match (
        asked.group.as_str(),
        asked.resource.as_str(),
        asked.subresource.as_str(),
    ) {
        // upstream's kubelets get claims only, ours watches those of its pods by name, as the others
        ("", "secrets" | "configmaps" | "persistentvolumeclaims", "") => {
            if !reading || asked.name.is_empty() {
                return Ok(no_opinion("can only read resources of this type by name"));
            }
            referenced(api, node, asked).await?
        }
        ("", "persistentvolumes" | "serviceaccounts", "") | ("storage.k8s.io", "volumeattachments", "") => {
            if verb != "get" || asked.name.is_empty() {
                return Ok(no_opinion("can only get individual resources of this type"));
            }
            match asked.resource.as_str() {
                "persistentvolumes" => {
                    let volume = api.peek("", "persistentvolumes", "", &asked.name).await?;
                    match volume {
                        Some(volume) => is_mounted(&pods_of(api, node, None).await?, &volume),
                        None => false,
                    }
                }
                "volumeattachments" => {
                    let attachment = api.peek("storage.k8s.io", "volumeattachments", "", &asked.name).await?;
                    attachment.is_some_and(|attachment| text_at(&attachment, "spec.nodeName") == node)
                }
                _ => referenced(api, node, asked).await?,
            }
        }
        ("", "persistentvolumeclaims", "status") => writing && referenced(api, node, asked).await?,
        ("", "serviceaccounts", "token") => verb == "create" && referenced(api, node, asked).await?,
        ("coordination.k8s.io", "leases", "") => {
            asked.namespace == "kube-node-lease" && (verb == "create" || (is_own(verb) && asked.name == node))
        }
        ("storage.k8s.io", "csinodes", "") => verb == "create" || (is_own(verb) && asked.name == node),
        // which of them may be written NodeRestriction knows
        ("", "nodes", "") => verb == "create" || writing || (reading && asked.name == node),
        ("", "pods", "") => match verb {
            "create" | "delete" => true,
            "list" | "watch" if asked.selects("spec.nodeName", node) => true,
            "get" | "list" | "watch" => runs(api, node, asked).await?,
            _ => false,
        },
        ("", "nodes" | "pods", "status") => writing,
        ("", "pods", "eviction") => verb == "create",
        _ => RULES.iter().any(|rule| rule.allows(asked)),
    };
    if ok {
        return Ok(Decision::Allow(String::new()));
    }
    Ok(no_opinion(&format!(
        "no relationship found between node '{node}' and this object"
    )))
}

/// What a kubelet may do with the object that has its own name.
fn is_own(verb: &str) -> bool {
    matches!(verb, "get" | "update" | "patch" | "delete")
}

fn no_opinion(why: &str) -> Decision {
    Decision::NoOpinion(why.to_owned())
}

/// True if the pod is on the node.
async fn runs(api: &Api, node: &str, asked: &Attributes) -> Result<bool, ApiError> {
    if asked.namespace.is_empty() || asked.name.is_empty() {
        return Ok(false);
    }
    let found = api.peek_entry("", "pods", &asked.namespace, &asked.name).await?;
    Ok(found.is_some_and(|entry| Header::of(&entry).field("spec.nodeName") == Some(node)))
}

/// True if a pod on the node refers to the object. Mirrors give no rights: it is the node itself that makes them.
async fn referenced(api: &Api, node: &str, asked: &Attributes) -> Result<bool, ApiError> {
    if asked.namespace.is_empty() || asked.name.is_empty() {
        return Ok(false);
    }
    let pods = pods_of(api, node, Some(&asked.namespace)).await?;
    if pods
        .iter()
        .any(|pod| references::refers(pod, &asked.resource, &asked.name))
    {
        return Ok(true);
    }
    Ok(asked.resource == "secrets" && mounts_with(api, node, &asked.namespace, &asked.name).await?)
}

/// The pods on the node that are no mirrors, in one namespace or all.
async fn pods_of(api: &Api, node: &str, namespace: Option<&str>) -> Result<Vec<Value>, ApiError> {
    let collection = crate::storage::collection("", "pods");
    let prefix = namespace.map_or_else(|| collection.clone(), |namespace| format!("{collection}{namespace}/"));
    let query = store::RangeQuery::all(&prefix);
    let pods = api.store.range(query).await?;
    let own = pods
        .entries
        .iter()
        .filter(|entry| Header::of(entry).field("spec.nodeName") == Some(node));
    let mut parsed = Vec::new();
    for entry in own {
        let pod = crate::storage::parse(entry)?;
        if !references::is_mirror(&pod) {
            parsed.push(pod);
        }
    }
    Ok(parsed)
}

/// True if one of the pods uses the claim that the volume is bound to.
fn is_mounted(pods: &[Value], volume: &Value) -> bool {
    let (namespace, claim) = (
        text_at(volume, "spec.claimRef.namespace"),
        text_at(volume, "spec.claimRef.name"),
    );
    let mut own = pods.iter().filter(|pod| pod.namespace() == namespace);
    own.any(|pod| references::claims(pod).contains(&claim))
}

/// True if a volume of a pod on the node is mounted with the secret: volumes name secrets of any namespace.
async fn mounts_with(api: &Api, node: &str, namespace: &str, secret: &str) -> Result<bool, ApiError> {
    let pods = pods_of(api, node, None).await?;
    for pod in &pods {
        for claim in references::claims(pod) {
            let claim = api.peek("", "persistentvolumeclaims", pod.namespace(), &claim).await?;
            let volume = claim
                .map(|claim| text_at(&claim, "spec.volumeName"))
                .unwrap_or_default();
            if volume.is_empty() {
                continue;
            }
            let Some(volume) = api.peek("", "persistentvolumes", "", &volume).await? else {
                continue;
            };
            let source = volume.pointer("/spec/csi");
            let mut references = ["nodeStageSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"]
                .into_iter()
                .filter_map(|field| source?.get(field));
            let named =
                references.any(|found| text_at(found, "name") == secret && text_at(found, "namespace") == namespace);
            // a claim may name any volume before the volume names the claim
            if named && is_mounted(&pods, &volume) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

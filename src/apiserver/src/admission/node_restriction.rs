//! NodeRestriction: a kubelet changes its own node and the pods bound to it, and no labels that isolate workloads.

use serde_json::Value;

use super::Operation;
use crate::object::{Object as _, text_at};
use crate::registry::Call;
use crate::{ApiError, storage};

const RESTRICTED: &str = "node-restriction.kubernetes.io/";

pub(super) async fn check(
    call: &Call<'_>,
    operation: Operation,
    object: &Value,
    old: Option<&Value>,
) -> Result<(), ApiError> {
    let Some(node) = call.user.node_name() else {
        return Ok(());
    };
    let refuse = |why: String| Err(ApiError::forbidden(call.subject(), object.name(), why));
    match (call.resource.group, call.resource.plural) {
        ("", "nodes") => {
            if object.name() != node {
                return refuse(format!(
                    "node \"{node}\" is not allowed to modify node \"{}\"",
                    object.name()
                ));
            }
            if operation == Operation::Update && call.info.subresource.is_empty() {
                let old = old.unwrap_or(&Value::Null);
                if object["spec"]["taints"] != old["spec"]["taints"] {
                    return refuse(format!("node \"{node}\" is not allowed to modify taints"));
                }
            }
            let before = |key: &str| {
                old.and_then(|old| old.labels().find(|label| label.0 == key))
                    .map(|label| label.1)
            };
            let changed = object.labels().find(|(key, value)| {
                let prefix = key.split('/').next().unwrap_or_default();
                let restricted = prefix == RESTRICTED.trim_end_matches('/')
                    || prefix.ends_with(&format!(".{}", RESTRICTED.trim_end_matches('/')));
                restricted && before(key) != Some(value)
            });
            match changed {
                Some((key, _)) => refuse(format!("node \"{node}\" is not allowed to modify labels: {key}")),
                None => Ok(()),
            }
        }
        ("", "pods") => {
            let bound = text_at(old.unwrap_or(object), "spec.nodeName");
            let mirror = object
                .pointer("/metadata/annotations/kubernetes.io~1config.mirror")
                .is_some();
            match operation {
                _ if bound != node => refuse(format!(
                    "node \"{node}\" can only act on pods with spec.nodeName set to itself"
                )),
                Operation::Create if call.info.subresource.is_empty() && !mirror => refuse(format!(
                    "pod does not have \"kubernetes.io/config.mirror\" annotation, node \"{node}\" can only create mirror pods"
                )),
                _ => Ok(()),
            }
        }
        ("coordination.k8s.io", "leases") if object.namespace() != "kube-node-lease" || object.name() != node => {
            refuse(format!("node \"{node}\" may only access its own lease"))
        }
        ("", "serviceaccounts") if call.info.subresource == "token" => token(call, node).await,
        _ => Ok(()),
    }
}

/// A kubelet gets tokens only for pods on its own node.
async fn token(call: &Call<'_>, node: &str) -> Result<(), ApiError> {
    let prefix = format!("{}{}/", storage::collection("", "pods"), call.namespace());
    let pods = call.api.store.range(store::RangeQuery::all(&prefix)).await?;
    let uses = pods
        .entries
        .iter()
        .map(|entry| storage::Header::of(entry))
        .any(|header| {
            header.field("spec.nodeName") == Some(node)
                && header.field("spec.serviceAccountName") == Some(&call.info.name)
        });
    if uses {
        Ok(())
    } else {
        Err(ApiError::forbidden(
            call.subject(),
            &call.info.name,
            format!("node \"{node}\" runs no pod of this service account"),
        ))
    }
}

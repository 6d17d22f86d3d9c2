//! NodeRestriction: a kubelet changes its own node and what runs there, and nothing that would bring it more to run or to read.

use serde_json::Value;

use super::{Operation, node_labels};
use crate::authz::{self, Attributes, Decision};
use crate::object::{Object as _, text_at};
use crate::registry::Call;
use crate::{ApiError, references};

pub(super) async fn check(
    call: &Call<'_>,
    operation: Operation,
    object: &Value,
    old: Option<&Value>,
) -> Result<(), ApiError> {
    let Some(node) = call.user.node_name() else {
        return Ok(());
    };
    let outcome = match (call.resource.group, call.resource.plural) {
        _ if node.is_empty() => Err(format!("could not determine node from user {:?}", call.user.name)),
        ("", "nodes") => own_node(node, operation, object, old),
        ("", "pods") => match (operation, call.info.subresource.as_str()) {
            (Operation::Create, "") => mirror(call, node, object).await?,
            (Operation::Delete, _) => bound(node, old.unwrap_or(object), "delete pods"),
            (Operation::Update, "status") => status(node, object, old.unwrap_or(&Value::Null)),
            (Operation::Update, "") => Err(format!("node {node:?} can only create and delete mirror pods")),
            (_, other) => Err(format!(
                "unexpected pod subresource {other:?}, only 'status' and 'eviction' are allowed"
            )),
        },
        ("", "persistentvolumeclaims") => claim_status(call, node, object, old.unwrap_or(&Value::Null)),
        ("coordination.k8s.io", "leases") if object.namespace() != "kube-node-lease" => {
            Err("can only access leases in the \"kube-node-lease\" system namespace".to_owned())
        }
        ("coordination.k8s.io", "leases") => named(node, object, "node lease"),
        ("storage.k8s.io", "csinodes") => named(node, object, "CSINode"),
        ("certificates.k8s.io", "certificatesigningrequests") if operation == Operation::Create => {
            request(call, object)
        }
        _ => Ok(()),
    };
    outcome.map_err(|why| ApiError::forbidden(call.subject(), object.name(), why))
}

/// Refused, with the reason.
type Outcome = Result<(), String>;

fn named(node: &str, object: &Value, what: &str) -> Outcome {
    if object.name() == node {
        return Ok(());
    }
    Err(format!(
        "can only access {what} with the same name as the requesting node"
    ))
}

fn bound(node: &str, pod: &Value, what: &str) -> Outcome {
    if text_at(pod, "spec.nodeName") == node {
        return Ok(());
    }
    Err(format!(
        "node {node:?} can only {what} with spec.nodeName set to itself"
    ))
}

/// A kubelet evicts only what runs on its own node. This is asked before a budget is spent.
pub(crate) fn eviction(call: &Call<'_>, pod: &Value) -> Result<(), ApiError> {
    let Some(node) = call.user.node_name() else {
        return Ok(());
    };
    bound(node, pod, "evict pods").map_err(|why| ApiError::forbidden(call.subject(), &call.info.name, why))
}

fn own_node(node: &str, operation: Operation, object: &Value, old: Option<&Value>) -> Outcome {
    if object.name() != node {
        return Err(format!(
            "node {node:?} is not allowed to modify node {:?}",
            object.name()
        ));
    }
    if operation == Operation::Delete {
        return Ok(());
    }
    let source = &object["spec"]["configSource"];
    if !source.is_null() && old.is_none_or(|old| old["spec"]["configSource"] != *source) {
        return Err(format!("node {node:?} is not allowed to set a configSource"));
    }
    if let Some(old) = old {
        for (field, name) in [
            ("/spec/taints", "taints"),
            ("/metadata/ownerReferences", "ownerReferences"),
        ] {
            if list(object, field) != list(old, field) {
                return Err(format!("node {node:?} is not allowed to modify {name}"));
            }
        }
    }
    let forbidden = node_labels::forbidden(object, old);
    if forbidden.is_empty() {
        return Ok(());
    }
    let what = if old.is_some() {
        "is not allowed to modify labels".to_owned()
    } else {
        format!("node {node:?} is not allowed to set the following labels")
    };
    Err(format!("{what}: {}", forbidden.join(", ")))
}

/// A list, which is the same whether it is empty or missing.
fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A mirror belongs to the node that it is made by, and reads nothing.
async fn mirror(call: &Call<'_>, node: &str, pod: &Value) -> Result<Outcome, ApiError> {
    if !references::is_mirror(pod) {
        return Ok(Err(format!(
            "pod does not have \"kubernetes.io/config.mirror\" annotation, node {node:?} can only create mirror pods"
        )));
    }
    if let refused @ Err(_) = bound(node, pod, "create pods") {
        return Ok(refused);
    }
    let [owner] = list(pod, "/metadata/ownerReferences") else {
        return Ok(Err(format!(
            "node {node:?} can only create pods with a single owner reference set to itself"
        )));
    };
    if owner["apiVersion"] != "v1" || owner["kind"] != "Node" || owner["name"] != node {
        return Ok(Err(format!(
            "node {node:?} can only create pods with an owner reference set to itself"
        )));
    }
    if owner["controller"] != true {
        return Ok(Err(format!(
            "node {node:?} can only create pods with a controller owner reference set to itself"
        )));
    }
    if owner["blockOwnerDeletion"] == true {
        return Ok(Err(format!(
            "node {node:?} must not set blockOwnerDeletion on an owner reference"
        )));
    }
    let subject = crate::Subject {
        group: "",
        resource: "nodes",
    };
    let own = call.api.peek("", "nodes", "", node).await?;
    let own = own.ok_or_else(|| ApiError::not_found(subject, node))?;
    if owner["uid"] != own.uid() {
        return Ok(Err(format!(
            "node {node} UID mismatch: expected {} got {}",
            text_at(owner, "uid"),
            own.uid()
        )));
    }
    Ok(match references::of_any(pod) {
        Some(what) => Err(format!("node {node:?} can not create pods that reference {what}")),
        None => Ok(()),
    })
}

fn status(node: &str, pod: &Value, old: &Value) -> Outcome {
    bound(node, old, "update pod status for pods")?;
    if !pod.labels().eq(old.labels()) {
        return Err(format!("node {node:?} cannot update labels through pod status"));
    }
    if list(pod, "/status/resourceClaimStatuses") != list(old, "/status/resourceClaimStatuses") {
        return Err(format!("node {node:?} cannot update resource claim statues"));
    }
    if pod["status"]["extendedResourceClaimStatus"] != old["status"]["extendedResourceClaimStatus"] {
        return Err(format!("node {node:?} cannot update extended resource claim status"));
    }
    Ok(())
}

/// A node says how large the volume of a claim has become, and nothing else.
fn claim_status(call: &Call<'_>, node: &str, claim: &Value, old: &Value) -> Outcome {
    if call.info.subresource != "status" {
        return Err("may only update PVC status".to_owned());
    }
    let rest = |claim: &Value| {
        let mut claim = claim.clone();
        for field in ["resourceVersion", "managedFields"] {
            claim.remove_meta(field);
        }
        let status = crate::object::child(&mut claim, "status");
        for field in [
            "capacity",
            "conditions",
            "allocatedResources",
            "allocatedResourceStatuses",
        ] {
            status.remove(field);
        }
        claim
    };
    if rest(claim) == rest(old) {
        return Ok(());
    }
    Err(format!(
        "node {node:?} is not allowed to update fields other than status.quantity and status.conditions"
    ))
}

/// The certificates that make a node out of whoever holds them name the node that asks.
fn request(call: &Call<'_>, request: &Value) -> Outcome {
    let signer = text_at(request, "spec.signerName");
    if !matches!(
        signer.as_str(),
        "kubernetes.io/kubelet-serving" | "kubernetes.io/kube-apiserver-client-kubelet"
    ) {
        return Ok(());
    }
    let named = crate::codec::common_name(request).map_err(|why| format!("unable to parse csr: {why}"))?;
    if named == call.user.name {
        return Ok(());
    }
    Err(format!("can only create a node CSR with CN={}", call.user.name))
}

/// A kubelet gets tokens only for the pods on its own node, and only such as they ask for.
pub(crate) async fn token(call: &Call<'_>, review: &Value) -> Result<(), ApiError> {
    let Some(node) = call.user.node_name() else {
        return Ok(());
    };
    let refuse = |why: String| Err(ApiError::forbidden(call.subject(), &call.info.name, why));
    let reference = &review["spec"]["boundObjectRef"];
    let (name, uid) = (text_at(reference, "name"), text_at(reference, "uid"));
    if reference["apiVersion"] != "v1" || reference["kind"] != "Pod" || name.is_empty() {
        return refuse("node requested token not bound to a pod".to_owned());
    }
    if uid.is_empty() {
        return refuse("node requested token with a pod binding without a uid".to_owned());
    }
    let subject = crate::Subject {
        group: "",
        resource: "pods",
    };
    let pod = call.api.peek("", "pods", call.namespace(), &name).await?;
    let pod = pod.ok_or_else(|| ApiError::not_found(subject, &name))?;
    if uid != pod.uid() {
        return refuse(format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
        ));
    }
    if text_at(&pod, "spec.nodeName") != node {
        return refuse("node requested token bound to a pod scheduled on a different node".to_owned());
    }
    let audience = match list(review, "/spec/audiences") {
        [] => String::new(),
        [only] => only.as_str().unwrap_or_default().to_owned(),
        _ => return refuse("node may only request 0 or 1 audiences".to_owned()),
    };
    if asks_for(call, &pod, &audience).await? {
        return Ok(());
    }
    let asked = Attributes {
        verb: "request-serviceaccounts-token-audience".to_owned(),
        resource: audience.clone(),
        namespace: call.namespace().to_owned(),
        name: call.info.name.clone(),
        ..Attributes::default()
    };
    match authz::decide(call.api, call.user, &asked).await? {
        Decision::Allow(_) => Ok(()),
        Decision::NoOpinion(_) => refuse(format!(
            "audience {audience:?} not found in pod spec volume, {} is not authorized to request tokens for this audience",
            call.user.name
        )),
    }
}

/// True if a volume of the pod wants tokens for the audience: by itself, or by its driver.
async fn asks_for(call: &Call<'_>, pod: &Value, audience: &str) -> Result<bool, ApiError> {
    for volume in references::volumes(pod) {
        let mut projected = list(volume, "/projected/sources").iter();
        if projected.any(|source| {
            source.get("serviceAccountToken").is_some() && text_at(source, "serviceAccountToken.audience") == audience
        }) {
            return Ok(true);
        }
        let driver = match references::claim(pod, volume) {
            None => text_at(volume, "csi.driver"),
            Some(claim) => driver_of(call, &claim).await?,
        };
        if driver.is_empty() {
            continue;
        }
        let found = call.api.peek("storage.k8s.io", "csidrivers", "", &driver).await?;
        let wanted = found
            .as_ref()
            .map_or(&[][..], |found| list(found, "/spec/tokenRequests"));
        if wanted.iter().any(|wanted| text_at(wanted, "audience") == audience) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The driver of the volume that the claim is bound to; empty if there is none.
async fn driver_of(call: &Call<'_>, claim: &str) -> Result<String, ApiError> {
    let claim = call
        .api
        .peek("", "persistentvolumeclaims", call.namespace(), claim)
        .await?;
    let name = claim
        .map(|claim| text_at(&claim, "spec.volumeName"))
        .unwrap_or_default();
    if name.is_empty() {
        return Ok(name);
    }
    let volume = call.api.peek("", "persistentvolumes", "", &name).await?;
    Ok(volume
        .map(|volume| text_at(&volume, "spec.csi.driver"))
        .unwrap_or_default())
}

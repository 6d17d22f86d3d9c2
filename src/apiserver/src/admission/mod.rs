//! Admission: what the server adds to objects and what it refuses, one plugin per file.

mod certificates;
mod limit_ranger;
mod node_labels;
mod node_restriction;
mod pods;
mod quota;
mod rbac_escalation;
mod runtime_class;
mod service_account;
mod storage;

pub(crate) use node_restriction::{eviction as node_eviction, token as node_token};
pub(crate) use quota::{Charge, Turns, charge};
use serde_json::Value;

use crate::object::Object as _;
use crate::registry::Call;
use crate::trace::Plugin;
use crate::{ApiError, Subject};

/// What happens to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Update,
    Delete,
}

/// Lets a plugin work, and notes for whoever traces what it did.
macro_rules! plugin {
    ($name:literal, $call:expr, $object:expr, $work:expr) => {{
        let watch = Plugin::begin($call.span, $object);
        let result = $work;
        watch.end($name, $object, &result);
        result?;
    }};
}

/// Plugins that may change the object, in upstream's order.
pub(crate) async fn mutate(
    call: &Call<'_>,
    operation: Operation,
    object: &mut Value,
    old: Option<&Value>,
) -> Result<(), ApiError> {
    if operation == Operation::Create && call.resource.namespaced {
        plugin!(
            "NamespaceLifecycle",
            call,
            object,
            namespace_lifecycle(call, object).await
        );
    }
    if call.user.node_name().is_some() {
        let work = node_restriction::check(call, operation, object, old);
        plugin!("NodeRestriction", call, object, work.await);
    }
    if operation == Operation::Update && is_pod(call) {
        pods::tolerate(object);
    }
    if operation == Operation::Create && call.resource.group.is_empty() {
        match call.resource.plural {
            "pods" if call.info.subresource.is_empty() => {
                plugin!("LimitRanger", call, object, limit_ranger::admit(call, object).await);
                plugin!(
                    "ServiceAccount",
                    call,
                    object,
                    service_account::admit(call, object).await
                );
                plugin!("Priority", call, object, pods::admit(call, object).await);
                plugin!("RuntimeClass", call, object, runtime_class::admit(call, object).await);
            }
            "persistentvolumeclaims" => {
                plugin!("DefaultStorageClass", call, object, storage::claim(call, object).await);
            }
            "persistentvolumes" => storage::volume(object),
            _ => {}
        }
    }
    Ok(())
}

/// The pod itself, not one of its subresources.
fn is_pod(call: &Call<'_>) -> bool {
    call.resource.group.is_empty() && call.resource.plural == "pods" && call.info.subresource.is_empty()
}

/// Plugins that only look.
pub(crate) async fn validate(
    call: &Call<'_>,
    operation: Operation,
    object: &Value,
    old: Option<&Value>,
) -> Result<(), ApiError> {
    if call.resource.group == "rbac.authorization.k8s.io" && operation != Operation::Delete {
        plugin!(
            "RBACEscalation",
            call,
            object,
            rbac_escalation::check(call, object, old).await
        );
    }
    if call.resource.plural == "certificatesigningrequests" {
        plugin!(
            "CertificateApproval",
            call,
            object,
            certificates::check(call, operation, object, old).await
        );
    }
    if call.resource.group.is_empty() && call.info.subresource.is_empty() {
        match (call.resource.plural, operation) {
            ("pods", Operation::Create) | ("persistentvolumeclaims", Operation::Create | Operation::Update) => {
                plugin!("LimitRanger", call, object, limit_ranger::check(call, object).await);
            }
            _ => {}
        }
    }
    if let ("", "persistentvolumeclaims", "", Some(old)) = (
        call.resource.group,
        call.resource.plural,
        call.info.subresource.as_str(),
        old,
    ) && operation == Operation::Update
    {
        let work = storage::resize(call, object, old);
        plugin!("PersistentVolumeClaimResize", call, object, work.await);
    }
    if operation == Operation::Delete {
        node_restriction::check(call, operation, object, old).await?;
        if call.resource.plural == "namespaces" && matches!(object.name(), "default" | "kube-system" | "kube-public") {
            let subject = Subject {
                group: "",
                resource: "namespaces",
            };
            return Err(ApiError::forbidden(
                subject,
                object.name(),
                "this namespace may not be deleted",
            ));
        }
    }
    Ok(())
}

/// Nothing new comes into a namespace that does not exist or is going.
async fn namespace_lifecycle(call: &Call<'_>, object: &Value) -> Result<(), ApiError> {
    let name = call.namespace();
    let namespace = call.api.peek("", "namespaces", "", name).await?;
    let Some(namespace) = namespace else {
        return Err(ApiError::not_found(
            Subject {
                group: "",
                resource: "namespaces",
            },
            name,
        ));
    };
    if namespace.is_deleting() {
        let why = format!("unable to create new content in namespace {name} because it is being terminated");
        let mut error = ApiError::forbidden(call.subject(), object.name(), why);
        let cause = serde_json::json!({"reason": "NamespaceTerminating", "message": format!("namespace {name} is being terminated"), "field": "metadata.namespace"});
        if let Some(details) = &mut error.details {
            details["causes"] = vec![cause].into();
        }
        return Err(error);
    }
    Ok(())
}

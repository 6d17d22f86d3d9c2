//! Admission: what the server adds to objects and what it refuses, one plugin per file.

mod limit_ranger;
mod node_restriction;
mod pods;
mod quota;
mod rbac_escalation;
mod runtime_class;
mod service_account;
mod storage;

pub(crate) use quota::{Charge, Turns, charge};
use serde_json::Value;

use crate::object::Object as _;
use crate::registry::Call;
use crate::{ApiError, Subject};

/// What happens to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Update,
    Delete,
}

/// Plugins that may change the object, in upstream's order.
pub(crate) async fn mutate(
    call: &Call<'_>,
    operation: Operation,
    object: &mut Value,
    old: Option<&Value>,
) -> Result<(), ApiError> {
    namespace_lifecycle(call, operation, object).await?;
    node_restriction::check(call, operation, object, old).await?;
    if operation == Operation::Update && is_pod(call) {
        pods::tolerate(object);
    }
    if operation == Operation::Create && call.resource.group.is_empty() {
        match call.resource.plural {
            "pods" if call.info.subresource.is_empty() => {
                limit_ranger::admit(call, object).await?;
                service_account::admit(call, object).await?;
                pods::admit(call, object).await?;
                runtime_class::admit(call, object).await?;
            }
            "persistentvolumeclaims" => storage::claim(call, object).await?,
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
        rbac_escalation::check(call, object, old)?;
    }
    if call.resource.group.is_empty() && call.info.subresource.is_empty() {
        match (call.resource.plural, operation) {
            ("pods", Operation::Create) | ("persistentvolumeclaims", Operation::Create | Operation::Update) => {
                limit_ranger::check(call, object).await?;
            }
            _ => {}
        }
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
async fn namespace_lifecycle(call: &Call<'_>, operation: Operation, object: &Value) -> Result<(), ApiError> {
    if operation != Operation::Create || !call.resource.namespaced {
        return Ok(());
    }
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

//! Defaults and validation, and how their findings are reported.

use machinery::field::{FieldError, aggregate};
use machinery::validation;
use schema::Type;
use serde_json::{Value, json};

use crate::ApiError;
use crate::object::Object as _;
use crate::registry::Call;

pub(crate) fn default(object: &mut Value, ty: &'static Type) {
    machinery::defaults::apply(object, ty);
}

/// Refuses an invalid object with everything that is wrong with it.
pub(crate) fn validate(call: &Call<'_>, object: &Value, old: Option<&Value>) -> Result<(), ApiError> {
    let resource = call.resource;
    // these change one part each, which `prepare_update` sees to; the rules for updates of the whole forbid it
    let parts = ["binding", "resize", "approval", "finalize"];
    if call.info.resource == "bindings" || parts.contains(&call.info.subresource.as_str()) {
        return Ok(());
    }
    let (group, kind) = (resource.group, resource.kind);
    let errors = match old {
        Some(old) if call.info.subresource == "ephemeralcontainers" => {
            validation::validate_ephemeral_containers(object, old)
        }
        None => validation::validate_create(group, kind, resource.namespaced, object),
        Some(old) => validation::validate_update(group, kind, object, old),
    };
    if errors.is_empty() {
        return Ok(());
    }
    let cause = |error: &FieldError| json!({"reason": error.kind.reason(), "message": error.body(), "field": error.path.to_string()});
    let causes = errors.iter().map(cause).collect();
    Err(ApiError::invalid(
        call.kind(),
        object.name(),
        &aggregate(&errors),
        causes,
    ))
}

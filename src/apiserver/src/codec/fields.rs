//! Who owns which fields: server-side apply, and `managedFields` for every other write.

use std::sync::LazyLock;

use jiff::Timestamp;
use machinery::ssa::{self, ApplyError, Schema, Set, Writer};
use serde_json::{Value, json};

use crate::registry::{Call, Part, kept_by_status};
use crate::{ApiError, convert};

/// What a write to the object itself cannot change.
static MAIN_RESETS: LazyLock<Set> = LazyLock::new(|| Set::of_fields(&[&["status"]]));
static SPEC_RESETS: LazyLock<Set> = LazyLock::new(|| Set::of_fields(&[&["spec"]]));
static LABEL_RESETS: LazyLock<Set> = LazyLock::new(|| Set::of_fields(&[&["spec"], &["metadata", "labels"]]));
static META_RESETS: LazyLock<Set> = LazyLock::new(|| Set::of_fields(&[&["spec"], &["metadata"]]));
/// What a write to a pod's status cannot change.
static STATUS_RESETS: LazyLock<Set> = LazyLock::new(|| {
    Set::of_fields(&[
        &["spec"],
        &["metadata", "deletionTimestamp"],
        &["metadata", "ownerReferences"],
    ])
});
static NO_RESETS: LazyLock<Set> = LazyLock::new(|| Set::of_fields(&[]));

fn writer<'a>(call: &Call<'a>, api_version: &'a str) -> Writer<'a> {
    let ignored: &'static Set = match Part::of(&call.info.subresource) {
        Part::Main if call.resource.subresource("status").is_some() => &MAIN_RESETS,
        Part::Status => match kept_by_status(call.resource) {
            [] => &SPEC_RESETS,
            ["labels"] => &LABEL_RESETS,
            ["ownerReferences"] => &STATUS_RESETS,
            _ => &META_RESETS,
        },
        Part::Main | Part::Other => &NO_RESETS,
    };
    Writer {
        manager: call.manager,
        api_version,
        subresource: &call.info.subresource,
        ignored,
        now: Timestamp::now(),
    }
}

/// An apply says who applies.
pub(crate) fn check_manager(call: &Call<'_>) -> Result<(), ApiError> {
    if call.info.param("fieldManager").unwrap_or_default().is_empty() {
        return Err(ApiError::unprocessable(
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
        ));
    }
    Ok(())
}

/// The live object (or nothing) after the applied configuration is merged into it.
pub(crate) fn apply_fields(call: &Call<'_>, live: Option<&Value>, applied: &Value) -> Result<Value, ApiError> {
    let api_version = call.resource.api_version();
    let schema = Schema::Builtin(call.resource.ty);
    let force = call.info.flag("force");
    let merged = ssa::apply(live, applied, schema, &writer(call, &api_version), force).map_err(|error| match error {
        ApplyError::BadRequest(message) => ApiError::bad_request(message),
        ApplyError::Typed(message) => ApiError::new(http::StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message),
        ApplyError::Conflict(ref conflicts) => {
            let cause = |conflict: &ssa::Conflict| {
                json!({"reason": "FieldManagerConflict", "message": conflict.cause(), "field": conflict.field})
            };
            ApiError::apply_conflict(error.to_string(), conflicts.iter().map(cause).collect())
        }
    })?;
    let mut merged = match live {
        Some(live) => ssa::keep_times_if_unchanged(live, merged),
        None => merged,
    };
    machinery::defaults::apply(&mut merged, call.resource.ty);
    Ok(merged)
}

/// Notes who changed what in a write that is not an apply.
pub(crate) fn track_fields(call: &Call<'_>, object: &mut Value, old: Option<&Value>) {
    if call.applying {
        return;
    }
    let api_version = call.resource.api_version();
    let schema = Schema::Builtin(call.resource.ty);
    if !convert::differs(call.resource) {
        *object = ssa::update(old, object.take(), schema, &writer(call, &api_version));
    }
}

//! Which parts of a pod its containers may be told of.

use super::cursor::{At, Check};
use crate::field::FieldError;
use crate::names;

/// What an environment variable may be made of.
pub(super) const OF_VARIABLES: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// What a file of a downward API volume may be made of.
pub(super) const OF_FILES: &[&str] = &[
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];

/// All that either may be made of, or that one selects pods by.
const KNOWN_FIELDS: &[&str] = &[
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.phase",
    "status.podIP",
    "status.podIPs",
];

/// The part of the pod that an environment variable or a file is made of.
pub(super) fn field_ref(check: &mut Check<'_>, at: &At<'_>, allowed: &[&str]) {
    let path = at.child("fieldPath");
    if !path.has_any() {
        check.required(&path, "");
        return;
    }
    let Some((field, key)) = path.str().strip_suffix("']").and_then(|rest| rest.split_once("['")) else {
        if !allowed.contains(&path.str()) {
            let unknown = !KNOWN_FIELDS.contains(&path.str());
            if unknown {
                let detail = format!("error converting fieldPath: field label not supported: {}", path.str());
                check.invalid(&path, detail);
            } else {
                check.add(FieldError::not_supported(&path.path, path.str(), allowed));
            }
        }
        return;
    };
    let whole = At {
        path: at.path.clone(),
        ..path.clone()
    };
    match field {
        "metadata.annotations" => check.all_invalid(&whole, names::qualified_name(&key.to_lowercase())),
        "metadata.labels" => check.all_invalid(&whole, names::qualified_name(key)),
        _ => check.invalid(&whole, "does not support subscript"),
    }
}

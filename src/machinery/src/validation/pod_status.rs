//! What may be said of a pod.

use serde_json::Value;

use super::cursor::Check;

/// A pod that has finished does not begin anew, whoever says so.
pub(super) fn update(check: &mut Check<'_>, old: &Value) {
    let before = old["status"]["phase"].as_str().unwrap_or_default();
    let phase = check.root().child("status").child("phase");
    if matches!(before, "Succeeded" | "Failed") && matches!(phase.str(), "Pending" | "") {
        check.forbidden(
            &phase,
            &format!("a pod that has {} is not pending again", before.to_lowercase()),
        );
    }
}

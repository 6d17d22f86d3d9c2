//! RFC 6902 and RFC 7396.

use json_patch::{Patch, PatchErrorKind, PatchOperation};
use serde_json::{Map, Value};

use super::PatchError;

/// Upstream's limit.
pub const MOST_OPERATIONS: usize = 10_000;

/// Applies a JSON patch as it came in the body.
pub fn json_patch(mut document: Value, body: &[u8]) -> Result<Value, PatchError> {
    let patch: Patch = serde_json::from_slice(body)
        .map_err(|error| PatchError::BadRequest(format!("error decoding patch: {error}")))?;
    if patch.0.len() > MOST_OPERATIONS {
        let message = format!(
            "The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {}",
            patch.0.len()
        );
        return Err(PatchError::TooLarge(message));
    }
    json_patch::patch(&mut document, &patch.0).map_err(|error| {
        let message = match patch.0.get(error.operation) {
            Some(operation) => explain(operation, &error.kind),
            None => error.to_string(),
        };
        PatchError::Unprocessable(message)
    })?;
    Ok(document)
}

/// In the words of the library that upstream uses.
fn explain(operation: &PatchOperation, error: &PatchErrorKind) -> String {
    let path = operation.path().to_string();
    let last = path.rsplit('/').next().unwrap_or_default().to_owned();
    match (operation, error) {
        (_, PatchErrorKind::TestFailed) | (PatchOperation::Test(_), _) => {
            format!("testing value {path} failed: test failed")
        }
        (PatchOperation::Remove(_), _) => {
            format!("error in remove for path: '{path}': Unable to remove nonexistent key: {last}: missing value")
        }
        (PatchOperation::Replace(_), _) => {
            format!("replace operation does not apply: doc is missing key: {path}: missing value")
        }
        (PatchOperation::Add(_), _) => {
            format!("add operation does not apply: doc is missing path: {path:?}: missing value")
        }
        (PatchOperation::Move(operation), _) => {
            format!(
                "move operation does not apply: doc is missing from path: {:?}: missing value",
                operation.from.to_string()
            )
        }
        (PatchOperation::Copy(operation), _) => {
            format!(
                "copy operation does not apply: doc is missing from path: {:?}: missing value",
                operation.from.to_string()
            )
        }
    }
}

/// Applies a merge patch: objects merge, null removes, everything else replaces.
pub fn merge_patch(document: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *document = patch.clone();
        return;
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    let Some(document) = document.as_object_mut() else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            document.remove(key);
        } else {
            merge_patch(document.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

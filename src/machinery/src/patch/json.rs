//! RFC 6902 and RFC 7396.

use json_patch::{Patch, PatchErrorKind, PatchOperation};
use serde_json::{Map, Value};

use super::PatchError;

/// Upstream's limit.
pub const MOST_OPERATIONS: usize = 10_000;
/// Bytes that all copies of a patch may add, as upstream's `JSONPatchMaxCopyBytes`.
const MOST_COPIED: usize = 3 << 20;

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
    let mut copied = 0;
    for operation in &patch.0 {
        bound(&document, operation, &mut copied)?;
        json_patch::patch_unsafe(&mut document, std::slice::from_ref(operation))
            .map_err(|error| PatchError::Unprocessable(explain(operation, &error.kind)))?;
    }
    Ok(document)
}

/// A few operations of a few bytes each could fill the memory, or nest values so deeply that nobody can walk them.
fn bound(document: &Value, operation: &PatchOperation, copied: &mut usize) -> Result<(), PatchError> {
    let (value, is_copy) = match operation {
        PatchOperation::Add(add) => (Some(&add.value), false),
        PatchOperation::Replace(replace) => (Some(&replace.value), false),
        PatchOperation::Copy(copy) => (document.pointer(&copy.from.to_string()), true),
        PatchOperation::Move(moved) => (document.pointer(&moved.from.to_string()), false),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => (None, false),
    };
    let Some(value) = value else { return Ok(()) };
    if is_copy {
        *copied += size(value);
        if *copied > MOST_COPIED {
            return Err(PatchError::Unprocessable(format!(
                "Unable to complete the copy, the accumulated size increase of copy is {copied}, exceeding the limit {MOST_COPIED}"
            )));
        }
    }
    if operation.path().count() + crate::decode::depth(value) > crate::decode::DEEPEST {
        return Err(PatchError::Unprocessable(crate::decode::too_deep()));
    }
    Ok(())
}

/// The length of the value's JSON, which is not built for it.
fn size(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // counting cannot fail
    drop(serde_json::to_writer(&mut count, value));
    count.0
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

//! Wording.

use serde_json::json;

use super::*;

#[test]
fn messages_are_upstreams() {
    let path = Path::new("spec").child("containers").index(0).child("name");
    assert_eq!(
        FieldError::required(&path, "").to_string(),
        "spec.containers[0].name: Required value"
    );
    assert_eq!(
        FieldError::invalid(&path, "A", "no").to_string(),
        "spec.containers[0].name: Invalid value: \"A\": no"
    );
    assert_eq!(
        FieldError::not_supported(&Path::new("type"), "X", &["A", "B"]).to_string(),
        "type: Unsupported value: \"X\": supported values: \"A\", \"B\""
    );
    assert_eq!(
        FieldError::duplicate(&path.key("k"), 3).to_string(),
        "spec.containers[0].name[k]: Duplicate value: 3"
    );
    let object = FieldError::invalid(&Path::new("a"), json!({"b": null}), "field is immutable");
    assert_eq!(object.to_string(), "a: Invalid value: {\"b\":null}: field is immutable");
}

#[test]
fn aggregates_drop_equals() {
    let a = FieldError::required(&Path::new("a"), "");
    let b = FieldError::required(&Path::new("b"), "x");
    assert_eq!(aggregate(&[a.clone(), a.clone()]), "a: Required value");
    assert_eq!(aggregate(&[a, b]), "[a: Required value, b: Required value: x]");
}

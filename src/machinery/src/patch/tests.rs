//! Strategic merge patches as kubectl sends them, and the two plain formats.

use serde_json::{Value, json};

use super::*;

fn pod_patch(original: Value, patch: Value) -> Result<Value, PatchError> {
    strategic_merge_patch(original, patch, schema::kind("", "v1", "Pod").expect("pod").ty)
}

fn names(value: &Value) -> Vec<&str> {
    value["spec"]["containers"]
        .as_array()
        .expect("list")
        .iter()
        .filter_map(|item| item["name"].as_str())
        .collect()
}

#[test]
fn lists_merge_by_their_key() {
    let original = json!({"spec": {"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "1"}]}});
    let patch = json!({"spec": {"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}]}]}});
    let found = pod_patch(original, patch).expect("patched");
    assert_eq!(names(&found), ["a", "b"]);
    assert_eq!(found["spec"]["containers"][0]["image"], "1");
    assert_eq!(
        found["spec"]["containers"][0]["env"],
        json!([{"name": "Y", "value": "2"}, {"name": "X", "value": "1"}])
    );
}

#[test]
fn items_are_deleted_and_lists_replaced_by_directive() {
    let original = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}], "nodeSelector": {"x": "y"}}});
    let patch = json!({"spec": {"containers": [{"$patch": "delete", "name": "a"}], "nodeSelector": {"$patch": "replace", "z": "w"}}});
    let found = pod_patch(original.clone(), patch).expect("patched");
    assert_eq!(
        found,
        json!({"spec": {"containers": [{"name": "b"}], "nodeSelector": {"z": "w"}}})
    );
    let patch = json!({"spec": {"containers": [{"$patch": "replace"}, {"name": "c"}]}});
    assert_eq!(names(&pod_patch(original.clone(), patch).expect("patched")), ["c"]);
    let patch = json!({"spec": {"nodeSelector": {"$patch": "delete"}}});
    assert_eq!(
        pod_patch(original, patch).expect("patched")["spec"]["nodeSelector"],
        json!({})
    );
}

#[test]
fn element_order_is_kept() {
    let original = json!({"spec": {"containers": [{"name": "a"}, {"name": "server"}, {"name": "b"}]}});
    let patch = json!({"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "c"}, {"name": "a"}], "containers": [{"name": "c", "image": "i"}]}});
    assert_eq!(
        names(&pod_patch(original.clone(), patch).expect("patched")),
        ["server", "b", "c", "a"]
    );
    let wrong = json!({"spec": {"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "c"}]}});
    assert!(
        matches!(pod_patch(original, wrong), Err(PatchError::Internal(message)) if message.starts_with("The order in patch list"))
    );
}

#[test]
fn primitive_lists_merge_and_shrink() {
    let original = json!({"metadata": {"finalizers": ["a", "b", "c"]}});
    let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["b"], "finalizers": ["d"], "$setElementOrder/finalizers": ["d", "a", "c"]}});
    assert_eq!(
        pod_patch(original, patch).expect("patched"),
        json!({"metadata": {"finalizers": ["d", "a", "c"]}})
    );
    let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["b"]}});
    assert_eq!(
        pod_patch(json!({"metadata": {}}), patch).expect("patched"),
        json!({"metadata": {}})
    );
}

#[test]
fn retain_keys_clears_the_others() {
    let ty = schema::kind("apps", "v1", "Deployment").expect("deployment").ty;
    let original = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
    let found = strategic_merge_patch(original.clone(), patch, ty).expect("patched");
    assert_eq!(found, json!({"spec": {"strategy": {"type": "Recreate"}}}));
    let wrong = json!({"spec": {"strategy": {"$retainKeys": ["other"], "type": "Recreate"}}});
    let error = strategic_merge_patch(original, wrong, ty);
    assert_eq!(
        error,
        Err(PatchError::BadRequest("invalid patch format of retainKeys".to_owned()))
    );
}

#[test]
fn nulls_delete_and_atomic_lists_replace() {
    let original = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"containers": [{"name": "a", "args": ["x", "y"]}]}});
    let patch = json!({"metadata": {"labels": {"a": null, "c": "3"}, "annotations": {"x": null}}, "spec": {"containers": [{"name": "a", "args": ["z"]}]}});
    let expected = json!({"metadata": {"labels": {"b": "2", "c": "3"}, "annotations": {}}, "spec": {"containers": [{"name": "a", "args": ["z"]}]}});
    assert_eq!(pod_patch(original, patch).expect("patched"), expected);
}

#[test]
fn items_without_their_key_are_refused() {
    let patch = json!({"spec": {"containers": [{"image": "x"}]}});
    let error = pod_patch(json!({"spec": {"containers": [{"name": "a"}]}}), patch)
        .expect_err("no key")
        .to_string();
    assert!(error.ends_with("does not contain declared merge key: name"), "{error}");
}

#[test]
fn merge_patches() {
    let mut document = json!({"a": {"b": 1, "c": [1, 2]}, "d": "x"});
    merge_patch(
        &mut document,
        &json!({"a": {"b": null, "c": [3], "e": {"f": null}}, "d": {"g": 1}}),
    );
    assert_eq!(document, json!({"a": {"c": [3], "e": {}}, "d": {"g": 1}}));
}

#[test]
fn json_patches() {
    let document = json!({"a": [1, 2], "b": "x"});
    let patch =
        br#"[{"op":"test","path":"/b","value":"x"},{"op":"add","path":"/a/-","value":3},{"op":"remove","path":"/b"}]"#;
    assert_eq!(json_patch(document.clone(), patch), Ok(json!({"a": [1, 2, 3]})));
    for (patch, message) in [
        (
            &br#"[{"op":"test","path":"/b","value":"y"}]"#[..],
            "testing value /b failed: test failed",
        ),
        (
            br#"[{"op":"remove","path":"/c"}]"#,
            "error in remove for path: '/c': Unable to remove nonexistent key: c: missing value",
        ),
        (
            br#"[{"op":"replace","path":"/c","value":1}]"#,
            "replace operation does not apply: doc is missing key: /c: missing value",
        ),
    ] {
        assert_eq!(
            json_patch(document.clone(), patch),
            Err(PatchError::Unprocessable(message.to_owned()))
        );
    }
    assert!(matches!(json_patch(document, b"{}"), Err(PatchError::BadRequest(_))));
}

#[test]
fn copies_that_would_fill_the_memory_are_refused() {
    let mut operations = vec![json!({"op": "add", "path": "/a", "value": "x".repeat(1 << 20)})];
    operations.extend((0..2).map(|n| json!({"op": "copy", "from": "/a", "path": format!("/b{n}")})));
    let apply = |operations: &[Value]| json_patch(json!({}), json!(operations).to_string().as_bytes());
    assert!(apply(&operations).is_ok());
    operations.push(json!({"op": "copy", "from": "/a", "path": "/c"}));
    let Err(PatchError::Unprocessable(why)) = apply(&operations) else {
        panic!("copied more than allowed")
    };
    assert!(
        why.contains("the accumulated size increase of copy is 3145734, exceeding the limit 3145728"),
        "{why}"
    );
}

#[test]
fn values_nested_by_operations_have_a_last_level() {
    // every copy doubles the levels
    let mut operations = vec![json!({"op": "add", "path": "/a", "value": {}})];
    for round in 0..12 {
        let deeper = "/a".repeat((1 << round) + 1);
        operations.push(json!({"op": "copy", "from": "/a", "path": deeper}));
    }
    let body = json!(operations).to_string();
    let refused = json_patch(json!({}), body.as_bytes()).unwrap_err();
    assert!(refused.to_string().contains("120 levels"), "{refused}");
}

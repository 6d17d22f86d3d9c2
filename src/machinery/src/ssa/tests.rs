//! Ownership, conflicts and merging as upstream's documentation and tests describe them.

use proptest::prelude::*;
use schema::Type;

use super::*;
use crate::decode::convert;

static NOTHING: std::sync::LazyLock<Set> = std::sync::LazyLock::new(Set::default);

fn writer(manager: &str) -> Writer<'_> {
    let now = "2024-01-01T00:00:00Z".parse().expect("time");
    Writer {
        manager,
        api_version: "apps/v1",
        subresource: "",
        ignored: &NOTHING,
        now,
    }
}

fn deployment() -> &'static Type {
    schema::kind("apps", "v1", "Deployment").expect("deployment").ty
}

fn object(spec: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "n"}, "spec": spec})
}

fn applied(live: Option<&Value>, config: &Value, manager: &str, force: bool) -> Result<Value, ApplyError> {
    let mut new = apply(live, config, Schema::Builtin(deployment()), &writer(manager), force)?;
    if live.is_none() {
        new["metadata"]["uid"] = "u".into();
    }
    Ok(new)
}

fn updated(live: Option<&Value>, new: Value, manager: &str) -> Value {
    let new = convert(new, deployment()).expect("deployment").value;
    let mut new = update(live, new, Schema::Builtin(deployment()), &writer(manager));
    new["metadata"]["uid"] = "u".into();
    new
}

fn fields(object: &Value, manager: &str) -> Value {
    let entries = object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .expect("managed fields");
    entries
        .iter()
        .find(|entry| entry["manager"] == manager)
        .map_or(Value::Null, |entry| entry["fieldsV1"].clone())
}

fn containers(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"name": name, "image": "i"})).collect()
}

#[test]
fn an_applier_owns_what_it_applied() {
    let config = object(json!({"replicas": 1, "template": {"spec": {"containers": containers(&["a"])}}}));
    let live = applied(None, &config, "m", false).expect("applied");
    let expected = json!({"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:image": {}, "f:name": {}}}}}}});
    assert_eq!(fields(&live, "m"), expected);
    assert_eq!(live["metadata"]["managedFields"][0]["operation"], "Apply");
    assert_eq!(live["metadata"]["managedFields"][0]["time"], "2024-01-01T00:00:00Z");
}

#[test]
fn what_an_applier_drops_is_removed_unless_another_owns_it() {
    let both =
        object(json!({"replicas": 1, "paused": true, "template": {"spec": {"containers": containers(&["a", "b"])}}}));
    let live = applied(None, &both, "one", false).expect("applied");
    let other = object(json!({"replicas": 1}));
    let live = applied(Some(&live), &other, "two", false).expect("same value is no conflict");
    let less = object(json!({"template": {"spec": {"containers": containers(&["b"])}}}));
    let live = applied(Some(&live), &less, "one", false).expect("applied");
    assert_eq!(live["spec"]["replicas"], 1, "still owned by two");
    assert_eq!(live["spec"].get("paused"), None);
    assert_eq!(
        live["spec"]["template"]["spec"]["containers"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn changing_anothers_field_is_a_conflict_unless_forced() {
    let live = applied(None, &object(json!({"replicas": 1, "paused": true})), "one", false).expect("applied");
    let config = object(json!({"replicas": 2}));
    let error = applied(Some(&live), &config, "two", false).expect_err("conflict");
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas"
    );
    let forced = applied(Some(&live), &config, "two", true).expect("forced");
    assert_eq!(fields(&forced, "one"), json!({"f:spec": {"f:paused": {}}}));
    assert_eq!(fields(&forced, "two"), json!({"f:spec": {"f:replicas": {}}}));
    let live = updated(
        Some(&live),
        object(json!({"replicas": 1, "paused": true, "minReadySeconds": 5, "progressDeadlineSeconds": 9})),
        "edit",
    );
    let config = object(json!({"minReadySeconds": 6, "progressDeadlineSeconds": 8}));
    let error = applied(Some(&live), &config, "two", false)
        .expect_err("conflicts")
        .to_string();
    assert_eq!(
        error,
        "Apply failed with 2 conflicts: conflicts with \"edit\" using apps/v1:\n- .spec.minReadySeconds\n- .spec.progressDeadlineSeconds"
    );
}

#[test]
fn updates_take_over_what_they_change() {
    let live = applied(None, &object(json!({"replicas": 1, "paused": true})), "one", false).expect("applied");
    let mut new = live.clone();
    new["spec"]["replicas"] = 3.into();
    let live = updated(Some(&live), new.clone(), "edit");
    assert_eq!(fields(&live, "one"), json!({"f:spec": {"f:paused": {}}}));
    assert_eq!(fields(&live, "edit"), json!({"f:spec": {"f:replicas": {}}}));
    let again = updated(Some(&live), live.clone(), "edit");
    assert_eq!(again, live, "an update that changes nothing owns nothing new");
}

#[test]
fn creating_notes_the_creator() {
    let live = updated(
        None,
        object(json!({"replicas": 1, "template": {"spec": {"containers": containers(&["a"])}}})),
        "kubectl-create",
    );
    let found = fields(&live, "kubectl-create");
    assert_eq!(found.pointer("/f:metadata"), None);
    let container = "/f:spec/f:template/f:spec/f:containers/k:{\"name\":\"a\"}";
    let expected = json!({".": {}, "f:image": {}, "f:name": {}, "f:resources": {}});
    assert_eq!(found.pointer(container), Some(&expected));
    assert_eq!(
        found.pointer("/f:spec/."),
        None,
        "upstream's structs are never without spec"
    );
    assert_eq!(found.pointer("/f:spec/f:strategy"), None);
}

#[test]
fn objects_nobody_was_noted_on_are_owned_before_the_first_apply() {
    let mut live = updated(None, object(json!({"replicas": 1})), "x");
    live["metadata"]
        .as_object_mut()
        .expect("metadata")
        .remove("managedFields");
    let after = updated(Some(&live), object(json!({"replicas": 2})), "y");
    assert_eq!(after.pointer("/metadata/managedFields"), None);
    let error = applied(Some(&live), &object(json!({"replicas": 2})), "two", false)
        .expect_err("conflict")
        .to_string();
    assert_eq!(
        error,
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using apps/v1: .spec.replicas"
    );
}

#[test]
fn lists_keep_the_configurations_order_and_others_items() {
    let live = updated(
        None,
        object(json!({"template": {"spec": {"containers": containers(&["x", "a", "y", "b"])}}})),
        "m",
    );
    let config = object(
        json!({"template": {"spec": {"containers": [{"name": "b"}, {"name": "c", "image": "i"}, {"name": "a"}]}}}),
    );
    let live = applied(Some(&live), &config, "s", false).expect("applied");
    let names: Vec<&str> = live["spec"]["template"]["spec"]["containers"]
        .as_array()
        .expect("list")
        .iter()
        .filter_map(|c| c["name"].as_str())
        .collect();
    assert_eq!(names, ["x", "y", "b", "c", "a"]);
}

#[test]
fn default_keys_identify_ports() {
    let ports = |ports: Value| {
        object(json!({"template": {"spec": {"containers": [{"name": "a", "image": "i", "ports": ports}]}}}))
    };
    let live = applied(None, &ports(json!([{"containerPort": 80}])), "one", false).expect("applied");
    let pointer = "/f:spec/f:template/f:spec/f:containers/k:{\"name\":\"a\"}/f:ports/k:{\"containerPort\":80,\"protocol\":\"TCP\"}";
    assert!(
        fields(&live, "one").pointer(pointer).is_some(),
        "{}",
        fields(&live, "one")
    );
    let missing = applied(
        None,
        &object(json!({"template": {"spec": {"containers": [{"image": "i"}]}}})),
        "one",
        false,
    );
    let error = missing.expect_err("no key").to_string();
    assert!(error.contains("omits all key fields [\"name\"]"), "{error}");
}

#[test]
fn fields_of_no_type_are_refused() {
    let error = applied(None, &object(json!({"foo": 1})), "one", false)
        .expect_err("unknown")
        .to_string();
    assert_eq!(
        error,
        "failed to create typed patch object (n/d; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema"
    );
    let mut config = object(json!({}));
    config["metadata"]["managedFields"] = json!([{}]);
    assert!(matches!(
        applied(None, &config, "one", false),
        Err(ApplyError::BadRequest(_))
    ));
}

#[test]
fn kubectl_may_change_what_it_applied_on_the_clients_side() {
    let mut new = object(json!({"replicas": 1, "paused": true}));
    let last = object(json!({"replicas": 1})).to_string();
    new["metadata"]["annotations"] = json!({LAST_APPLIED: last});
    let live = updated(None, new, "kubectl-client-side-apply");
    let config = object(json!({"replicas": 2}));
    assert!(applied(Some(&live), &config, "other", false).is_err());
    let after = applied(Some(&live), &config, "kubectl", false).expect("allowed");
    assert_eq!(after["spec"]["replicas"], 2);
    assert!(
        after["metadata"]["annotations"][LAST_APPLIED]
            .as_str()
            .is_some_and(|text| text.contains("\"replicas\":2"))
    );
    let foreign = object(json!({"replicas": 2, "paused": false}));
    let error = applied(Some(&live), &foreign, "kubectl", false)
        .expect_err("paused is not its own")
        .to_string();
    assert!(error.ends_with(".spec.paused"), "{error}");
}

#[test]
fn subresources_and_ignored_fields() {
    let status = Set::of_fields(&[&["status"]]);
    let main = Writer {
        ignored: &status,
        ..writer("m")
    };
    let mut new = object(json!({"replicas": 1}));
    new["status"] = json!({"replicas": 5});
    let live = update(None, new, Schema::Builtin(deployment()), &main);
    assert_eq!(fields(&live, "m").pointer("/f:status"), None);
    let scale = Writer {
        subresource: "scale",
        ..writer("m")
    };
    let mut new = live.clone();
    new["metadata"]["uid"] = "u".into();
    new["spec"]["replicas"] = 7.into();
    let live = update(Some(&live), new, Schema::Builtin(deployment()), &scale);
    assert_eq!(live["metadata"]["managedFields"].as_array().map(Vec::len), Some(1));
    assert_eq!(live["metadata"]["managedFields"][0]["subresource"], "scale");
}

#[test]
fn many_updaters_are_folded() {
    let mut live = updated(None, object(json!({"replicas": 0})), "creator");
    for i in 0..15 {
        let mut new = live.clone();
        new["metadata"]["labels"][format!("l{i}")] = "x".into();
        live = updated(Some(&live), new, &format!("m{i:02}"));
    }
    let entries = live["metadata"]["managedFields"].as_array().expect("entries");
    assert_eq!(entries.len(), 10);
    assert!(entries.iter().any(|entry| entry["manager"] == "ancient-changes"));
}

#[test]
fn unchanged_objects_keep_their_times() {
    let live = applied(None, &object(json!({"replicas": 1})), "one", false).expect("applied");
    let mut later = live.clone();
    later["metadata"]["managedFields"][0]["time"] = "2025-01-01T00:00:00Z".into();
    assert_eq!(keep_times_if_unchanged(&live, later.clone()), live);
    later["spec"]["replicas"] = 2.into();
    assert_eq!(keep_times_if_unchanged(&live, later.clone()), later);
}

#[test]
fn custom_resources_follow_their_schema() {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "items": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"], "items": {"type": "object", "properties": {"id": {"type": "string"}, "v": {"type": "integer"}}}},
        "tags": {"type": "array", "items": {"type": "string"}}, "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}});
    let who = |manager: &'static str| Writer {
        api_version: "x.io/v1",
        ..writer(manager)
    };
    let custom = |spec: Value| json!({"apiVersion": "x.io/v1", "kind": "X", "metadata": {"name": "x"}, "spec": spec});
    let one = custom(json!({"items": [{"id": "a", "v": 1}], "tags": ["t"], "any": {"q": {"r": 1}}}));
    let live = apply(None, &one, Schema::Custom(&schema), &who("one"), false).expect("applied");
    assert_eq!(
        fields(&live, "one"),
        json!({"f:spec": {"f:items": {"k:{\"id\":\"a\"}": {".": {}, "f:id": {}, "f:v": {}}}, "f:tags": {}, "f:any": {"f:q": {".": {}, "f:r": {}}}}})
    );
    let two = custom(json!({"items": [{"id": "b", "v": 2}]}));
    let live = apply(Some(&live), &two, Schema::Custom(&schema), &who("two"), false).expect("applied");
    assert_eq!(live["spec"]["items"], json!([{"id": "a", "v": 1}, {"id": "b", "v": 2}]));
    let gone = apply(
        Some(&live),
        &custom(json!({"tags": ["t"]})),
        Schema::Custom(&schema),
        &who("one"),
        false,
    )
    .expect("applied");
    assert_eq!(gone["spec"], json!({"items": [{"id": "b", "v": 2}], "tags": ["t"]}));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..Default::default() })]
    #[test]
    fn sets_round_trip_and_objects_equal_themselves(seed in any::<u64>()) {
        for ty in schema::types() {
            let value = convert(crate::decode::tests::document(ty, seed), ty).map_err(|e| TestCaseError::fail(e.to_string()))?.value;
            let node = Node::Message { ty, atomic: false };
            let set = fieldset::field_set(&value, node);
            prop_assert_eq!(Set::from_fields(&set.to_fields()), Some(set.clone()));
            let same = compare::compare(&value, &value, node);
            prop_assert!(same.added.is_empty() && same.modified.is_empty() && same.removed.is_empty());
            prop_assert!(set.difference(&set).is_empty());
        }
    }
}

//! The graph.

use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use super::graph::{FOREGROUND, Graph, ORPHAN, Object};
use super::*;

fn object(meta: Value) -> Object {
    let api = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
    let resource = Arc::new(Resource { api, namespaced: true });
    Object::new(&resource, &serde_json::from_value(meta).expect("metadata"))
}

fn owned(by: &str) -> Object {
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": by, "uid": by, "blockOwnerDeletion": true});
    object(json!({"name": "d", "namespace": "n", "ownerReferences": [owner]}))
}

fn deleting(finalizer: &str) -> Object {
    object(
        json!({"name": "o", "namespace": "n", "deletionTimestamp": "2024-01-01T00:00:00Z", "finalizers": [finalizer]}),
    )
}

fn attempt(uid: &str) -> Task {
    Task::Attempt(uid.to_owned())
}

#[test]
fn objects_with_known_owners_are_left_alone_until_the_owner_goes() {
    let mut graph = Graph::default();
    assert_eq!(graph.put("d", owned("o")), [attempt("d")], "an owner nobody has seen");
    graph.put("o", object(json!({"name": "o"})));
    assert!(graph.put("d", owned("o")).is_empty());
    assert_eq!(graph.remove("o"), [attempt("d")]);
}

#[test]
fn foreground_deletion_waits_for_blocking_dependents() {
    let mut graph = Graph::default();
    graph.put("o", object(json!({"name": "o"})));
    graph.put("d", owned("o"));
    assert_eq!(graph.put("o", deleting(FOREGROUND)), [attempt("o"), attempt("d")]);
    assert_eq!(graph.blocking("o").len(), 1);
    assert_eq!(graph.remove("d"), [attempt("o")]);
    assert!(graph.blocking("o").is_empty());
}

#[test]
fn orphaning_is_asked_for_once() {
    let mut graph = Graph::default();
    graph.put("o", object(json!({"name": "o"})));
    assert_eq!(graph.put("o", deleting(ORPHAN)), [Task::Orphan("o".to_owned())]);
    assert!(graph.put("o", deleting(ORPHAN)).is_empty());
}

#[test]
fn letting_go_of_an_owner_wakes_it() {
    let mut graph = Graph::default();
    graph.put("o", deleting(FOREGROUND));
    graph.put("d", owned("o"));
    assert_eq!(graph.put("d", object(json!({"name": "d"}))), [attempt("o")]);
    assert!(graph.dependents("o").is_empty());
}

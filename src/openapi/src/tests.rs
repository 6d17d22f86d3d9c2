//! What clients look up in the documents.

use serde_json::{Value, json};

use crate::{document, index};

#[test]
fn every_document_of_the_index_exists_and_refers_only_to_what_it_has() {
    let index = index("1");
    for path in index["paths"].as_object().unwrap().keys() {
        let document = document(path, "v1").unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let mut references = Vec::new();
        collect(&document, &mut references);
        for reference in references {
            let name = reference.strip_prefix("#/components/schemas/").unwrap();
            assert!(schemas.get(name).is_some_and(Value::is_object), "{path}: {name}");
        }
    }
    assert_eq!(document("apis/none/v1", "v1"), None);
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            into.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| collect(field, into));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}

#[test]
fn fields_carry_descriptions_and_merge_keys() {
    let document = document("api/v1", "v1").unwrap();
    let spec = &document["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"];
    let containers = &spec["properties"]["containers"];
    assert!(
        containers["description"]
            .as_str()
            .is_some_and(|text| text.contains("containers")),
        "{containers}"
    );
    assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
    assert_eq!(containers["x-kubernetes-list-type"], "map");
    assert_eq!(spec["required"], json!(["containers"]));
    let pod = &document["components"]["schemas"]["io.k8s.api.core.v1.Pod"];
    assert_eq!(
        pod["x-kubernetes-group-version-kind"],
        json!([{"group": "", "version": "v1", "kind": "Pod"}])
    );
}

#[test]
fn a_patch_tells_its_parameters() {
    let document = document("apis/apps/v1", "v1").unwrap();
    let patch = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    let names: Vec<&str> = patch["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|parameter| parameter["name"].as_str())
        .collect();
    assert!(
        names.contains(&"dryRun") && names.contains(&"fieldValidation"),
        "{names:?}"
    );
    assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Deployment");
}

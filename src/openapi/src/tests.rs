//! What clients look up in the documents.

use schema::Served;
use serde_json::{Value, json};

use machinery::protobuf::wire::{Raw, Reader};

use crate::{Others, index, write_json, write_protobuf};

fn document(path: &str, version: &str) -> Option<Value> {
    crate::document(&everything(), path, version)
}

fn everything() -> Served {
    Served::parse("api/all=true").unwrap()
}

#[test]
fn every_document_of_the_index_exists_and_refers_only_to_what_it_has() {
    let index = index(&everything(), "1");
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

fn v2() -> Value {
    let mut bytes = Vec::new();
    write_json(&everything(), &Others::default(), "v1", &mut bytes).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn v2_refers_only_to_what_it_has() {
    let document = v2();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 1000, "{}", references.len());
    for reference in references {
        let name = reference.strip_prefix("#/definitions/").unwrap();
        assert!(document["definitions"][name].is_object(), "{name}");
    }
}

#[test]
fn v2_has_one_type_per_schema_and_flat_parameters() {
    let document = v2();
    let quantity = &document["definitions"]["io.k8s.apimachinery.pkg.api.resource.Quantity"];
    assert_eq!(quantity["type"], "string");
    let port = &document["definitions"]["io.k8s.apimachinery.pkg.util.intstr.IntOrString"];
    assert_eq!(
        (&port["type"], &port["format"]),
        (&json!("string"), &json!("int-or-string"))
    );
    let affinity = &document["definitions"]["io.k8s.api.core.v1.PodSpec"]["properties"]["affinity"];
    assert_eq!(affinity["$ref"], "#/definitions/io.k8s.api.core.v1.Affinity");
    assert!(affinity["description"].is_string());
    let patch = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    assert_eq!(patch["operationId"], "patchAppsV1NamespacedDeployment");
    let dry_run = json!({"name": "dryRun", "in": "query", "type": "string", "uniqueItems": true});
    let parameters = patch["parameters"].as_array().unwrap();
    let found = parameters
        .iter()
        .find(|parameter| parameter["name"] == "dryRun")
        .unwrap();
    for (key, value) in dry_run.as_object().unwrap() {
        assert_eq!(&found[key], value);
    }
    assert_eq!(
        document["paths"]["/api/v1/namespaces/{namespace}/pods"]["get"]["responses"]["200"]["schema"]["$ref"],
        "#/definitions/io.k8s.api.core.v1.PodList"
    );
}

/// The first field of this number, and of that one inside it, and so on.
fn at<'a>(bytes: &'a [u8], numbers: &[u32]) -> Option<&'a [u8]> {
    let Some((first, rest)) = numbers.split_first() else {
        return Some(bytes);
    };
    let mut reader = Reader::new(bytes);
    while let Some((number, raw)) = reader.field().unwrap() {
        if let Raw::Bytes(inner) = raw
            && number == *first
        {
            return at(inner, rest);
        }
    }
    None
}

#[test]
fn the_protobuf_says_what_kubectl_looks_up() {
    let mut bytes = Vec::new();
    write_protobuf(&everything(), &Others::default(), "v1", &mut bytes).unwrap();
    assert_eq!(at(&bytes, &[1]), Some(&b"2.0"[..]));
    let mut reader = Reader::new(&bytes);
    let (mut schema, mut path) = (None, None);
    while let Some((number, raw)) = reader.field().unwrap() {
        let Raw::Bytes(inner) = raw else { continue };
        match number {
            8 if at(inner, &[2, 1]) == Some(b"/api/v1/namespaces/{namespace}/pods/{name}") => path = at(inner, &[2, 2]),
            9 if at(inner, &[1, 1]) == Some(b"io.k8s.api.core.v1.Pod") => schema = at(inner, &[1, 2]),
            _ => {}
        }
    }
    let schema = schema.unwrap();
    // TypeItem.value
    assert_eq!(at(schema, &[22, 1]), Some(&b"object"[..]));
    // vendor_extension: name, and value.yaml
    assert_eq!(at(schema, &[31, 1]), Some(&b"x-kubernetes-group-version-kind"[..]));
    let kinds: Value = serde_json::from_slice(at(schema, &[31, 2, 2]).unwrap()).unwrap();
    assert_eq!(kinds, json!([{"group": "", "version": "v1", "kind": "Pod"}]));
    // properties.additional_properties.name
    assert_eq!(at(schema, &[25, 1, 1]), Some(&b"apiVersion"[..]));
    // patch.parameters: the body comes first; then, as query parameters, what kubectl looks for
    let patch = at(path.unwrap(), &[8]).unwrap();
    assert_eq!(at(patch, &[8, 1, 1, 2]), Some(&b"body"[..]));
    let mut reader = Reader::new(patch);
    let mut names = Vec::new();
    while let Some((number, raw)) = reader.field().unwrap() {
        if number == 8 {
            names.extend(at(raw.bytes().unwrap(), &[1, 2, 3, 4]));
        }
    }
    assert!(names.contains(&&b"dryRun"[..]) && names.contains(&&b"force"[..]));
}

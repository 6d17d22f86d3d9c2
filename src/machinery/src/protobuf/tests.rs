//! Every type of the table there and back, and bytes as upstream writes them.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::decode::convert;
use crate::decode::tests::document;

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..Default::default() })]
    #[test]
    fn every_type_round_trips(seed in any::<u64>()) {
        for ty in schema::types() {
            let mut object = convert(document(ty, seed), ty).map_err(|e| TestCaseError::fail(e.to_string()))?.value;
            if let Some(object) = object.as_object_mut().filter(|_| ty.kind) {
                object.remove("apiVersion");
                object.remove("kind");
            }
            let bytes = encode_message(&object, ty).map_err(|e| TestCaseError::fail(format!("{}: {e}", ty.name)))?;
            let again = decode_message(&bytes, ty).map_err(|e| TestCaseError::fail(format!("{}: {e}", ty.name)))?;
            let again = convert(again, ty).map_err(|e| TestCaseError::fail(e.to_string()))?.value;
            prop_assert_eq!(without_empty(object), without_empty(again), "{}", ty.name);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let pod = schema::kind("", "v1", "Pod").expect("pod").ty;
        let _ = decode_message(&bytes, pod);
        let _ = decode(&[MAGIC, &bytes].concat());
    }
}

/// Protobuf cannot tell an empty list or map from none.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let keep = |value: &Value| {
                !value.is_null()
                    && value.as_array().is_none_or(|a| !a.is_empty())
                    && value.as_object().is_none_or(|o| !o.is_empty())
            };
            entries
                .into_iter()
                .map(|(k, v)| (k, without_empty(v)))
                .filter(|(_, v)| keep(v))
                .collect()
        }
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        other => other,
    }
}

#[test]
fn inlined_volume_source_is_a_message_of_its_own() {
    let volume = schema::ty("io.k8s.api.core.v1.Volume").expect("volume");
    let bytes = encode_message(&json!({"name": "v", "secret": {"secretName": "s"}}), volume).expect("bytes");
    // name=1 "v"; volumeSource=2 { secret=6 { secretName=1 "s" } }
    assert_eq!(bytes, [0x0a, 1, b'v', 0x12, 5, 0x32, 3, 0x0a, 1, b's']);
}

#[test]
fn envelope_and_quirks() {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "creationTimestamp": "2024-01-02T03:04:05Z",
        "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {}}}]},
        "spec": {"ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8081}]}});
    let body = encode(&service).expect("body");
    assert!(body.starts_with(b"k8s\0"));
    let unknown = Unknown::from_bytes(&body).expect("envelope");
    assert_eq!((unknown.api_version.as_str(), unknown.kind.as_str()), ("v1", "Service"));
    assert_eq!(decode(&body), Ok(service));
}

#[test]
fn unknown_kinds_and_truncated_bodies_are_errors() {
    let custom = json!({"apiVersion": "example.com/v1", "kind": "Widget"});
    assert!(matches!(encode(&custom), Err(ProtobufError::UnknownKind { .. })));
    assert_eq!(decode(b"{}"), Err(ProtobufError::NoMagic));
    let body = encode(&json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "AQ=="}})).expect("body");
    assert_eq!(decode(&body[..body.len() - 9]), Err(ProtobufError::Truncated));
}

#[test]
fn negative_and_nested_values() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"priority": -5, "containers": [{"name": "c"}]}});
    assert_eq!(decode(&encode(&pod).expect("body")), Ok(pod));
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {"versions": [{"name": "v1",
        "schema": {"openAPIV3Schema": {"additionalProperties": {"type": "string"}, "default": {"a": [1]}, "items": [{}, {"type": "x"}],
        "x-kubernetes-preserve-unknown-fields": true, "maximum": 1.5}}}]}});
    assert_eq!(decode(&encode(&crd).expect("body")), Ok(crd));
}

#[test]
fn watch_frames_carry_their_length() {
    let frame = watch_frame("ADDED", b"xy");
    assert_eq!(frame[..4], (frame.len() as u32 - 4).to_be_bytes());
    assert_eq!(
        frame[4..],
        [0x0a, 5, b'A', b'D', b'D', b'E', b'D', 0x12, 4, 0x0a, 2, b'x', b'y']
    );
}

#[test]
fn bodies_inside_bodies_have_a_last_level() {
    let mut body = encode(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})).expect("bytes");
    for _ in 0..10_000 {
        let (mut list, mut item) = (Vec::new(), Vec::new());
        wire::bytes(&mut item, 1, &body);
        wire::bytes(&mut list, 2, &item);
        let unknown = Unknown {
            api_version: "v1".to_owned(),
            kind: "List".to_owned(),
            raw: list,
        };
        body = unknown.to_bytes();
    }
    assert_eq!(decode(&body), Err(ProtobufError::TooDeep));
}

#[test]
fn nothing_of_a_body_of_another_kind_is_read() {
    let ty = |kind: &str| schema::kind("", "v1", kind).expect("kind").ty;
    let garbage = Unknown {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        raw: vec![0xff; 8],
    };
    let refused = decode_as(&garbage.to_bytes(), ty("ConfigMap")).unwrap_err();
    assert_eq!(refused.to_string(), "v1, Kind=Pod cannot be handled as a ConfigMap");
    assert_eq!(decode_as(&garbage.to_bytes(), ty("Pod")), Err(ProtobufError::Truncated));
}

#[test]
fn times_come_with_the_precision_of_their_type() {
    let mut time = Vec::new();
    wire::number(&mut time, 1, 1_704_164_645);
    wire::number(&mut time, 2, 123_456_789);
    let (mut spec, mut lease) = (Vec::new(), Vec::new());
    wire::bytes(&mut spec, 4, &time);
    wire::bytes(&mut lease, 2, &spec);
    let ty = schema::kind("coordination.k8s.io", "v1", "Lease").expect("lease").ty;
    let read = decode_message(&lease, ty).expect("lease");
    assert_eq!(read["spec"]["renewTime"], "2024-01-02T03:04:05.123456Z");
    let (mut meta, mut map) = (Vec::new(), Vec::new());
    wire::bytes(&mut meta, 8, &time);
    wire::bytes(&mut map, 1, &meta);
    let ty = schema::kind("", "v1", "ConfigMap").expect("config map").ty;
    let read = decode_message(&map, ty).expect("config map");
    assert_eq!(read["metadata"]["creationTimestamp"], "2024-01-02T03:04:05Z");
}

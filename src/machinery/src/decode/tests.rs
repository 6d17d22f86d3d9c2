//! Decoding, and the document generator that other tests of the table use.

use proptest::prelude::*;
use schema::{Field, FieldType};
use serde_json::{Map, json};

use super::*;

fn pod(value: &Value) -> Result<Decoded, DecodeError> {
    decode(
        value.to_string().as_bytes(),
        schema::kind("", "v1", "Pod").expect("pod").ty,
    )
}

#[test]
fn unknown_fields_are_removed_and_named() {
    let given = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a", "labels": {"x": "y"}},
        "spec": {"foo": 1, "containers": [{"name": "c", "bar": 2}]}, "extra": true});
    let decoded = pod(&given).expect("pod");
    assert_eq!(
        decoded.strict_error().expect("problems"),
        "strict decoding error: unknown field \"spec.containers[0].bar\", unknown field \"spec.foo\", unknown field \"extra\""
    );
    assert_eq!(decoded.value.pointer("/spec/foo"), None);
}

#[test]
fn duplicate_fields_are_named_and_the_last_wins() {
    let text = br#"{"metadata":{"name":"a","name":"b"},"spec":{"containers":[{"name":"c","image":"x","image":"y"}]}}"#;
    let decoded = decode(text, schema::kind("", "v1", "Pod").expect("pod").ty).expect("pod");
    assert_eq!(
        decoded.problems,
        [
            "duplicate field \"metadata.name\"",
            "duplicate field \"spec.containers[0].image\""
        ]
    );
    assert_eq!(decoded.value.pointer("/metadata/name"), Some(&json!("b")));
}

#[test]
fn the_shape_is_that_of_upstreams_encoder() {
    let given = json!({"metadata": {"name": "a", "labels": {}, "creationTimestamp": null},
        "spec": {"containers": [{"name": "c", "image": "i", "env": [], "tty": false, "resources": {"limits": {"cpu": 0.5}}}],
                 "hostNetwork": false, "terminationGracePeriodSeconds": 0}});
    let expected = json!({"metadata": {"name": "a"}, "status": {},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": "500m"}}}],
                 "terminationGracePeriodSeconds": 0}});
    assert_eq!(pod(&given).expect("pod").value, expected);
    let deployment = schema::kind("apps", "v1", "Deployment").expect("deployment").ty;
    let decoded = convert(json!({"spec": {"template": {}}}), deployment)
        .expect("deployment")
        .value;
    let template = json!({"metadata": {}, "spec": {"containers": null}});
    let expected =
        json!({"metadata": {}, "spec": {"selector": null, "strategy": {}, "template": template}, "status": {}});
    assert_eq!(decoded, expected);
}

#[test]
fn type_errors_are_upstreams() {
    for (given, message) in [
        (
            json!({"spec": {"containers": {}}}),
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            json!({"spec": {"containers": [{"name": 1}]}}),
            "json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string",
        ),
        (
            json!({"spec": {"priority": 3_000_000_000_i64}}),
            "json: cannot unmarshal number 3000000000 into Go struct field PodSpec.spec.priority of type int32",
        ),
        (json!([]), "json: cannot unmarshal array into Go value of type v1.Pod"),
        (
            json!({"spec": {"overhead": {"cpu": "x"}}}),
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ] {
        assert_eq!(pod(&given).map_err(|error| error.to_string()), Err(message.to_owned()));
    }
    assert!(decode(b"{", schema::kind("", "v1", "Pod").expect("pod").ty).is_err());
    assert!(decode(b"{} x", schema::kind("", "v1", "Pod").expect("pod").ty).is_err());
}

#[test]
fn times_are_canonical() {
    let given = json!({"metadata": {"deletionTimestamp": "2024-01-02T03:04:05.678+01:00"}});
    let decoded = pod(&given).expect("pod");
    assert_eq!(
        decoded.value.pointer("/metadata/deletionTimestamp"),
        Some(&json!("2024-01-02T02:04:05Z"))
    );
    let lease = schema::kind("coordination.k8s.io", "v1", "Lease").expect("lease").ty;
    let decoded = convert(json!({"spec": {"renewTime": "2024-01-02T03:04:05Z"}}), lease).expect("lease");
    assert_eq!(
        decoded.value.pointer("/spec/renewTime"),
        Some(&json!("2024-01-02T03:04:05.000000Z"))
    );
}

#[test]
fn nanoseconds_are_cut_and_not_rounded() {
    let lease = schema::kind("coordination.k8s.io", "v1", "Lease").expect("lease").ty;
    for (given, kept) in [
        ("2024-01-02T03:04:05.123456789Z", "2024-01-02T03:04:05.123456Z"),
        ("2024-01-02T03:04:59.999999999Z", "2024-01-02T03:04:59.999999Z"),
        ("2024-01-02T03:04:05.1+02:00", "2024-01-02T01:04:05.100000Z"),
    ] {
        let decoded = convert(json!({"spec": {"renewTime": given}}), lease).expect("lease");
        assert_eq!(decoded.value.pointer("/spec/renewTime"), Some(&json!(kept)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..Default::default() })]
    #[test]
    fn converting_twice_changes_nothing(seed in any::<u64>()) {
        for ty in schema::types() {
            let once = convert(document(ty, seed), ty).map_err(|error| TestCaseError::fail(format!("{}: {error}", ty.name)))?;
            prop_assert!(once.problems.is_empty());
            let twice = convert(once.value.clone(), ty).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(once, twice);
        }
    }
}

/// A random document of the type: about half of its fields, a few levels deep.
pub(crate) fn document(ty: &'static Type, seed: u64) -> Value {
    let mut random = Random(seed | 1);
    random.message(ty, 0)
}

struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }

    fn message(&mut self, ty: &'static Type, depth: u32) -> Value {
        let mut out = Map::new();
        if ty.kind && depth == 0 {
            out.insert("kind".to_owned(), ty.short_name().into());
            out.insert("apiVersion".to_owned(), "test/v1".into());
        }
        for field in ty.fields {
            if self.next(2) == 0 {
                let value = self.field(field, depth);
                out.insert(field.name.to_owned(), value);
            }
        }
        Value::Object(out)
    }

    fn field(&mut self, field: &Field, depth: u32) -> Value {
        self.value(&field.ty, depth)
    }

    fn value(&mut self, ty: &FieldType, depth: u32) -> Value {
        let n = self.next(1_000_000);
        match ty {
            FieldType::String => format!("text {n}").into(),
            FieldType::Bytes => ["", "AQ==", "/+8="][(n % 3) as usize].into(),
            FieldType::Bool => (n.is_multiple_of(2)).into(),
            FieldType::Int32 => (i64::from(i32::MAX) - n as i64 * 4000).into(),
            FieldType::Int64 => (if n.is_multiple_of(2) { i64::MIN } else { n as i64 }).into(),
            FieldType::Double => json!(n as f64 / 8.0),
            FieldType::Quantity => format!("{n}Ki").into(),
            FieldType::Time => format!("20{:02}-02-03T04:05:06Z", n % 100).into(),
            FieldType::MicroTime => format!("20{:02}-02-03T04:05:06.{n:06}Z", n % 100).into(),
            FieldType::Duration => "1s".into(),
            FieldType::IntOrString if n.is_multiple_of(2) => (n as i64).into(),
            FieldType::IntOrString => format!("{n}%").into(),
            FieldType::RawExtension | FieldType::FieldsV1 => json!({"a": {"b": n}, "kind": "X"}),
            FieldType::Json => [json!(n), json!("x"), json!({"a": [n]}), json!([null])][(n % 4) as usize].clone(),
            FieldType::Strings => json!([format!("s{n}"), ""]),
            FieldType::SchemaOrBool if n.is_multiple_of(2) => (n.is_multiple_of(4)).into(),
            FieldType::SchemaOrArray if n.is_multiple_of(2) => {
                Value::Array(vec![self.schema(depth), self.schema(depth)])
            }
            FieldType::SchemaOrStrings if n.is_multiple_of(2) => json!(["a", "b"]),
            FieldType::SchemaOrArray | FieldType::SchemaOrStrings | FieldType::SchemaOrBool => self.schema(depth),
            FieldType::Message(_) if depth > 5 => Value::Object(Map::new()),
            FieldType::Message(ty) => self.message(ty, depth + 1),
            FieldType::List(item) => (0..n % 3).map(|_| self.value(item, depth + 1)).collect(),
            FieldType::Map(item) => (0..n % 3)
                .map(|i| (format!("key{i}"), self.value(item, depth + 1)))
                .collect(),
        }
    }

    fn schema(&mut self, depth: u32) -> Value {
        match json_schema() {
            Some(ty) if depth < 4 => self.message(ty, depth + 1),
            _ => json!({}),
        }
    }
}

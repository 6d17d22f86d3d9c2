//! Types of the table as OpenAPI schemas.

use std::collections::{BTreeMap, BTreeSet};

use schema::{Field, FieldType, ListType, Type};
use serde_json::{Map, Value, json};

use crate::descriptions::Descriptions;

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const RAW: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";

/// Schemas by name, with all that they refer to.
pub(crate) struct Schemas<'a> {
    descriptions: &'a Descriptions,
    done: BTreeMap<String, Value>,
    /// Kinds of each type, for `x-kubernetes-group-version-kind`.
    kinds: BTreeMap<&'static str, BTreeSet<(&'static str, &'static str, &'static str)>>,
}

impl<'a> Schemas<'a> {
    pub(crate) fn new(descriptions: &'a Descriptions) -> Self {
        let mut kinds: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for kind in schema::kinds() {
            kinds
                .entry(kind.ty.name)
                .or_default()
                .insert((kind.group, kind.version, kind.kind));
        }
        Self {
            descriptions,
            done: BTreeMap::new(),
            kinds,
        }
    }

    pub(crate) fn finish(self) -> BTreeMap<String, Value> {
        self.done
    }

    /// Adds the type and what it is made of.
    pub(crate) fn add(&mut self, ty: &'static Type) {
        if self.done.contains_key(ty.name) {
            return;
        }
        // noted before its fields: types may contain themselves
        self.done.insert(ty.name.to_owned(), Value::Null);
        let mut properties = Map::new();
        if ty.kind {
            for field in ["apiVersion", "kind"] {
                properties.insert(field.to_owned(), self.described(json!({"type": "string"}), ty, field));
            }
        }
        for field in ty.fields {
            properties.insert(field.name.to_owned(), self.field(ty, field));
        }
        let mut schema = json!({"type": "object", "properties": properties});
        let required: Vec<&str> = ty
            .fields
            .iter()
            .filter(|field| field.required)
            .map(|field| field.name)
            .collect();
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        if let Some(text) = self.descriptions.of_type(ty.name) {
            schema["description"] = text.into();
        }
        if ty.atomic {
            schema["x-kubernetes-map-type"] = "atomic".into();
        }
        if let Some(kinds) = self.kinds.get(ty.name) {
            let kind =
                |(group, version, kind): &(&str, &str, &str)| json!({"group": group, "version": version, "kind": kind});
            schema["x-kubernetes-group-version-kind"] = kinds.iter().map(kind).collect();
        }
        self.done.insert(ty.name.to_owned(), schema);
    }

    fn described(&self, mut schema: Value, ty: &Type, field: &str) -> Value {
        if let Some(text) = self.descriptions.of_field(ty.name, field) {
            // a reference takes no siblings
            if let Some(reference) = schema.as_object_mut().and_then(|schema| schema.remove("$ref")) {
                schema["allOf"] = json!([{"$ref": reference}]);
            }
            schema["description"] = text.into();
        }
        schema
    }

    fn field(&mut self, ty: &Type, field: &Field) -> Value {
        let schema = self.value(&field.ty);
        let mut schema = self.described(schema, ty, field.name);
        if let Some(default) = field.default.and_then(|json| serde_json::from_str::<Value>(json).ok()) {
            schema["default"] = default;
        }
        match (&field.ty, field.list) {
            (FieldType::List(_) | FieldType::Strings, ListType::Set) => schema["x-kubernetes-list-type"] = "set".into(),
            (FieldType::List(_), ListType::Map) => {
                schema["x-kubernetes-list-type"] = "map".into();
                schema["x-kubernetes-list-map-keys"] = field.keys.into();
            }
            (FieldType::List(_) | FieldType::Strings, ListType::Atomic) => {
                schema["x-kubernetes-list-type"] = "atomic".into();
            }
            _ if field.atomic => schema["x-kubernetes-map-type"] = "atomic".into(),
            _ => {}
        }
        if let Some(patch) = field.patch {
            let strategy = match (patch.merge, patch.retain_keys) {
                (true, true) => "merge,retainKeys",
                (true, false) => "merge",
                (false, true) => "retainKeys",
                (false, false) => "replace",
            };
            schema["x-kubernetes-patch-strategy"] = strategy.into();
            if let Some(key) = patch.key {
                schema["x-kubernetes-patch-merge-key"] = key.into();
            }
        }
        schema
    }

    fn value(&mut self, ty: &FieldType) -> Value {
        match ty {
            FieldType::String => json!({"type": "string"}),
            FieldType::Bytes => json!({"type": "string", "format": "byte"}),
            FieldType::Bool => json!({"type": "boolean"}),
            FieldType::Int32 => json!({"type": "integer", "format": "int32"}),
            FieldType::Int64 => json!({"type": "integer", "format": "int64"}),
            FieldType::Double => json!({"type": "number", "format": "double"}),
            FieldType::Quantity => self.leaf(QUANTITY, json!({"oneOf": [{"type": "string"}, {"type": "number"}]})),
            FieldType::Time => self.leaf(
                &format!("{META}.Time"),
                json!({"type": "string", "format": "date-time"}),
            ),
            FieldType::MicroTime => self.leaf(
                &format!("{META}.MicroTime"),
                json!({"type": "string", "format": "date-time"}),
            ),
            FieldType::Duration => self.leaf(&format!("{META}.Duration"), json!({"type": "string"})),
            FieldType::IntOrString => self.leaf(
                INT_OR_STRING,
                json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}),
            ),
            FieldType::RawExtension => self.leaf(RAW, json!({"type": "object"})),
            FieldType::FieldsV1 => self.leaf(&format!("{META}.FieldsV1"), json!({"type": "object"})),
            FieldType::Json | FieldType::SchemaOrArray | FieldType::SchemaOrBool | FieldType::SchemaOrStrings => {
                json!({})
            }
            FieldType::Strings => json!({"type": "array", "items": {"type": "string"}}),
            FieldType::Message(ty) => {
                self.add(ty);
                reference(ty.name)
            }
            FieldType::List(item) => json!({"type": "array", "items": self.value(item)}),
            FieldType::Map(item) => json!({"type": "object", "additionalProperties": self.value(item)}),
        }
    }

    fn leaf(&mut self, name: &str, mut schema: Value) -> Value {
        if !self.done.contains_key(name) {
            if let Some(text) = self.descriptions.of_type(name) {
                schema["description"] = text.into();
            }
            self.done.insert(name.to_owned(), schema);
        }
        reference(name)
    }
}

pub(crate) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

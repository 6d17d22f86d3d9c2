//! Types of the table as OpenAPI schemas.

use std::collections::{BTreeMap, BTreeSet};

use schema::{Field, FieldType, ListType, Served, Type};
use serde_json::{Map, Value, json};

use crate::descriptions::Descriptions;
use crate::dialect::Dialect;
use crate::paths::{self, OPTIONS};
use crate::v3::resources;

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";
const EXTENSIONS: &str = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";
const RAW: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";

/// Schemas by name, with all that they refer to.
pub(crate) struct Schemas<'a> {
    dialect: Dialect,
    served: &'a Served,
    descriptions: Descriptions,
    /// Also those that were taken.
    seen: BTreeSet<String>,
    done: BTreeMap<String, Value>,
    /// Kinds of each type, for `x-kubernetes-group-version-kind`.
    kinds: BTreeMap<&'static str, BTreeSet<(&'static str, &'static str, &'static str)>>,
}

impl<'a> Schemas<'a> {
    pub(crate) fn new(dialect: Dialect, served: &'a Served) -> Self {
        let mut kinds: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for kind in schema::kinds() {
            // upstream's documents have what is in every group version under the core's
            let group = if kind.group == "meta.k8s.io" { "" } else { kind.group };
            kinds
                .entry(kind.ty.name)
                .or_default()
                .insert((group, kind.version, kind.kind));
        }
        let everywhere = kinds.entry(OPTIONS).or_default();
        everywhere.extend(
            served
                .group_versions()
                .map(|(group, version)| (group, version, "DeleteOptions")),
        );
        Self {
            dialect,
            served,
            descriptions: Descriptions::default(),
            seen: BTreeSet::new(),
            done: BTreeMap::new(),
            kinds,
        }
    }

    /// All that was added since the last time.
    pub(crate) fn take(&mut self) -> BTreeMap<String, Value> {
        std::mem::take(&mut self.done)
    }

    /// Adds what the resources of a group version are made of, and what every group version speaks of.
    pub(crate) fn add_group(&mut self, group: &str, version: &str) {
        self.descriptions = Descriptions::of(group, version);
        let general = ["DeleteOptions", "Status"].map(|kind| ("", "v1", kind));
        let resources = resources(self.served, group, version).flat_map(|resource| {
            let own = [resource.kind, resource.list_kind].map(|kind| (resource.group, resource.version, kind));
            // the options of connections are queries, not bodies
            let subs = resource.subresources.iter().filter(|sub| !paths::connects(sub));
            own.into_iter()
                .chain(subs.map(|sub| (sub.group, sub.version, sub.kind)))
        });
        for (group, version, kind) in general.into_iter().chain(resources) {
            if let Some(kind) = schema::kind(group, version, kind) {
                self.add(kind.ty);
            }
        }
        self.leaf(&format!("{META}.Patch"), json!({"type": "object"}));
    }

    /// Adds the type and what it is made of.
    fn add(&mut self, ty: &'static Type) {
        // noted before its fields: types may contain themselves
        if !self.seen.insert(ty.name.to_owned()) {
            return;
        }
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

    fn described(&self, schema: Value, ty: &Type, field: &str) -> Value {
        match self.descriptions.of_field(ty.name, field) {
            Some(text) => self.dialect.described(schema, text),
            None => schema,
        }
    }

    fn field(&mut self, ty: &Type, field: &Field) -> Value {
        let schema = self.value(&field.ty);
        let mut schema = self.described(schema, ty, field.name);
        // v2 documents have never had them
        if self.dialect == Dialect::V3
            && let Some(default) = field.default.and_then(|json| serde_json::from_str::<Value>(json).ok())
        {
            schema["default"] = default;
        }
        match (&field.ty, field.list) {
            (FieldType::List(_) | FieldType::Strings, ListType::Set) => schema["x-kubernetes-list-type"] = "set".into(),
            (FieldType::List(_), ListType::Map) => {
                schema["x-kubernetes-list-type"] = "map".into();
                schema["x-kubernetes-list-map-keys"] = field.keys.into();
            }
            (FieldType::List(_) | FieldType::Strings, ListType::Atomic) if !(ty.kind && ty.name.ends_with("List")) => {
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
            FieldType::Quantity => self.leaf(QUANTITY, self.dialect.string_or("number")),
            FieldType::Time => self.leaf(
                &format!("{META}.Time"),
                json!({"type": "string", "format": "date-time"}),
            ),
            FieldType::MicroTime => self.leaf(
                &format!("{META}.MicroTime"),
                json!({"type": "string", "format": "date-time"}),
            ),
            FieldType::Duration => self.leaf(&format!("{META}.Duration"), json!({"type": "string"})),
            FieldType::IntOrString => {
                let mut schema = self.dialect.string_or("integer");
                schema["format"] = "int-or-string".into();
                self.leaf(INT_OR_STRING, schema)
            }
            FieldType::RawExtension => self.leaf(RAW, json!({"type": "object"})),
            FieldType::FieldsV1 => self.leaf(&format!("{META}.FieldsV1"), json!({"type": "object"})),
            FieldType::Json => self.leaf(&format!("{EXTENSIONS}.JSON"), json!({})),
            FieldType::SchemaOrArray => self.leaf(&format!("{EXTENSIONS}.JSONSchemaPropsOrArray"), json!({})),
            FieldType::SchemaOrBool => self.leaf(&format!("{EXTENSIONS}.JSONSchemaPropsOrBool"), json!({})),
            FieldType::SchemaOrStrings => self.leaf(&format!("{EXTENSIONS}.JSONSchemaPropsOrStringArray"), json!({})),
            FieldType::Strings => json!({"type": "array", "items": {"type": "string"}}),
            FieldType::Message(ty) => {
                self.add(ty);
                self.dialect.reference(ty.name)
            }
            FieldType::List(item) => json!({"type": "array", "items": self.value(item)}),
            FieldType::Map(item) => json!({"type": "object", "additionalProperties": self.value(item)}),
        }
    }

    fn leaf(&mut self, name: &str, mut schema: Value) -> Value {
        if self.seen.insert(name.to_owned()) {
            if let Some(text) = self.descriptions.of_type(name) {
                schema["description"] = text.into();
            }
            self.done.insert(name.to_owned(), schema);
        }
        self.dialect.reference(name)
    }
}

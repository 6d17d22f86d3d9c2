//! What upstream fills in when a field is unset: declared defaults of the table, rows below, and rules in code for what
//! depends on other fields. Expects objects in the shape that [`crate::decode`] gives, and keeps that shape.
//!
//! Semantics: `SetDefaults_*` in `k8s.io/kubernetes/pkg/apis/*/v1/defaults.go`, applied from the outside in.

mod rows;
mod rules;

#[cfg(test)]
mod tests;

use schema::{Field, FieldType, Type};
use serde_json::{Map, Value};

/// Fills in all defaults of an object of the type.
pub fn apply(object: &mut Value, ty: &'static Type) {
    if let Some(object) = object.as_object_mut() {
        message(object, ty);
    }
}

fn message(object: &mut Map<String, Value>, ty: &'static Type) {
    let name = ty.name.strip_prefix("io.k8s.api.").unwrap_or(ty.name);
    rules::apply(name, object);
    for row in rows::of(name) {
        if let Some(field) = ty.field(row.field) {
            set(object, field, row.json);
        }
    }
    for field in ty.fields {
        if let Some(default) = field.default {
            set(object, field, default);
        }
        if let Some(value) = object.get_mut(field.name) {
            self::value(value, &field.ty);
        }
    }
}

/// Sets the field if it is unset. A default that upstream's encoder would leave out is none.
fn set(object: &mut Map<String, Value>, field: &Field, json: &str) {
    let unset = match object.get(field.name) {
        None | Some(Value::Null) => true,
        Some(value) => !field.pointer && is_zero(value),
    };
    if !unset {
        return;
    }
    let Ok(value) = serde_json::from_str(json) else { return };
    if field.pointer || !is_zero(&value) || field.zero.is_some() {
        object.insert(field.name.to_owned(), value);
    }
}

fn is_zero(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false))
        || value == ""
        || value.as_f64() == Some(0.0)
        || value == &Value::Array(Vec::new())
}

fn value(value: &mut Value, ty: &'static FieldType) {
    match (ty, value) {
        (FieldType::Message(ty), Value::Object(object)) => message(object, ty),
        (FieldType::List(item), Value::Array(items)) => items.iter_mut().for_each(|value| self::value(value, item)),
        (FieldType::Map(FieldType::Quantity), Value::Object(entries)) => entries.values_mut().for_each(rules::round),
        (FieldType::Map(item), Value::Object(entries)) => {
            entries.values_mut().for_each(|value| self::value(value, item));
        }
        _ => {}
    }
}

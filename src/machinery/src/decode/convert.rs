//! The one walk over a document: checks types, drops and notes unknown fields, and gives every field the form that
//! upstream's encoder would give it.

use std::sync::LazyLock;

use schema::{Field, FieldType, Type};
use serde_json::{Map, Value};

use super::{DecodeError, json::MOST_PROBLEMS, scalar};

/// `JSONSchemaProps`, which three special types refer to.
static JSON_SCHEMA: LazyLock<Option<&'static Type>> =
    LazyLock::new(|| schema::ty("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"));

pub(crate) fn json_schema() -> Option<&'static Type> {
    *JSON_SCHEMA
}

#[derive(Default)]
pub(super) struct Converter {
    pub problems: Vec<String>,
    path: Vec<Step>,
}

enum Step {
    Field(&'static Type, &'static str),
    Key(String),
    Index(usize),
}

type Result<T> = std::result::Result<T, DecodeError>;

impl Converter {
    pub(super) fn document(&mut self, value: Value, ty: &'static Type) -> Result<Value> {
        self.message(value, ty)
    }

    fn message(&mut self, value: Value, ty: &'static Type) -> Result<Value> {
        let mut object = match value {
            Value::Object(object) => object,
            Value::Null => Map::new(),
            other => return Err(self.mismatch(&other, &FieldType::Message(ty))),
        };
        let mut out = Map::new();
        if ty.kind {
            for name in ["apiVersion", "kind"] {
                match object.remove(name) {
                    Some(Value::String(text)) if text.is_empty() => {}
                    Some(text @ Value::String(_)) => {
                        out.insert(name.to_owned(), text);
                    }
                    None | Some(Value::Null) => {}
                    Some(other) => {
                        self.path.push(Step::Field(ty, name));
                        return Err(self.mismatch(&other, &FieldType::String));
                    }
                }
            }
        }
        for field in ty.fields {
            let value = object.remove(field.name).unwrap_or(Value::Null);
            self.path.push(Step::Field(ty, field.name));
            if let Some(value) = self.field(value, field)? {
                out.insert(field.name.to_owned(), value);
            }
            self.path.pop();
        }
        for unknown in object.keys() {
            self.note_unknown(unknown);
        }
        Ok(Value::Object(out))
    }

    /// None if the field is left out.
    fn field(&mut self, value: Value, field: &Field) -> Result<Option<Value>> {
        if value.is_null() {
            return Ok(match field.zero {
                None => None,
                Some("{}") => Some(self.value(Value::Object(Map::new()), &field.ty)?),
                Some(zero) => Some(serde_json::from_str(zero).unwrap_or(Value::Null)),
            });
        }
        let value = self.value(value, &field.ty)?;
        let left_out = field.zero.is_none() && !field.pointer && is_zero(&value);
        Ok((!left_out).then_some(value))
    }

    fn value(&mut self, value: Value, ty: &FieldType) -> Result<Value> {
        match (ty, value) {
            (FieldType::Message(ty), value) => self.message(value, ty),
            (FieldType::List(item), Value::Array(items)) => self.list(items, item),
            (FieldType::Map(item), Value::Object(entries)) => self.map(entries, item),
            (FieldType::List(_) | FieldType::Map(_), Value::Null) => Ok(Value::Null),
            (FieldType::SchemaOrArray, Value::Array(items)) => match json_schema() {
                Some(ty) => self.list(items, &FieldType::Message(ty)),
                None => Ok(Value::Array(items)),
            },
            (FieldType::Strings | FieldType::SchemaOrStrings, Value::Array(items)) => {
                self.list(items, &FieldType::String)
            }
            (
                FieldType::SchemaOrArray | FieldType::SchemaOrStrings | FieldType::SchemaOrBool,
                value @ Value::Object(_),
            ) => match json_schema() {
                Some(ty) => self.message(value, ty),
                None => Ok(value),
            },
            (FieldType::RawExtension | FieldType::FieldsV1 | FieldType::Json, value)
            | (FieldType::SchemaOrBool, value @ Value::Bool(_)) => Ok(value),
            (ty, value) => self.scalar(value, ty),
        }
    }

    fn scalar(&self, value: Value, ty: &FieldType) -> Result<Value> {
        match (ty, &value) {
            (FieldType::String | FieldType::IntOrString, Value::String(_)) | (FieldType::Bool, Value::Bool(_)) => {
                Ok(value)
            }
            (FieldType::Int32 | FieldType::IntOrString, Value::Number(number))
                if number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) =>
            {
                Ok(value)
            }
            (FieldType::Int64, Value::Number(number)) if number.is_i64() => Ok(value),
            (FieldType::Bytes, Value::String(text)) => Ok(scalar::bytes(text)?.into()),
            (FieldType::Quantity, Value::String(text)) => Ok(scalar::quantity(text)?.into()),
            (FieldType::Quantity, Value::Number(number)) => Ok(scalar::quantity(&number.to_string())?.into()),
            (FieldType::Time, Value::String(text)) => Ok(scalar::time(text)?.into()),
            (FieldType::MicroTime, Value::String(text)) => Ok(scalar::micro_time(text)?.into()),
            // A null inside a list or map is the type's zero.
            (FieldType::String, Value::Null) => Ok("".into()),
            (FieldType::Bool, Value::Null) => Ok(false.into()),
            (FieldType::Int32 | FieldType::Int64 | FieldType::Double | FieldType::IntOrString, Value::Null) => {
                Ok(0.into())
            }
            (FieldType::Quantity, Value::Null) => Ok("0".into()),
            (FieldType::Time | FieldType::MicroTime | FieldType::Bytes | FieldType::Duration, Value::Null)
            | (FieldType::Double, Value::Number(_))
            | (FieldType::Duration, Value::String(_)) => Ok(value),
            _ => Err(self.mismatch(&value, ty)),
        }
    }

    fn list(&mut self, items: Vec<Value>, ty: &FieldType) -> Result<Value> {
        let mut out = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            self.path.push(Step::Index(index));
            out.push(self.value(item, ty)?);
            self.path.pop();
        }
        Ok(Value::Array(out))
    }

    fn map(&mut self, entries: Map<String, Value>, ty: &FieldType) -> Result<Value> {
        let mut out = Map::new();
        for (key, value) in entries {
            self.path.push(Step::Key(key.clone()));
            let value = self.value(value, ty)?;
            self.path.pop();
            out.insert(key, value);
        }
        Ok(Value::Object(out))
    }

    fn note_unknown(&mut self, name: &str) {
        if self.problems.len() >= MOST_PROBLEMS {
            return;
        }
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Index(index) => path = format!("{path}[{index}]"),
                Step::Field(_, name) => path = join(&path, name),
                Step::Key(key) => path = join(&path, key),
            }
        }
        self.problems.push(format!("unknown field \"{}\"", join(&path, name)));
    }

    fn mismatch(&self, found: &Value, expected: &FieldType) -> DecodeError {
        let found = match found {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(number) if is_number(expected) => format!("number {number}"),
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) => "object".to_owned(),
        };
        let fields = self.path.iter().filter_map(|step| match step {
            Step::Field(ty, name) => Some((*ty, *name)),
            _ => None,
        });
        let names: Vec<&str> = fields.clone().map(|(_, name)| name).collect();
        let place = match fields.clone().next_back() {
            Some((ty, _)) => format!("struct field {}.{}", ty.short_name(), names.join(".")),
            None => "value".to_owned(),
        };
        DecodeError::Type {
            found,
            place,
            expected: go_type(expected),
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn is_number(ty: &FieldType) -> bool {
    matches!(
        ty,
        FieldType::Int32 | FieldType::Int64 | FieldType::Double | FieldType::IntOrString
    )
}

/// Name of the Go type that upstream's message shows.
fn go_type(ty: &FieldType) -> String {
    match ty {
        FieldType::Bool => "bool".to_owned(),
        FieldType::Int32 | FieldType::IntOrString => "int32".to_owned(),
        FieldType::Int64 => "int64".to_owned(),
        FieldType::Double => "float64".to_owned(),
        FieldType::Bytes => "[]uint8".to_owned(),
        FieldType::Strings => "[]string".to_owned(),
        FieldType::List(item) => format!("[]{}", go_type(item)),
        FieldType::Map(item) => format!("map[string]{}", go_type(item)),
        FieldType::Message(ty) => {
            let mut parts = ty.name.rsplit('.');
            let (name, package) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            format!("{package}.{name}")
        }
        FieldType::SchemaOrArray | FieldType::SchemaOrBool | FieldType::SchemaOrStrings => {
            "v1.JSONSchemaProps".to_owned()
        }
        _ => "string".to_owned(),
    }
}

/// What `omitempty` leaves out.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
    }
}

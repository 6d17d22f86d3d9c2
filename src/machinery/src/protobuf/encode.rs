//! JSON to wire.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schema::{Field, FieldType, Type};
use serde_json::Value;

use super::{ProtobufError, wire};
use crate::decode::{json_schema, parse_time};

type Result<T> = std::result::Result<T, ProtobufError>;

pub(super) fn message(value: &Value, ty: &'static Type, out: &mut Vec<u8>) -> Result<()> {
    level(value, ty, ty.wire, 0, out)
}

/// Fields `wire`, all of which share the first `depth` inlined messages.
fn level(value: &Value, ty: &'static Type, wire: &[u16], depth: usize, out: &mut Vec<u8>) -> Result<()> {
    let mut rest = wire;
    while let Some(first) = rest.first() {
        let field = &ty.fields[usize::from(*first)];
        let Some(wrapper) = field.within.get(depth) else {
            if let Some(value) = value.get(field.name).filter(|value| !value.is_null()) {
                self::field(value, ty, field, out)?;
            }
            rest = &rest[1..];
            continue;
        };
        let same = |index: &u16| ty.fields[usize::from(*index)].within.get(depth) == Some(wrapper);
        let end = rest.iter().position(|index| !same(index)).unwrap_or(rest.len());
        let mut inner = Vec::new();
        level(value, ty, &rest[..end], depth + 1, &mut inner)?;
        wire::bytes(out, *wrapper, &inner);
        rest = &rest[end..];
    }
    Ok(())
}

fn field(value: &Value, ty: &'static Type, field: &'static Field, out: &mut Vec<u8>) -> Result<()> {
    let done = match (&field.ty, value) {
        (FieldType::List(item), Value::Array(items)) => items.iter().try_for_each(|v| one(v, item, field.number, out)),
        (FieldType::Map(item), Value::Object(entries)) => entries.iter().try_for_each(|(key, value)| {
            let mut entry = Vec::new();
            wire::bytes(&mut entry, 1, key.as_bytes());
            one(value, item, 2, &mut entry)?;
            wire::bytes(out, field.number, &entry);
            Ok(())
        }),
        (field_type, value) => one(value, field_type, field.number, out),
    };
    done.map_err(|error| match error {
        // The innermost message names the place best.
        ProtobufError::Value { ty: "", .. } => ProtobufError::Value {
            ty: ty.name,
            field: field.name,
        },
        other => other,
    })
}

const MISMATCH: ProtobufError = ProtobufError::Value { ty: "", field: "" };

fn text(value: &Value) -> Result<&str> {
    value.as_str().ok_or(MISMATCH)
}

fn one(value: &Value, ty: &FieldType, number: u32, out: &mut Vec<u8>) -> Result<()> {
    match ty {
        FieldType::String => wire::bytes(out, number, text(value)?.as_bytes()),
        FieldType::Bytes => {
            // A null in a map of bytes is an empty value.
            let data = STANDARD
                .decode(value.as_str().unwrap_or_default())
                .map_err(|_| MISMATCH)?;
            wire::bytes(out, number, &data);
        }
        FieldType::Bool => wire::number(out, number, i64::from(value.as_bool().ok_or(MISMATCH)?)),
        FieldType::Int32 | FieldType::Int64 => wire::number(out, number, value.as_i64().ok_or(MISMATCH)?),
        FieldType::Double => {
            wire::tag(out, number, wire::FIXED64);
            out.extend_from_slice(&value.as_f64().ok_or(MISMATCH)?.to_le_bytes());
        }
        FieldType::Quantity => nested(out, number, |inner| {
            wire::bytes(inner, 1, text(value)?.as_bytes());
            Ok(())
        })?,
        FieldType::Time | FieldType::MicroTime => nested(out, number, |inner| {
            if value.is_null() {
                return Ok(());
            }
            let time = parse_time(text(value)?).ok_or(MISMATCH)?;
            wire::number(inner, 1, time.as_second());
            wire::number(inner, 2, i64::from(time.subsec_nanosecond()));
            Ok(())
        })?,
        FieldType::IntOrString => nested(out, number, |inner| {
            let (kind, number, text) = match value {
                Value::String(text) => (1, 0, text.as_str()),
                _ => (0, value.as_i64().ok_or(MISMATCH)?, ""),
            };
            wire::number(inner, 1, kind);
            wire::number(inner, 2, number);
            wire::bytes(inner, 3, text.as_bytes());
            Ok(())
        })?,
        FieldType::RawExtension | FieldType::FieldsV1 | FieldType::Json => nested(out, number, |inner| {
            wire::bytes(inner, 1, value.to_string().as_bytes());
            Ok(())
        })?,
        FieldType::Strings => nested(out, number, |inner| {
            for item in value.as_array().ok_or(MISMATCH)? {
                wire::bytes(inner, 1, text(item)?.as_bytes());
            }
            Ok(())
        })?,
        FieldType::SchemaOrArray | FieldType::SchemaOrBool | FieldType::SchemaOrStrings => {
            nested(out, number, |inner| schema_or(value, ty, inner))?;
        }
        FieldType::Message(ty) => nested(out, number, |inner| message(value, ty, inner))?,
        FieldType::Duration | FieldType::List(_) | FieldType::Map(_) => return Err(MISMATCH),
    }
    Ok(())
}

fn nested(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let mut inner = Vec::new();
    write(&mut inner)?;
    wire::bytes(out, number, &inner);
    Ok(())
}

fn schema_or(value: &Value, ty: &FieldType, out: &mut Vec<u8>) -> Result<()> {
    let schema = json_schema().ok_or(MISMATCH)?;
    match (ty, value) {
        (FieldType::SchemaOrArray, Value::Array(items)) => items
            .iter()
            .try_for_each(|item| one(item, &FieldType::Message(schema), 2, out)),
        (FieldType::SchemaOrStrings, Value::Array(items)) => {
            items.iter().try_for_each(|item| one(item, &FieldType::String, 2, out))
        }
        (FieldType::SchemaOrBool, Value::Bool(allows)) => {
            wire::number(out, 1, i64::from(*allows));
            Ok(())
        }
        (FieldType::SchemaOrBool, Value::Object(_)) => {
            wire::number(out, 1, 1);
            one(value, &FieldType::Message(schema), 2, out)
        }
        (_, Value::Object(_)) => one(value, &FieldType::Message(schema), 1, out),
        _ => Err(MISMATCH),
    }
}

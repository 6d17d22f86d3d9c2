//! Wire to JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use schema::{Field, FieldType, Type};
use serde_json::{Map, Number, Value};

use super::wire::{Raw, Reader};
use super::{MAGIC, ProtobufError};
use crate::decode::{format_micro_time, format_time, json_schema};

type Result<T> = std::result::Result<T, ProtobufError>;

/// Deeper than any real object; JSON schemas nest most.
const DEEPEST: usize = 100;

pub(super) fn message(raw: &[u8], ty: &'static Type, depth: usize) -> Result<Value> {
    let mut out = Map::new();
    fields(raw, ty, &[], depth, &mut out)?;
    Ok(Value::Object(out))
}

/// Fields of the message, or of the one inlined at `within`.
fn fields(raw: &[u8], ty: &'static Type, within: &[u32], depth: usize, out: &mut Map<String, Value>) -> Result<()> {
    if depth > DEEPEST {
        return Err(ProtobufError::TooDeep);
    }
    let mut reader = Reader::new(raw);
    while let Some((number, raw)) = reader.field()? {
        if let Some(field) = ty.fields.iter().find(|f| f.number == number && f.within == within) {
            self::field(raw, field, depth, out)?;
            continue;
        }
        let inner: Vec<u32> = within.iter().copied().chain([number]).collect();
        if ty.fields.iter().any(|field| field.within.starts_with(&inner)) {
            fields(raw.bytes()?, ty, &inner, depth + 1, out)?;
        }
    }
    Ok(())
}

fn field(raw: Raw<'_>, field: &'static Field, depth: usize, out: &mut Map<String, Value>) -> Result<()> {
    match &field.ty {
        FieldType::List(item) => {
            let value = one(raw, item, depth)?;
            let list = out.entry(field.name).or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut()
                .into_iter()
                .for_each(|list| list.push(value.clone()));
        }
        FieldType::Map(item) => {
            let (mut key, mut value) = ("", None);
            let mut reader = Reader::new(raw.bytes()?);
            while let Some((number, raw)) = reader.field()? {
                match number {
                    1 => key = raw.text()?,
                    2 => value = Some(one(raw, item, depth)?),
                    _ => {}
                }
            }
            let value = match value {
                Some(value) => value,
                None => one(zero(item), item, depth)?,
            };
            let map = out.entry(field.name).or_insert_with(|| Value::Object(Map::new()));
            if let Some(map) = map.as_object_mut() {
                map.insert(key.to_owned(), value);
            }
        }
        ty => {
            let value = one(raw, ty, depth)?;
            out.insert(field.name.to_owned(), value);
        }
    }
    Ok(())
}

/// A map entry without a value has the type's zero.
fn zero(ty: &FieldType) -> Raw<'static> {
    match ty {
        FieldType::Bool | FieldType::Int32 | FieldType::Int64 => Raw::Varint(0),
        FieldType::Double => Raw::Fixed64(0),
        _ => Raw::Bytes(&[]),
    }
}

fn one(raw: Raw<'_>, ty: &FieldType, depth: usize) -> Result<Value> {
    Ok(match ty {
        FieldType::String => raw.text()?.into(),
        FieldType::Bytes => STANDARD.encode(raw.bytes()?).into(),
        FieldType::Bool => (raw.varint()? != 0).into(),
        FieldType::Int32 => (raw.varint()? as i32).into(),
        FieldType::Int64 => (raw.varint()? as i64).into(),
        FieldType::Double => match raw {
            Raw::Fixed64(bits) => Number::from_f64(f64::from_bits(bits)).map_or(Value::Null, Value::Number),
            _ => return Err(ProtobufError::Malformed("number")),
        },
        FieldType::Quantity => text_at(raw, 1)?.unwrap_or_else(|| "0".to_owned()).into(),
        FieldType::Time => time(raw)?.map_or(Value::Null, |time| format_time(time).into()),
        FieldType::MicroTime => time(raw)?.map_or(Value::Null, |time| format_micro_time(time).into()),
        FieldType::Duration => Value::Null,
        FieldType::IntOrString => int_or_string(raw)?,
        FieldType::RawExtension | FieldType::FieldsV1 | FieldType::Json => embedded(raw, depth)?,
        FieldType::Strings => {
            let mut items = Vec::new();
            let mut reader = Reader::new(raw.bytes()?);
            while let Some((number, raw)) = reader.field()? {
                if number == 1 {
                    items.push(raw.text()?.into());
                }
            }
            Value::Array(items)
        }
        FieldType::SchemaOrArray | FieldType::SchemaOrBool | FieldType::SchemaOrStrings => schema_or(raw, ty, depth)?,
        FieldType::Message(ty) => message(raw.bytes()?, ty, depth + 1)?,
        FieldType::List(_) | FieldType::Map(_) => return Err(ProtobufError::Malformed("nested list")),
    })
}

fn text_at(raw: Raw<'_>, wanted: u32) -> Result<Option<String>> {
    let mut out = None;
    let mut reader = Reader::new(raw.bytes()?);
    while let Some((number, raw)) = reader.field()? {
        if number == wanted {
            out = Some(raw.text()?.to_owned());
        }
    }
    Ok(out)
}

/// The empty message is the zero time.
fn time(raw: Raw<'_>) -> Result<Option<Timestamp>> {
    let (mut seconds, mut nanos, mut any) = (0, 0, false);
    let mut reader = Reader::new(raw.bytes()?);
    while let Some((number, raw)) = reader.field()? {
        any = true;
        match number {
            1 => seconds = raw.varint()? as i64,
            2 => nanos = raw.varint()? as i32,
            _ => {}
        }
    }
    if !any {
        return Ok(None);
    }
    Timestamp::new(seconds, nanos)
        .map(Some)
        .map_err(|_| ProtobufError::Malformed("time"))
}

fn int_or_string(raw: Raw<'_>) -> Result<Value> {
    let (mut is_text, mut number_value, mut text) = (false, 0, "");
    let mut reader = Reader::new(raw.bytes()?);
    while let Some((number, raw)) = reader.field()? {
        match number {
            1 => is_text = raw.varint()? == 1,
            2 => number_value = raw.varint()? as i32,
            3 => text = raw.text()?,
            _ => {}
        }
    }
    Ok(if is_text { text.into() } else { number_value.into() })
}

/// JSON, or an object with an envelope of its own, which counts as a level like any other message.
fn embedded(raw: Raw<'_>, depth: usize) -> Result<Value> {
    let mut data: &[u8] = &[];
    let mut reader = Reader::new(raw.bytes()?);
    while let Some((number, raw)) = reader.field()? {
        if number == 1 {
            data = raw.bytes()?;
        }
    }
    if data.is_empty() {
        return Ok(Value::Null);
    }
    if data.starts_with(MAGIC) {
        return super::decode_at(data, depth + 1);
    }
    serde_json::from_slice(data).map_err(|error| ProtobufError::Json(error.to_string()))
}

fn schema_or(raw: Raw<'_>, ty: &FieldType, depth: usize) -> Result<Value> {
    let schema = json_schema().ok_or(ProtobufError::Malformed("schema"))?;
    let (mut object, mut allows, mut items) = (None, false, Vec::new());
    let mut reader = Reader::new(raw.bytes()?);
    while let Some((number, raw)) = reader.field()? {
        match (ty, number) {
            (FieldType::SchemaOrBool, 1) => allows = raw.varint()? != 0,
            (FieldType::SchemaOrBool, 2) | (_, 1) => object = Some(message(raw.bytes()?, schema, depth + 1)?),
            (FieldType::SchemaOrArray, 2) => items.push(message(raw.bytes()?, schema, depth + 1)?),
            (FieldType::SchemaOrStrings, 2) => items.push(raw.text()?.into()),
            _ => {}
        }
    }
    Ok(match (object, ty) {
        (Some(object), _) => object,
        (None, FieldType::SchemaOrBool) => allows.into(),
        (None, _) => Value::Array(items),
    })
}

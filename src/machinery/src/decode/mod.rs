//! From a request body to an object as the server keeps it: type checks, unknown and duplicate fields, and the same shape
//! that a round trip through upstream's structs gives (empty fields left out or written, quantities and times canonical).

mod convert;
mod json;
mod scalar;

#[cfg(test)]
pub(crate) mod tests;

use schema::Type;
use serde_json::Value;

pub(crate) use convert::json_schema;
pub use json::{Parsed, parse};

pub use scalar::{format_micro_time, format_time, parse_time};

/// Why a body cannot be read as the type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No JSON.
    #[error("{0}")]
    Syntax(String),
    /// A value of another type, in upstream's words.
    #[error("json: cannot unmarshal {found} into Go {place} of type {expected}")]
    Type {
        /// What was found: `string`, `number 1.5`, `array`.
        found: String,
        /// `struct field Container.spec.containers.name` or `value`.
        place: String,
        /// Go type that was expected.
        expected: String,
    },
    /// A text that is no quantity, time or base64.
    #[error("{0}")]
    Value(String),
}

/// A decoded object and what strict decoding finds wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The object, unknown fields removed.
    pub value: Value,
    /// `unknown field "spec.foo"` and `duplicate field "spec.bar"`.
    pub problems: Vec<String>,
}

impl Decoded {
    /// The message of strict field validation, if anything is wrong.
    pub fn strict_error(&self) -> Option<String> {
        (!self.problems.is_empty()).then(|| format!("strict decoding error: {}", self.problems.join(", ")))
    }
}

/// Reads JSON as a document of the type.
pub fn decode(bytes: &[u8], ty: &'static Type) -> Result<Decoded, DecodeError> {
    let parsed = parse(bytes)?;
    let mut decoded = convert(parsed.value, ty)?;
    decoded.problems.extend(
        parsed
            .duplicates
            .iter()
            .map(|path| format!("duplicate field \"{path}\"")),
    );
    decoded.problems.truncate(json::MOST_PROBLEMS);
    Ok(decoded)
}

/// Levels that an object may nest: everybody's reader of JSON ends at 128, and objects are read inside lists and events.
pub(crate) const DEEPEST: usize = 120;

/// How many lists and objects lie inside one another.
pub(crate) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

pub(crate) fn too_deep() -> String {
    format!("the object nests deeper than {DEEPEST} levels")
}

/// Brings a value into the shape of the type. Applying it twice changes nothing more.
pub fn convert(value: Value, ty: &'static Type) -> Result<Decoded, DecodeError> {
    if depth(&value) > DEEPEST {
        return Err(DecodeError::Value(too_deep()));
    }
    let mut converter = convert::Converter::default();
    let value = converter.document(value, ty)?;
    Ok(Decoded {
        value,
        problems: converter.problems,
    })
}

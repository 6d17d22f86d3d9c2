//! JSON objects to upstream's protobuf and back, driven by the schema table.
//!
//! A body is `k8s\0` and a `runtime.Unknown` with apiVersion, kind and the message. Fields that the table does not know
//! are skipped; a kind that it does not know is an error, never an empty object.

mod decode;
mod encode;
mod envelope;
pub mod wire;

#[cfg(test)]
mod tests;

use schema::Type;
use serde_json::Value;

pub use envelope::{MAGIC, Unknown};

/// Media type of a body.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// Why a body cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// It does not begin with `k8s\0`.
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    NoMagic,
    /// It ends inside a field.
    #[error("unexpected EOF")]
    Truncated,
    /// A number or length out of bounds, or a wire type other than the field's.
    #[error("proto: illegal wire data in {0}")]
    Malformed(&'static str),
    /// Messages inside messages without end.
    #[error("proto: too deeply nested")]
    TooDeep,
    /// A kind that has no protobuf form.
    #[error("no protobuf form of {api_version}, Kind={kind}")]
    UnknownKind {
        /// As in the object.
        api_version: String,
        /// As in the object.
        kind: String,
    },
    /// A kind that has a form, but is not the one that belongs here.
    #[error("{api_version}, Kind={kind} cannot be handled as a {wanted}")]
    OtherKind {
        /// As in the envelope.
        api_version: String,
        /// As in the envelope.
        kind: String,
        /// The kind that belongs here.
        wanted: &'static str,
    },
    /// A value that does not fit the field's type.
    #[error("{field} of {ty} has a value of another type")]
    Value {
        /// Message.
        ty: &'static str,
        /// JSON field.
        field: &'static str,
    },
    /// JSON inside a message that is none.
    #[error("embedded JSON: {0}")]
    Json(String),
}

/// An object with apiVersion and kind as a body.
pub fn encode(object: &Value) -> Result<Vec<u8>, ProtobufError> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let raw = encode_message(object, lookup(api_version, kind)?)?;
    Ok(Unknown {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        raw,
    }
    .to_bytes())
}

/// The fields of an object alone, without an envelope.
pub fn encode_message(object: &Value, ty: &'static Type) -> Result<Vec<u8>, ProtobufError> {
    let mut out = Vec::new();
    encode::message(object, ty, &mut out)?;
    Ok(out)
}

/// A body as an object with apiVersion and kind, its fields as they were on the wire: bring it into shape with
/// [`crate::decode::convert`].
pub fn decode(body: &[u8]) -> Result<Value, ProtobufError> {
    decode_at(body, 0)
}

/// A body that has to be of this type, which nothing of it is read before it is known to be.
pub fn decode_as(body: &[u8], ty: &'static Type) -> Result<Value, ProtobufError> {
    let unknown = Unknown::from_bytes(body)?;
    if lookup(&unknown.api_version, &unknown.kind)? != ty {
        return Err(ProtobufError::OtherKind {
            api_version: unknown.api_version,
            kind: unknown.kind,
            wanted: ty.short_name(),
        });
    }
    object(unknown, ty, 0)
}

/// A body inside another one, `depth` levels below its top.
fn decode_at(body: &[u8], depth: usize) -> Result<Value, ProtobufError> {
    let unknown = Unknown::from_bytes(body)?;
    let ty = lookup(&unknown.api_version, &unknown.kind)?;
    object(unknown, ty, depth)
}

fn object(unknown: Unknown, ty: &'static Type, depth: usize) -> Result<Value, ProtobufError> {
    let mut object = decode::message(&unknown.raw, ty, depth)?;
    if let Some(object) = object.as_object_mut() {
        object.insert("apiVersion".to_owned(), unknown.api_version.into());
        object.insert("kind".to_owned(), unknown.kind.into());
    }
    Ok(object)
}

/// The fields of an object from a message without an envelope.
pub fn decode_message(raw: &[u8], ty: &'static Type) -> Result<Value, ProtobufError> {
    decode::message(raw, ty, 0)
}

/// One frame of a protobuf watch: length, then a `WatchEvent` around the object's body.
pub fn watch_frame(event: &str, body: &[u8]) -> Vec<u8> {
    let mut object = Vec::new();
    wire::bytes(&mut object, 1, body);
    let mut message = Vec::new();
    wire::bytes(&mut message, 1, event.as_bytes());
    wire::bytes(&mut message, 2, &object);
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &message].concat()
}

fn lookup(api_version: &str, kind: &str) -> Result<&'static Type, ProtobufError> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let found = schema::kind(group, version, kind);
    let unknown = || ProtobufError::UnknownKind {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
    };
    found.map(|kind| kind.ty).ok_or_else(unknown)
}

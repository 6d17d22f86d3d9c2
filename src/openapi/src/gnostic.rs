//! OpenAPI v2 in protobuf, as older kubectl reads it: messages of gnostic's `openapi.v2`, made from the JSON document.
//!
//! One table row per field; what the documents here never say has no row.

use machinery::protobuf::wire;
use serde_json::Value;

/// A message: its fields by JSON name, and the number of its `vendor_extension`.
pub(crate) struct Message {
    fields: &'static [(&'static str, u32, Shape)],
    extensions: Option<u32>,
}

enum Shape {
    Text,
    Flag,
    Texts,
    /// Any JSON.
    Any,
    /// A type's name in a message of its own.
    Type,
    /// A message, inside the messages of these numbers.
    One(&'static [u32], &'static Message),
    /// Names and values, the latter inside the messages of these numbers.
    Map(&'static [u32], &'static Message),
    Parameters,
    Security,
}

use Shape::{Any, Flag, Map, One, Parameters, Security, Text, Texts, Type};

/// The document's own fields but `paths` and `definitions`.
pub(crate) static HEAD: Message = Message {
    fields: &[
        ("swagger", 1, Text),
        ("info", 2, One(&[], &INFO)),
        ("security", 12, Security),
        ("securityDefinitions", 13, Map(&[2], &API_KEY)),
    ],
    extensions: None,
};

static INFO: Message = Message {
    fields: &[("title", 1, Text), ("version", 2, Text)],
    extensions: None,
};

static API_KEY: Message = Message {
    fields: &[
        ("type", 1, Text),
        ("name", 2, Text),
        ("in", 3, Text),
        ("description", 4, Text),
    ],
    extensions: None,
};

pub(crate) static PATH: Message = Message {
    fields: &[
        ("get", 2, One(&[], &OPERATION)),
        ("put", 3, One(&[], &OPERATION)),
        ("post", 4, One(&[], &OPERATION)),
        ("delete", 5, One(&[], &OPERATION)),
        ("options", 6, One(&[], &OPERATION)),
        ("head", 7, One(&[], &OPERATION)),
        ("patch", 8, One(&[], &OPERATION)),
        ("parameters", 9, Parameters),
    ],
    extensions: None,
};

static OPERATION: Message = Message {
    fields: &[
        ("tags", 1, Texts),
        ("description", 3, Text),
        ("operationId", 5, Text),
        ("produces", 6, Texts),
        ("consumes", 7, Texts),
        ("parameters", 8, Parameters),
        ("responses", 9, Map(&[1], &RESPONSE)),
        ("schemes", 10, Texts),
    ],
    extensions: Some(13),
};

static RESPONSE: Message = Message {
    fields: &[("description", 1, Text), ("schema", 2, One(&[1], &SCHEMA))],
    extensions: None,
};

static BODY: Message = Message {
    fields: &[
        ("description", 1, Text),
        ("name", 2, Text),
        ("in", 3, Text),
        ("required", 4, Flag),
        ("schema", 5, One(&[], &SCHEMA)),
    ],
    extensions: None,
};

static IN_QUERY: Message = Message {
    fields: &[
        ("required", 1, Flag),
        ("in", 2, Text),
        ("description", 3, Text),
        ("name", 4, Text),
        ("type", 6, Text),
        ("uniqueItems", 20, Flag),
    ],
    extensions: None,
};

static IN_PATH: Message = Message {
    fields: &[
        ("required", 1, Flag),
        ("in", 2, Text),
        ("description", 3, Text),
        ("name", 4, Text),
        ("type", 5, Text),
        ("uniqueItems", 19, Flag),
    ],
    extensions: None,
};

pub(crate) static SCHEMA: Message = Message {
    fields: &[
        ("$ref", 1, Text),
        ("format", 2, Text),
        ("description", 4, Text),
        ("default", 5, Any),
        ("required", 19, Texts),
        ("additionalProperties", 21, One(&[1], &SCHEMA)),
        ("type", 22, Type),
        ("items", 23, One(&[1], &SCHEMA)),
        ("properties", 25, Map(&[], &SCHEMA)),
    ],
    extensions: Some(31),
};

/// The fields of a message.
pub(crate) fn encode(value: &Value, message: &Message, out: &mut Vec<u8>) {
    for (name, number, shape) in message.fields {
        if let Some(value) = value.get(name) {
            field(value, *number, shape, out);
        }
    }
    let Some(number) = message.extensions else { return };
    for (name, value) in value.as_object().into_iter().flatten() {
        if name.starts_with("x-") {
            let named = |out: &mut Vec<u8>| named(name, out, |out| any(value, out));
            nested(out, number, named);
        }
    }
}

/// A name and its value, as maps are written.
pub(crate) fn named(name: &str, out: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    wire::bytes(out, 1, name.as_bytes());
    nested(out, 2, value);
}

pub(crate) fn nested(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    write(&mut inner);
    wire::bytes(out, number, &inner);
}

/// JSON is YAML.
fn any(value: &Value, out: &mut Vec<u8>) {
    wire::bytes(out, 2, value.to_string().as_bytes());
}

fn within(numbers: &[u32], value: &Value, message: &Message, out: &mut Vec<u8>) {
    match numbers.split_first() {
        None => encode(value, message, out),
        Some((first, rest)) => nested(out, *first, |out| within(rest, value, message, out)),
    }
}

fn texts(value: &Value, number: u32, out: &mut Vec<u8>) {
    for text in value.as_array().into_iter().flatten().filter_map(Value::as_str) {
        wire::bytes(out, number, text.as_bytes());
    }
}

fn field(value: &Value, number: u32, shape: &Shape, out: &mut Vec<u8>) {
    let text = value.as_str().unwrap_or_default().as_bytes();
    let items = value.as_array().into_iter().flatten();
    let entries = value.as_object().into_iter().flatten();
    match shape {
        Text => wire::bytes(out, number, text),
        Flag => wire::number(out, number, i64::from(value.as_bool().unwrap_or_default())),
        Texts => texts(value, number, out),
        Any => nested(out, number, |out| any(value, out)),
        Type => nested(out, number, |out| wire::bytes(out, 1, text)),
        One(numbers, message) => nested(out, number, |out| within(numbers, value, message, out)),
        Map(numbers, message) => nested(out, number, |out| {
            for (name, value) in entries {
                let entry = |out: &mut Vec<u8>| named(name, out, |out| within(numbers, value, message, out));
                nested(out, 1, entry);
            }
        }),
        Parameters => {
            for parameter in items {
                let (numbers, message): (&[u32], _) = match parameter["in"].as_str() {
                    Some("body") => (&[1, 1], &BODY),
                    Some("path") => (&[1, 2, 4], &IN_PATH),
                    _ => (&[1, 2, 3], &IN_QUERY),
                };
                nested(out, number, |out| within(numbers, parameter, message, out));
            }
        }
        Security => {
            for (name, scopes) in items.filter_map(Value::as_object).flatten() {
                nested(out, number, |out| {
                    nested(out, 1, |out| named(name, out, |out| texts(scopes, 1, out)));
                });
            }
        }
    }
}

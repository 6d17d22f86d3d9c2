//! What server-side apply needs to know of a type, from the schema table or from a CRD's schema.

use schema::{Field, FieldType, ListType, Type};
use serde_json::Value;

use super::path::PathElement;

/// The type of an object.
#[derive(Debug, Clone, Copy)]
pub enum Schema<'a> {
    /// A built-in kind.
    Builtin(&'static Type),
    /// A custom resource: its structural `openAPIV3Schema`.
    Custom(&'a Value),
}

/// The type of one value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Node<'a> {
    /// A message, or the root of an object.
    Message { ty: &'static Type, atomic: bool },
    /// A field's value, with what the field says of its list or map.
    Field(&'static Field),
    /// An item of a list or map.
    Item(&'static FieldType),
    /// A custom resource or a part of it.
    Custom { schema: &'a Value, root: bool },
    /// A scalar whatever it holds.
    Scalar,
    /// As the value shows: lists are atomic, maps are not.
    Deduced,
}

/// How a value merges.
pub(super) enum Atom<'a> {
    Scalar,
    List { keys: Option<Keys<'a>>, item: Node<'a> },
    Map { atomic: bool, node: Node<'a> },
}

/// Identity of the items of a list that merges.
#[derive(Clone, Copy)]
pub(super) enum Keys<'a> {
    /// The item itself.
    Set,
    Static(&'static [&'static str]),
    Custom(&'a [Value]),
}

impl<'a> From<Schema<'a>> for Node<'a> {
    fn from(schema: Schema<'a>) -> Self {
        match schema {
            Schema::Builtin(ty) => Node::Message { ty, atomic: false },
            Schema::Custom(schema) => Node::Custom { schema, root: true },
        }
    }
}

impl<'a> Node<'a> {
    /// How the value merges; `value` decides where the schema does not.
    pub(super) fn atom(self, value: Option<&Value>) -> Atom<'a> {
        match self {
            Node::Message { ty, atomic } => Atom::Map {
                atomic: atomic || ty.atomic,
                node: self,
            },
            Node::Field(field) => match &field.ty {
                FieldType::List(item) => {
                    let keys = match field.list {
                        ListType::Atomic => None,
                        ListType::Set => Some(Keys::Set),
                        ListType::Map => Some(Keys::Static(field.keys)),
                    };
                    Atom::List {
                        keys,
                        item: Node::Item(item),
                    }
                }
                FieldType::Map(_) => Atom::Map {
                    atomic: field.atomic,
                    node: self,
                },
                FieldType::Message(ty) => Atom::Map {
                    atomic: field.atomic || ty.atomic,
                    node: Node::Message {
                        ty,
                        atomic: field.atomic,
                    },
                },
                other => plain(other, value),
            },
            Node::Item(FieldType::Message(ty)) => Atom::Map {
                atomic: ty.atomic,
                node: Node::Message { ty, atomic: false },
            },
            Node::Item(FieldType::List(item)) => Atom::List {
                keys: None,
                item: Node::Item(item),
            },
            Node::Item(FieldType::Map(_)) => Atom::Map {
                atomic: false,
                node: self,
            },
            Node::Item(other) => plain(other, value),
            Node::Custom { schema, .. } => custom(self, schema, value),
            Node::Scalar => Atom::Scalar,
            Node::Deduced => deduced(value),
        }
    }

    /// The declared field of a map-like node.
    pub(super) fn field(self, name: &str) -> Option<Node<'a>> {
        match self {
            Node::Message { ty, .. } => match ty.field(name) {
                Some(field) => Some(Node::Field(field)),
                None if ty.kind && matches!(name, "apiVersion" | "kind") => Some(Node::Scalar),
                None => None,
            },
            Node::Custom { root: true, .. } if matches!(name, "apiVersion" | "kind") => Some(Node::Scalar),
            Node::Custom { root: true, .. } if name == "metadata" => {
                let meta = schema::ty("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
                meta.map(|ty| Node::Message { ty, atomic: false })
            }
            Node::Custom { schema, .. } => {
                let found = schema.get("properties").and_then(|properties| properties.get(name));
                found.map(|schema| Node::Custom {
                    schema,
                    root: schema["x-kubernetes-embedded-resource"] == true,
                })
            }
            _ => None,
        }
    }

    /// The type of entries that are not declared; none if there may be none.
    pub(super) fn element(self) -> Option<Node<'a>> {
        match self {
            Node::Field(Field {
                ty: FieldType::Map(item),
                ..
            })
            | Node::Item(FieldType::Map(item)) => Some(Node::Item(item)),
            Node::Custom { schema, .. } => match schema.get("additionalProperties") {
                Some(schema @ Value::Object(_)) => Some(Node::Custom { schema, root: false }),
                Some(Value::Bool(true)) => Some(Node::Deduced),
                _ if schema["x-kubernetes-preserve-unknown-fields"] == true => Some(Node::Deduced),
                _ if schema["x-kubernetes-embedded-resource"] == true => Some(Node::Deduced),
                _ => None,
            },
            Node::Deduced => Some(Node::Deduced),
            _ => None,
        }
    }

    /// The type of an entry, declared or not.
    pub(super) fn entry(self, name: &str) -> Node<'a> {
        self.field(name).or_else(|| self.element()).unwrap_or(Node::Deduced)
    }

    fn default_of(self, name: &str) -> Option<Value> {
        match self.field(name)? {
            Node::Field(field) => serde_json::from_str(field.default?).ok(),
            Node::Custom { schema, .. } => schema.get("default").cloned(),
            _ => None,
        }
    }
}

fn plain<'a>(ty: &FieldType, value: Option<&Value>) -> Atom<'a> {
    match ty {
        FieldType::RawExtension
        | FieldType::FieldsV1
        | FieldType::Json
        | FieldType::SchemaOrArray
        | FieldType::SchemaOrBool
        | FieldType::SchemaOrStrings => deduced(value),
        FieldType::Strings => Atom::List {
            keys: None,
            item: Node::Scalar,
        },
        _ => Atom::Scalar,
    }
}

fn deduced<'a>(value: Option<&Value>) -> Atom<'a> {
    match value {
        Some(Value::Array(_)) => Atom::List {
            keys: None,
            item: Node::Deduced,
        },
        Some(Value::Object(_)) => Atom::Map {
            atomic: false,
            node: Node::Deduced,
        },
        _ => Atom::Scalar,
    }
}

fn custom<'a>(node: Node<'a>, schema: &'a Value, value: Option<&Value>) -> Atom<'a> {
    if schema["x-kubernetes-int-or-string"] == true {
        return Atom::Scalar;
    }
    match schema["type"].as_str() {
        Some("array") => {
            let keys = match schema["x-kubernetes-list-type"].as_str() {
                Some("set") => Some(Keys::Set),
                Some("map") => schema["x-kubernetes-list-map-keys"]
                    .as_array()
                    .map(|keys| Keys::Custom(keys)),
                _ => None,
            };
            let item = schema
                .get("items")
                .map_or(Node::Deduced, |schema| Node::Custom { schema, root: false });
            Atom::List { keys, item }
        }
        Some("object") => Atom::Map {
            atomic: schema["x-kubernetes-map-type"] == "atomic",
            node,
        },
        Some(_) => Atom::Scalar,
        None => deduced(value),
    }
}

/// The identity of a list's item, or upstream's words for why it has none.
pub(super) fn identity(keys: Keys<'_>, item: Node<'_>, value: &Value) -> Result<PathElement, String> {
    let names: Vec<&str> = match keys {
        Keys::Set => {
            return match value {
                Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
                Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
                Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
                scalar => Ok(PathElement::Value(scalar.clone())),
            };
        }
        Keys::Static(names) => names.to_vec(),
        Keys::Custom(names) => names.iter().filter_map(Value::as_str).collect(),
    };
    let Some(object) = value.as_object() else {
        let what = if value.is_null() {
            "a null element"
        } else {
            "non-map elements"
        };
        return Err(format!("associative list with keys may not have {what}"));
    };
    let Atom::Map { node, .. } = item.atom(Some(value)) else {
        return Err("associative list may not have non-map types".to_owned());
    };
    let value_of = |name: &str| object.get(name).cloned().or_else(|| node.default_of(name));
    let mut found: Vec<(String, Value)> = names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), value_of(name)?)))
        .collect();
    if found.is_empty() {
        let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(PathElement::Key(found))
}

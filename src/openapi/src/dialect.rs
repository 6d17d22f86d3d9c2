//! Where OpenAPI v2 and v3 write the same thing in different words.

use serde_json::{Map, Value, json};

use crate::parameters::Parameter;

/// A version of the OpenAPI specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    V2,
    V3,
}

/// What an operation takes: its schema, the media types of it, and whether it may be missing.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) schema: Value,
    pub(crate) media: &'static [&'static str],
    pub(crate) required: bool,
}

impl Dialect {
    /// A reference to the schema of this name.
    pub(crate) fn reference(self, name: &str) -> Value {
        match self {
            Self::V2 => json!({"$ref": format!("#/definitions/{name}")}),
            Self::V3 => json!({"$ref": format!("#/components/schemas/{name}")}),
        }
    }

    /// The schema with a description. In v3 a reference takes no siblings.
    pub(crate) fn described(self, mut schema: Value, text: &str) -> Value {
        if self == Self::V3
            && let Some(reference) = schema.as_object_mut().and_then(|schema| schema.remove("$ref"))
        {
            schema["allOf"] = json!([{"$ref": reference}]);
        }
        schema["description"] = text.into();
        schema
    }

    /// A schema of several types; v2 knows only one.
    pub(crate) fn string_or(self, other: &str) -> Value {
        match self {
            Self::V2 => json!({"type": "string"}),
            Self::V3 => json!({"oneOf": [{"type": "string"}, {"type": other}]}),
        }
    }

    pub(crate) fn parameter(self, parameter: &Parameter<'_>) -> Value {
        let mut out = json!({"name": parameter.name, "in": parameter.place});
        if !parameter.description.is_empty() {
            out["description"] = parameter.description.as_ref().into();
        }
        if parameter.place == "path" {
            out["required"] = true.into();
        }
        match self {
            Self::V2 => {
                out["type"] = parameter.kind.into();
                out["uniqueItems"] = true.into();
            }
            Self::V3 => out["schema"] = json!({"type": parameter.kind, "uniqueItems": true}),
        }
        out
    }

    /// Adds what the operation takes and, by code, what it answers with.
    pub(crate) fn exchange(
        self,
        operation: &mut Value,
        parameters: Vec<Value>,
        takes: Option<Content>,
        gives: Option<&Content>,
        codes: &[(&str, &str)],
    ) {
        let mut parameters = parameters;
        let mut responses = Map::new();
        for (code, meaning) in codes {
            let mut response = json!({"description": meaning});
            if let Some(gives) = gives {
                match self {
                    Self::V2 => response["schema"] = gives.schema.clone(),
                    Self::V3 => response["content"] = by_media(gives),
                }
            }
            responses.insert((*code).to_owned(), response);
        }
        responses.insert("401".to_owned(), json!({"description": "Unauthorized"}));
        operation["responses"] = responses.into();
        if self == Self::V2 {
            operation["schemes"] = json!(["https"]);
            operation["consumes"] = takes.as_ref().map_or(&["*/*"][..], |takes| takes.media).into();
            operation["produces"] = gives.map_or(&["*/*"][..], |gives| gives.media).into();
        }
        if let Some(takes) = takes {
            match self {
                Self::V2 => {
                    let mut body = json!({"name": "body", "in": "body", "schema": takes.schema});
                    if takes.required {
                        body["required"] = true.into();
                    }
                    parameters.insert(0, body);
                }
                Self::V3 => {
                    operation["requestBody"] = json!({"content": by_media(&takes)});
                    if takes.required {
                        operation["requestBody"]["required"] = true.into();
                    }
                }
            }
        }
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
    }
}

fn by_media(content: &Content) -> Value {
    let media = content.media.iter();
    media
        .map(|media| ((*media).to_owned(), json!({"schema": content.schema})))
        .collect()
}

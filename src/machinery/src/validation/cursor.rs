//! Walking an object with the path at hand.

use serde_json::Value;

use crate::field::{FieldError, Path};
use crate::names;

static NULL: Value = Value::Null;

/// Message of a change that is not allowed.
pub(super) const IMMUTABLE: &str = "field is immutable";

/// A value and where it is.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    pub value: &'a Value,
    pub path: Path,
}

impl<'a> At<'a> {
    pub(super) fn child(&self, name: &str) -> Self {
        Self {
            value: self.value.get(name).unwrap_or(&NULL),
            path: self.path.child(name),
        }
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Self> + use<'a> {
        let path = self.path.clone();
        let items = self.value.as_array().map_or(&[][..], Vec::as_slice);
        items.iter().enumerate().map(move |(i, value)| Self {
            value,
            path: path.index(i),
        })
    }

    /// Entries of a map with the paths that upstream gives them, `data[key]`.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Self)> + use<'a> {
        let path = self.path.clone();
        let entries = self.value.as_object().into_iter().flatten();
        entries.map(move |(key, value)| {
            (
                key.as_str(),
                Self {
                    value,
                    path: path.key(key),
                },
            )
        })
    }

    pub(super) fn is_set(&self) -> bool {
        !self.value.is_null()
    }

    /// Neither null nor empty.
    pub(super) fn has_any(&self) -> bool {
        match self.value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(entries) => !entries.is_empty(),
            _ => true,
        }
    }

    pub(super) fn str(&self) -> &'a str {
        self.value.as_str().unwrap_or_default()
    }

    pub(super) fn int(&self) -> Option<i64> {
        self.value.as_i64()
    }

    pub(super) fn is_true(&self) -> bool {
        self.value == &Value::Bool(true)
    }
}

/// The object and what is wrong with it so far.
pub(super) struct Check<'a> {
    object: &'a Value,
    pub errors: Vec<FieldError>,
}

impl<'a> Check<'a> {
    pub(super) fn new(object: &'a Value) -> Self {
        Self {
            object,
            errors: Vec::new(),
        }
    }

    pub(super) fn root(&self) -> At<'a> {
        At {
            value: self.object,
            path: Path::default(),
        }
    }

    pub(super) fn add(&mut self, error: FieldError) {
        self.errors.push(error);
    }

    pub(super) fn invalid(&mut self, at: &At<'_>, detail: impl Into<String>) {
        self.add(FieldError::invalid(&at.path, at.value.clone(), detail));
    }

    pub(super) fn required(&mut self, at: &At<'_>, detail: &str) {
        self.add(FieldError::required(&at.path, detail));
    }

    pub(super) fn forbidden(&mut self, at: &At<'_>, detail: &str) {
        self.add(FieldError::forbidden(&at.path, detail));
    }

    /// One error per message of a check from [`names`].
    pub(super) fn all_invalid(&mut self, at: &At<'_>, messages: Vec<String>) {
        for message in messages {
            self.invalid(at, message);
        }
    }

    /// A text that must be there and pass a check.
    pub(super) fn name(&mut self, at: &At<'_>, rule: fn(&str) -> Vec<String>) {
        if at.has_any() {
            self.all_invalid(at, rule(at.str()));
        } else {
            self.required(at, "");
        }
    }

    /// A text among `allowed`, required if `required`.
    pub(super) fn one_of(&mut self, at: &At<'_>, allowed: &[&str], required: bool) {
        if !at.has_any() {
            if required {
                self.required(at, "");
            }
        } else if !allowed.contains(&at.str()) {
            self.add(FieldError::not_supported(&at.path, at.value.clone(), allowed));
        }
    }

    pub(super) fn not_negative(&mut self, at: &At<'_>) {
        if at.int().is_some_and(|number| number < 0) {
            self.invalid(at, "must be greater than or equal to 0");
        }
    }

    /// A number or a percentage, not negative and at most all.
    pub(super) fn int_or_percent(&mut self, at: &At<'_>) {
        match at.value {
            Value::String(text) => {
                self.all_invalid(at, names::percent(text));
                let percent = text.trim_end_matches('%').parse::<i64>();
                if names::percent(text).is_empty() && percent.is_ok_and(|percent| percent > 100) {
                    self.invalid(at, "must not be greater than 100%");
                }
            }
            _ => self.not_negative(at),
        }
    }

    /// A port as number or name.
    pub(super) fn port(&mut self, at: &At<'_>) {
        match at.value {
            Value::String(name) => self.all_invalid(at, names::port_name(name)),
            Value::Number(number) => self.all_invalid(at, names::port_number(number.as_i64().unwrap_or_default())),
            _ => self.required(at, ""),
        }
    }

    /// The value at `pointer` must be what it was; `path` is how messages name it.
    pub(super) fn immutable(&mut self, pointer: &str, old: &Value, path: &str) {
        self.immutable_with(pointer, old, path, IMMUTABLE);
    }

    pub(super) fn immutable_with(&mut self, pointer: &str, old: &Value, path: &str, detail: &str) {
        let new = self.object.pointer(pointer).unwrap_or(&NULL);
        if new != old.pointer(pointer).unwrap_or(&NULL) {
            self.add(FieldError::invalid(&Path::new(path), new.clone(), detail));
        }
    }
}

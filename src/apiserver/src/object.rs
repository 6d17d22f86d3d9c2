//! Reading and writing the parts of an object that every kind has.

use serde_json::{Map, Value};

/// Accessors on a whole object. Missing parts read as empty.
pub(crate) trait Object {
    fn meta(&self) -> Option<&Map<String, Value>>;
    fn meta_mut(&mut self) -> &mut Map<String, Value>;

    fn meta_str(&self, field: &str) -> &str {
        self.meta()
            .and_then(|meta| meta.get(field))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
    fn name(&self) -> &str {
        self.meta_str("name")
    }
    fn namespace(&self) -> &str {
        self.meta_str("namespace")
    }
    fn uid(&self) -> &str {
        self.meta_str("uid")
    }
    fn resource_version(&self) -> &str {
        self.meta_str("resourceVersion")
    }
    fn is_deleting(&self) -> bool {
        self.meta()
            .is_some_and(|meta| meta.get("deletionTimestamp").is_some_and(|time| !time.is_null()))
    }
    fn finalizers(&self) -> Vec<&str> {
        self.meta()
            .and_then(|meta| meta.get("finalizers"))
            .and_then(Value::as_array)
            .map(|list| list.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default()
    }
    fn grace_seconds(&self) -> Option<i64> {
        self.meta()
            .and_then(|meta| meta.get("deletionGracePeriodSeconds"))
            .and_then(Value::as_i64)
    }
    fn generation(&self) -> i64 {
        self.meta()
            .and_then(|meta| meta.get("generation"))
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }
    fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.meta()
            .and_then(|meta| meta.get("labels"))
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }
    fn set_meta(&mut self, field: &str, value: impl Into<Value>) {
        self.meta_mut().insert(field.to_owned(), value.into());
    }
    fn remove_meta(&mut self, field: &str) -> Option<Value> {
        self.meta_mut().remove(field)
    }
}

impl Object for Value {
    fn meta(&self) -> Option<&Map<String, Value>> {
        self.get("metadata").and_then(Value::as_object)
    }

    fn meta_mut(&mut self) -> &mut Map<String, Value> {
        child(self, "metadata")
    }
}

/// The object at `field`, made if it is missing or something else.
pub(crate) fn child<'a>(value: &'a mut Value, field: &str) -> &'a mut Map<String, Value> {
    let slot = object(value).entry(field).or_insert(Value::Null);
    object(slot)
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(map) = value else {
        unreachable!("made an object above")
    };
    map
}

/// The string at a dotted path (`spec.nodeName`); empty if missing, numbers and booleans as text.
pub(crate) fn text_at(object: &Value, path: &str) -> String {
    let mut at = object;
    for part in path.split('.') {
        match at.get(part) {
            Some(next) => at = next,
            None => return String::new(),
        }
    }
    match at {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}

//! Reading cells out of an object.

use jiff::Timestamp;
use serde_json::Value;

use crate::decode::parse_time;
use crate::duration;
use crate::selector::LabelSelector;

/// One object and the time it is printed at.
pub(super) struct Cells<'a> {
    pub object: &'a Value,
    pub now: Timestamp,
}

impl<'a> Cells<'a> {
    pub(super) fn at(&self, pointer: &str) -> Option<&'a Value> {
        self.object.pointer(pointer).filter(|value| !value.is_null())
    }

    pub(super) fn str(&self, pointer: &str) -> &'a str {
        self.at(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn text(&self, pointer: &str) -> Value {
        self.str(pointer).into()
    }

    /// The text, or another if it is empty.
    pub(super) fn text_or(&self, pointer: &str, other: &str) -> Value {
        let text = self.str(pointer);
        if text.is_empty() { other.into() } else { text.into() }
    }

    pub(super) fn int(&self, pointer: &str) -> i64 {
        self.at(pointer).and_then(Value::as_i64).unwrap_or_default()
    }

    pub(super) fn list(&self, pointer: &str) -> &'a [Value] {
        self.at(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(super) fn size(&self, pointer: &str) -> usize {
        self.at(pointer)
            .and_then(Value::as_object)
            .map_or(0, serde_json::Map::len)
    }

    pub(super) fn name(&self) -> Value {
        self.text("/metadata/name")
    }

    pub(super) fn age(&self) -> Value {
        self.since(self.at("/metadata/creationTimestamp")).into()
    }

    pub(super) fn since(&self, time: Option<&Value>) -> String {
        match time.and_then(Value::as_str).and_then(parse_time) {
            Some(time) => duration::human_between(time, self.now),
            None => "<unknown>".to_owned(),
        }
    }

    /// A pointer to true or false: `<unset>` if there is none.
    pub(super) fn bool_or_unset(&self, pointer: &str) -> Value {
        match self.at(pointer).and_then(Value::as_bool) {
            Some(true) => "True".into(),
            Some(false) => "False".into(),
            None => "<unset>".into(),
        }
    }

    /// Names and images of a pod template's containers.
    pub(super) fn containers(&self, pointer: &str) -> [Value; 2] {
        let of = |field: &str| -> Value {
            let values: Vec<&str> = self.list(pointer).iter().filter_map(|c| c[field].as_str()).collect();
            values.join(",").into()
        };
        [of("name"), of("image")]
    }

    /// A LabelSelector object as text, `<none>` if it selects all.
    pub(super) fn selector(&self, pointer: &str) -> Value {
        let text = LabelSelector::from_object(self.at(pointer).unwrap_or(&Value::Null)).map(|s| s.to_string());
        match text {
            Ok(text) if text.is_empty() => "<none>".into(),
            Ok(text) => text.into(),
            Err(_) => "<error>".into(),
        }
    }

    /// A map as `a=b,c=d`, `<none>` if empty.
    pub(super) fn map(&self, pointer: &str) -> Value {
        let entries = self.at(pointer).and_then(Value::as_object).into_iter().flatten();
        let entries: Vec<String> = entries
            .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
            .collect();
        if entries.is_empty() {
            "<none>".into()
        } else {
            entries.join(",").into()
        }
    }

    pub(super) fn is_deleting(&self) -> bool {
        self.at("/metadata/deletionTimestamp").is_some()
    }

    /// The condition of this type.
    pub(super) fn condition(&self, ty: &str) -> Option<&'a Value> {
        self.list("/status/conditions")
            .iter()
            .find(|condition| condition["type"] == ty)
    }
}

/// Up to `most` items, then how many more there are.
pub(super) fn some_of(items: &[String], most: usize) -> String {
    if items.is_empty() {
        return "<none>".to_owned();
    }
    if items.len() <= most {
        return items.join(",");
    }
    format!("{} + {} more...", items[..most].join(","), items.len() - most)
}

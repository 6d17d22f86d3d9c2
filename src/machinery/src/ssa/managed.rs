//! `metadata.managedFields`: who owns which fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::set::Set;
use crate::decode::{format_time, parse_time};
use jiff::Timestamp;

/// More update entries than this are folded into one.
const MOST_UPDATERS: usize = 10;
const FOLDED: &str = "ancient-changes";

/// Identity of a manager. The order is that of upstream's entries with the same time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ManagerId {
    pub apply: bool,
    pub manager: String,
    /// Empty for appliers: they keep their identity across versions.
    pub api_version: String,
    pub subresource: String,
}

/// What a manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owned {
    pub set: Set,
    pub api_version: String,
    pub time: Option<Timestamp>,
}

/// All managers of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Managed(pub BTreeMap<ManagerId, Owned>);

impl ManagerId {
    pub(super) fn new(apply: bool, manager: &str, api_version: &str, subresource: &str) -> Self {
        let manager = if manager.is_empty() { "unknown" } else { manager };
        Self {
            apply,
            manager: manager.to_owned(),
            api_version: if apply { String::new() } else { api_version.to_owned() },
            subresource: subresource.to_owned(),
        }
    }
}

impl Managed {
    /// Reads the entries of an object; none if they are malformed.
    pub(super) fn of(object: &Value) -> Option<Self> {
        let mut out = Self::default();
        let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        for entry in entries.into_iter().flatten() {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let apply = match text("operation") {
                "Apply" => true,
                "Update" => false,
                _ => return None,
            };
            if text("apiVersion").is_empty() || text("fieldsType") != "FieldsV1" {
                return None;
            }
            let fields = entry.get("fieldsV1").filter(|fields| !fields.is_null());
            let set = fields.map_or(Some(Set::default()), Set::from_fields)?;
            let id = ManagerId {
                apply,
                manager: text("manager").to_owned(),
                api_version: if apply {
                    String::new()
                } else {
                    text("apiVersion").to_owned()
                },
                subresource: text("subresource").to_owned(),
            };
            let owned = Owned {
                set,
                api_version: text("apiVersion").to_owned(),
                time: parse_time(text("time")),
            };
            out.0.insert(id, owned);
        }
        Some(out)
    }

    /// Writes the entries into the object, in upstream's order.
    pub(super) fn write(&self, object: &mut Value) {
        let Some(metadata) = object
            .as_object_mut()
            .map(|object| object.entry("metadata").or_insert_with(|| json!({})))
        else {
            return;
        };
        let Some(metadata) = metadata.as_object_mut() else {
            return;
        };
        metadata.remove("managedFields");
        if self.0.is_empty() {
            return;
        }
        let mut entries: Vec<(&ManagerId, &Owned)> = self.0.iter().collect();
        let seconds = |owned: &Owned| owned.time.map_or(0, Timestamp::as_second);
        entries.sort_by(|(a, x), (b, y)| {
            let by_operation = b.apply.cmp(&a.apply).then_with(|| seconds(x).cmp(&seconds(y)));
            by_operation
                .then_with(|| a.manager.cmp(&b.manager))
                .then_with(|| x.api_version.cmp(&y.api_version))
                .then_with(|| a.subresource.cmp(&b.subresource))
        });
        let entries = entries.into_iter().map(|(id, owned)| entry(id, owned)).collect();
        metadata.insert("managedFields".to_owned(), Value::Array(entries));
    }

    /// Folds the oldest updaters of a version into one, if there are too many.
    pub(super) fn cap(&mut self) {
        let mut updaters: Vec<ManagerId> = self.0.keys().filter(|id| !id.apply).cloned().collect();
        let mut count = updaters.len();
        if count <= MOST_UPDATERS {
            return;
        }
        let seconds = |id: &ManagerId| {
            self.0
                .get(id)
                .and_then(|owned| owned.time)
                .map_or(0, Timestamp::as_second)
        };
        updaters.sort_by(|a, b| seconds(a).cmp(&seconds(b)).then_with(|| a.cmp(b)));
        let mut first_of: BTreeMap<String, ManagerId> = BTreeMap::new();
        for id in updaters {
            if count <= MOST_UPDATERS {
                break;
            }
            let version = id.api_version.clone();
            let Some(first) = first_of.get(&version) else {
                first_of.insert(version, id);
                continue;
            };
            let bucket = ManagerId::new(false, FOLDED, &version, "");
            if !self.0.contains_key(&bucket)
                && let Some(owned) = self.0.remove(first)
            {
                self.0.insert(bucket.clone(), owned);
            }
            if id == bucket {
                continue;
            }
            if let (Some(owned), Some(folded)) = (self.0.remove(&id), self.0.get_mut(&bucket)) {
                folded.set = folded.set.union(&owned.set);
                folded.time = owned.time;
                count -= 1;
            }
        }
    }
}

fn entry(id: &ManagerId, owned: &Owned) -> Value {
    let mut out = Map::new();
    out.insert("apiVersion".to_owned(), owned.api_version.clone().into());
    out.insert("fieldsType".to_owned(), "FieldsV1".into());
    out.insert("fieldsV1".to_owned(), owned.set.to_fields());
    out.insert("manager".to_owned(), id.manager.clone().into());
    out.insert("operation".to_owned(), if id.apply { "Apply" } else { "Update" }.into());
    if !id.subresource.is_empty() {
        out.insert("subresource".to_owned(), id.subresource.clone().into());
    }
    if let Some(time) = owned.time {
        out.insert("time".to_owned(), format_time(time).into());
    }
    Value::Object(out)
}

//! Reads `swagger.json` for list types, merge keys and required fields, and the v3 documents for resolved defaults.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Field;

/// Extensions of one property.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub list: Option<&'static str>,
    pub keys: Vec<String>,
    pub merge: bool,
    pub retain_keys: bool,
    pub replace: bool,
    pub merge_key: Option<String>,
    pub atomic: bool,
    pub granular: bool,
}

/// The documents.
pub(crate) struct OpenApi {
    definitions: Value,
    defaults: BTreeMap<(String, String), String>,
}

impl OpenApi {
    /// Reads them below `source`.
    pub(crate) fn read(source: &Path) -> Result<Self> {
        let dir = source.join("api/openapi-spec");
        let mut swagger = json(&dir.join("swagger.json"))?;
        let mut defaults = BTreeMap::new();
        for entry in fs_err::read_dir(dir.join("v3"))? {
            let document = json(&entry?.path())?;
            let Some(schemas) = document.pointer("/components/schemas").and_then(Value::as_object) else {
                continue;
            };
            for (name, schema) in schemas {
                let Some(properties) = schema["properties"].as_object() else {
                    continue;
                };
                for (property, value) in properties {
                    if let Some(default) = value.get("default") {
                        defaults.insert((name.clone(), property.clone()), default.to_string());
                    }
                }
            }
        }
        Ok(Self {
            definitions: swagger["definitions"].take(),
            defaults,
        })
    }

    /// Whether the type as a whole is replaced in a merge.
    pub(crate) fn atomic(&self, name: &str) -> bool {
        self.definitions[name]["x-kubernetes-map-type"] == "atomic"
    }

    /// Adds to the field what the documents say of it.
    pub(crate) fn complete(&self, name: &str, field: &mut Field) {
        let definition = &self.definitions[name];
        field.required = definition["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|n| *n == field.name));
        if field.default.is_some() {
            let resolved = self.defaults.get(&(name.to_owned(), field.name.clone()));
            field.default = resolved
                .cloned()
                .or_else(|| field.default.take().filter(|marker| !marker.starts_with("ref(")));
        }
        let property = &definition["properties"][&field.name];
        let facts = &mut field.facts;
        facts.list = match property["x-kubernetes-list-type"].as_str() {
            Some("map") => Some("Map"),
            Some("set") => Some("Set"),
            _ => None,
        };
        let keys = property["x-kubernetes-list-map-keys"].as_array();
        facts.keys = keys
            .into_iter()
            .flatten()
            .filter_map(|key| Some(key.as_str()?.to_owned()))
            .collect();
        let listed = facts.list.is_some() || property["x-kubernetes-list-type"].is_string();
        let strategy = property["x-kubernetes-patch-strategy"].as_str().unwrap_or_default();
        facts.merge = strategy.split(',').any(|word| word == "merge");
        facts.retain_keys = strategy.split(',').any(|word| word == "retainKeys");
        facts.replace = strategy.split(',').any(|word| word == "replace");
        facts.merge_key = property["x-kubernetes-patch-merge-key"].as_str().map(ToOwned::to_owned);
        // Lists without a list type merge as their patch strategy says, in server-side apply too.
        if !listed && facts.merge && property["type"] == "array" {
            facts.list = Some(if facts.merge_key.is_some() { "Map" } else { "Set" });
            facts.keys = facts.merge_key.iter().cloned().collect();
        }
        facts.atomic = property["x-kubernetes-map-type"] == "atomic";
        facts.granular = property["x-kubernetes-map-type"] == "granular";
    }
}

/// Reads one JSON file.
pub(crate) fn json(path: &Path) -> Result<Value> {
    serde_json::from_str(&fs_err::read_to_string(path)?).with_context(|| path.display().to_string())
}

//! What documents of other servers add to the one of version 2.
//!
//! Semantics: `k8s.io/kube-aggregator/pkg/controllers/openapi/aggregator`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

const DEFINITIONS: &str = "#/definitions/";

/// Paths and definitions of other servers.
#[derive(Debug, Clone, Default)]
pub struct Others {
    pub(crate) paths: Map<String, Value>,
    pub(crate) definitions: Map<String, Value>,
}

impl Others {
    /// Adds a part that [`part`] made. A definition that another server understands otherwise gets a name of its own.
    pub fn add(&mut self, part: &Value) {
        let mut part = part.clone();
        let fields = |value: &mut Value| match value.take() {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let names: Vec<String> = part["definitions"]
            .as_object()
            .map_or_else(Vec::new, |definitions| definitions.keys().cloned().collect());
        for name in names {
            let own = &part["definitions"][&name];
            if self.definitions.get(&name).is_none_or(|other| other == own) {
                continue;
            }
            let is_free =
                |fresh: &String| !self.definitions.contains_key(fresh) && part["definitions"].get(fresh).is_none();
            let Some(fresh) = (2..u32::MAX).map(|number| format!("{name}_v{number}")).find(is_free) else {
                continue;
            };
            if let Some(definitions) = part["definitions"].as_object_mut()
                && let Some(definition) = definitions.remove(&name)
            {
                definitions.insert(fresh.clone(), definition);
            }
            rename(
                &mut part,
                &format!("{DEFINITIONS}{name}"),
                &format!("{DEFINITIONS}{fresh}"),
            );
        }
        for (path, item) in fields(&mut part["paths"]) {
            self.paths.entry(path).or_insert(item);
        }
        self.definitions.extend(fields(&mut part["definitions"]));
    }
}

fn rename(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "$ref" && field == from {
                    *field = to.into();
                } else {
                    rename(field, from, to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, from, to)),
        _ => {}
    }
}

/// The part of a server's document that is about a group version: its paths, and the definitions that they lead to.
pub fn part(document: &Value, group: &str, version: &str) -> Value {
    let prefix = format!("/apis/{group}/{version}/");
    let paths = document["paths"].as_object();
    let paths: Map<String, Value> = paths
        .into_iter()
        .flatten()
        .filter(|(path, _)| path.starts_with(&prefix))
        .map(|(path, item)| (path.clone(), item.clone()))
        .collect();
    let paths = Value::Object(paths);
    let mut found = BTreeSet::new();
    let mut next = vec![&paths];
    while let Some(value) = next.pop() {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    next.push(field);
                    if name == "$ref"
                        && let Some(name) = field.as_str().and_then(|text| text.strip_prefix(DEFINITIONS))
                        && found.insert(name)
                    {
                        next.push(&document["definitions"][name]);
                    }
                }
            }
            Value::Array(items) => next.extend(items),
            _ => {}
        }
    }
    let definitions: Map<String, Value> = found
        .into_iter()
        .map(|name| (name.to_owned(), document["definitions"][name].clone()))
        .filter(|(_, definition)| definition.is_object())
        .collect();
    serde_json::json!({"paths": paths, "definitions": definitions})
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(group: &str, field: &str) -> Value {
        let reference = |name: &str| json!({"$ref": format!("{DEFINITIONS}{name}")});
        let get = json!({"get": {"responses": {"200": {"schema": reference("example.Fruit")}}}});
        let path = format!("/apis/{group}/v1/fruits");
        json!({
            "paths": {path: get, "/apis/other/v1/others": {"get": reference("example.Other")}},
            "definitions": {
                "example.Fruit": {"properties": {field: {"type": "string"}, "parts": {"items": reference("example.Fruit")},
                    "core": reference("example.Core")}},
                "example.Core": {"type": "object"},
                "example.Other": {"type": "object"},
            },
        })
    }

    #[test]
    fn a_part_has_the_paths_of_its_group_and_what_they_lead_to() {
        let part = part(&document("a", "taste"), "a", "v1");
        assert_eq!(part["paths"].as_object().map(Map::len), Some(1));
        let names: Vec<&String> = part["definitions"].as_object().expect("definitions").keys().collect();
        assert_eq!(names, ["example.Core", "example.Fruit"]);
        assert_eq!(
            super::part(&json!("nonsense"), "a", "v1"),
            json!({"paths": {}, "definitions": {}})
        );
    }

    #[test]
    fn definitions_of_one_name_that_differ_are_told_apart() {
        let mut others = Others::default();
        others.add(&part(&document("a", "taste"), "a", "v1"));
        others.add(&part(&document("b", "colour"), "b", "v1"));
        others.add(&part(&document("c", "taste"), "c", "v1"));
        let schema = |group: &str| {
            let item = &others.paths[&format!("/apis/{group}/v1/fruits")];
            item["get"]["responses"]["200"]["schema"]["$ref"].clone()
        };
        assert_eq!(schema("a"), "#/definitions/example.Fruit");
        assert_eq!(schema("b"), "#/definitions/example.Fruit_v2");
        assert_eq!(schema("c"), "#/definitions/example.Fruit");
        let second = &others.definitions["example.Fruit_v2"]["properties"];
        assert!(second["colour"].is_object());
        assert_eq!(second["parts"]["items"]["$ref"], "#/definitions/example.Fruit_v2");
        assert_eq!(others.definitions.len(), 3);
    }
}

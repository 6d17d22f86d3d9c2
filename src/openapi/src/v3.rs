//! The index and the documents of OpenAPI v3, one per group version.

use schema::Resource;
use serde_json::{Map, Value, json};

use crate::descriptions::Descriptions;
use crate::paths;
use crate::schemas::Schemas;

fn address(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

fn group_versions() -> impl Iterator<Item = (&'static str, &'static str)> {
    schema::groups()
        .iter()
        .flat_map(|group| group.versions.iter().map(|version| (group.name, *version)))
}

/// What there is, by path. `stamp` changes whenever a document may have changed: clients keep documents by it.
pub fn index(stamp: &str) -> Value {
    let paths: Map<String, Value> = group_versions()
        .map(|(group, version)| {
            let path = address(group, version);
            let url = format!("/openapi/v3/{path}?hash={stamp}");
            (path, json!({"serverRelativeURL": url}))
        })
        .collect();
    json!({"paths": paths})
}

/// The document at a path of the index.
pub fn document(path: &str, server_version: &str) -> Option<Value> {
    let (group, version) = group_versions().find(|(group, version)| address(group, version) == path)?;
    let resources: Vec<&Resource> = schema::resources()
        .iter()
        .filter(|resource| resource.group == group && resource.version == version)
        .collect();
    let descriptions = Descriptions::of(group, version);
    let mut schemas = Schemas::new(&descriptions);
    for resource in &resources {
        schemas.add(resource.ty);
        for sub in resource.subresources {
            if let Some(kind) = schema::kind(sub.group, sub.version, sub.kind) {
                schemas.add(kind.ty);
            }
        }
    }
    let paths: Map<String, Value> = resources.into_iter().flat_map(paths::of).collect();
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": server_version},
        "paths": paths,
        "components": {"schemas": schemas.finish()},
    }))
}

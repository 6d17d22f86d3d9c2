//! The index and the documents of OpenAPI v3, one per group version.

use schema::{Resource, Served};
use serde_json::{Map, Value, json};

use crate::dialect::Dialect;
use crate::paths;
use crate::schemas::Schemas;

fn address(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

/// The resources of a group version.
pub(crate) fn resources(served: &Served, group: &str, version: &str) -> impl Iterator<Item = &'static Resource> {
    served
        .resources()
        .filter(move |resource| resource.group == group && resource.version == version)
}

/// What there is, by path. `stamp` changes whenever a document may have changed: clients keep documents by it.
pub fn index(served: &Served, stamp: &str) -> Value {
    let paths: Map<String, Value> = served
        .group_versions()
        .map(|(group, version)| {
            let path = address(group, version);
            let url = format!("/openapi/v3/{path}?hash={stamp}");
            (path, json!({"serverRelativeURL": url}))
        })
        .collect();
    json!({"paths": paths})
}

/// The document at a path of the index.
pub fn document(served: &Served, path: &str, server_version: &str) -> Option<Value> {
    let (group, version) = served
        .group_versions()
        .find(|(group, version)| address(group, version) == path)?;
    let mut schemas = Schemas::new(Dialect::V3, served);
    schemas.add_group(group, version);
    let paths: Map<String, Value> = resources(served, group, version)
        .flat_map(|resource| paths::of(Dialect::V3, resource))
        .collect();
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": server_version},
        "paths": paths,
        "components": {"schemas": schemas.take()},
    }))
}

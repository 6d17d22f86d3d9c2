//! Reads the discovery documents: resources with verbs, names, scope and subresources, and the order of groups.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::openapi::json;
use super::packages::served;

/// All served groups in upstream's order, the core group first.
pub(crate) struct Discovery {
    pub groups: Vec<Group>,
}

/// One group.
pub(crate) struct Group {
    pub name: String,
    /// Preferred first.
    pub versions: Vec<(String, Vec<Resource>)>,
}

/// One resource.
pub(crate) struct Resource {
    pub plural: String,
    pub singular: String,
    pub kind: (String, String, String),
    pub namespaced: bool,
    pub short_names: Vec<String>,
    pub categories: Vec<String>,
    pub verbs: Vec<String>,
    pub hash: String,
    pub subresources: Vec<Resource>,
}

/// Reads them below `source`.
pub(crate) fn read(source: &Path) -> Result<Discovery> {
    let dir = source.join("api/discovery");
    let mut groups = vec![Group {
        name: String::new(),
        versions: vec![version(&dir.join("api__v1.json"), "", "v1")?],
    }];
    for group in array(&json(&dir.join("apis.json"))?["groups"]) {
        let name = text(&group["name"]);
        let mut versions = Vec::new();
        for entry in array(&group["versions"]) {
            let v = text(&entry["version"]);
            if served(&name, &v) {
                versions.push(version(&dir.join(format!("apis__{name}__{v}.json")), &name, &v)?);
            }
        }
        if !versions.is_empty() {
            groups.push(Group { name, versions });
        }
    }
    Ok(Discovery { groups })
}

fn version(path: &Path, group: &str, version: &str) -> Result<(String, Vec<Resource>)> {
    let mut resources: Vec<Resource> = Vec::new();
    for entry in array(&json(path)?["resources"]) {
        let name = text(&entry["name"]);
        let (plural, subresource) = name
            .split_once('/')
            .map_or((name.as_str(), None), |(p, s)| (p, Some(s)));
        let or = |key: &str, other: &str| entry[key].as_str().unwrap_or(other).to_owned();
        let kind_version = or("version", version);
        let kind_group = if entry["version"].is_string() {
            or("group", "")
        } else {
            or("group", group)
        };
        let resource = Resource {
            plural: subresource.unwrap_or(plural).to_owned(),
            singular: text(&entry["singularName"]),
            kind: (kind_group, kind_version, text(&entry["kind"])),
            namespaced: entry["namespaced"] == true,
            short_names: array(&entry["shortNames"]).iter().map(text).collect(),
            categories: array(&entry["categories"]).iter().map(text).collect(),
            verbs: array(&entry["verbs"]).iter().map(text).collect(),
            hash: text(&entry["storageVersionHash"]),
            subresources: Vec::new(),
        };
        if subresource.is_none() {
            resources.push(resource);
        } else if let Some(parent) = resources.iter_mut().find(|r| r.plural == plural) {
            parent.subresources.push(resource);
        }
    }
    Ok((version.to_owned(), resources))
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

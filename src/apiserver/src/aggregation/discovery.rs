//! What remote servers add to discovery.

use serde_json::{Value, json};

use super::fetch::{self, About};
use super::{Remote, priority};
use crate::{Api, ApiError};

const ASKED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A group version as discovery orders it, whoever answers for it.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) is_remote: bool,
    priorities: (i64, i64),
}

/// All named groups with their versions, by priority: first by that of the group, then by that of the version.
pub(crate) async fn groups(api: &Api) -> Result<Vec<(String, Vec<Listed>)>, ApiError> {
    let local = schema::groups().iter().filter(|group| !group.name.is_empty());
    let mut all: Vec<Listed> = local
        .flat_map(|group| {
            api.config.served.versions(group).map(|version| Listed {
                group: group.name.to_owned(),
                version: version.to_owned(),
                is_remote: false,
                priorities: priority(group.name, version),
            })
        })
        .collect();
    for remote in api.aggregator.all().await? {
        all.retain(|listed| listed.group != remote.group || listed.version != remote.version);
        all.push(Listed {
            group: remote.group.clone(),
            version: remote.version.clone(),
            is_remote: true,
            priorities: (remote.group_priority, remote.version_priority),
        });
    }
    let mut groups: Vec<(String, Vec<Listed>)> = Vec::new();
    for listed in all {
        match groups.iter_mut().find(|(name, _)| *name == listed.group) {
            Some((_, versions)) => versions.push(listed),
            None => groups.push((listed.group.clone(), vec![listed])),
        }
    }
    let of_group = |versions: &[Listed]| versions.iter().map(|one| one.priorities.0).max().unwrap_or_default();
    // stable: the table's order among equals
    groups.sort_by_key(|(_, versions)| std::cmp::Reverse(of_group(versions)));
    for (_, versions) in &mut groups {
        versions.sort_by_key(|one| std::cmp::Reverse(one.priorities.1));
    }
    Ok(groups)
}

/// The `APIVersionDiscovery` of every remote group version.
pub(crate) async fn remote_versions(api: &Api) -> Result<Vec<(String, Value)>, ApiError> {
    let seen = fetch::all(api, About::Discovery).await?;
    let versions = seen.into_iter().map(|one| {
        let empty = || json!({"version": one.remote.version});
        let mut version = one.document.map_or_else(empty, |document| (*document).clone());
        version["freshness"] = if one.current { "Current" } else { "Stale" }.into();
        (one.remote.group.clone(), version)
    });
    Ok(versions.collect())
}

pub(super) async fn ask(api: &Api, remote: &Remote) -> Result<Value, ApiError> {
    let (status, media, bytes) = fetch::get(api, remote, "/apis", ASKED).await?;
    if status.is_success() && media.contains("as=APIGroupDiscoveryList") {
        let list: Value = serde_json::from_slice(&bytes).map_err(ApiError::internal)?;
        if let Some(version) = version_in(&list, remote) {
            return Ok(version);
        }
    }
    let path = format!("/apis/{}/{}", remote.group, remote.version);
    let (status, _, bytes) = fetch::get(api, remote, &path, "application/json").await?;
    if !status.is_success() {
        return Err(ApiError::unavailable(format!("{path}: {status}")));
    }
    let list: Value = serde_json::from_slice(&bytes).map_err(ApiError::internal)?;
    Ok(from_legacy(&list, &remote.group, &remote.version))
}

fn version_in(list: &Value, remote: &Remote) -> Option<Value> {
    let groups = list["items"].as_array()?;
    let group = groups.iter().find(|group| group["metadata"]["name"] == remote.group)?;
    let versions = group["versions"].as_array()?;
    versions.iter().find(|one| one["version"] == remote.version).cloned()
}

/// An `APIResourceList` as an `APIVersionDiscovery`.
fn from_legacy(list: &Value, group: &str, version: &str) -> Value {
    let rows = list["resources"].as_array().map_or(&[][..], Vec::as_slice);
    let response = |row: &Value| {
        let or = |field: &str, general: &str| match row[field].as_str() {
            Some(own) if !own.is_empty() => own.to_owned(),
            _ => general.to_owned(),
        };
        json!({"group": or("group", group), "version": or("version", version), "kind": row["kind"]})
    };
    let mut resources: Vec<Value> = Vec::new();
    for row in rows {
        let name = row["name"].as_str().unwrap_or_default();
        if name.contains('/') {
            continue;
        }
        let mut resource = json!({
            "resource": name, "responseKind": response(row), "singularResource": row["singularName"],
            "scope": if row["namespaced"] == true { "Namespaced" } else { "Cluster" }, "verbs": row["verbs"],
        });
        for field in ["shortNames", "categories"] {
            if row[field].is_array() {
                resource[field] = row[field].clone();
            }
        }
        let below = format!("{name}/");
        let subresources: Vec<Value> = rows
            .iter()
            .filter_map(|row| {
                let sub = row["name"].as_str()?.strip_prefix(&below)?;
                Some(json!({"subresource": sub, "responseKind": response(row), "verbs": row["verbs"]}))
            })
            .collect();
        if !subresources.is_empty() {
            resource["subresources"] = subresources.into();
        }
        resources.push(resource);
    }
    json!({"version": version, "resources": resources})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subresources_go_below_their_resources() {
        let list = json!({"resources": [
            {"name": "nodes", "singularName": "", "namespaced": false, "kind": "NodeMetrics", "verbs": ["get", "list"]},
            {"name": "nodes/status", "namespaced": false, "kind": "Scale", "group": "autoscaling", "version": "v1", "verbs": ["get"]},
        ]});
        let version = from_legacy(&list, "metrics.k8s.io", "v1beta1");
        assert_eq!(
            version,
            json!({"version": "v1beta1", "resources": [{
                "resource": "nodes", "scope": "Cluster", "singularResource": "", "verbs": ["get", "list"],
                "responseKind": {"group": "metrics.k8s.io", "version": "v1beta1", "kind": "NodeMetrics"},
                "subresources": [{"subresource": "status", "verbs": ["get"],
                    "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"}}],
            }]})
        );
    }
}

//! Says of every resource in which version this server stores it, and which versions it reads and shows.
//!
//! Semantics: `k8s.io/apiserver/pkg/storageversion`.

use k8s_openapi::api::apiserverinternal::v1alpha1::{ServerStorageVersion, StorageVersion, StorageVersionStatus};
use kube::api::PostParams;
use kube::discovery::verbs;
use kube::{Api, Client, Discovery};

use super::agree;
use crate::shared::Result;
use crate::shared::error::Tolerate as _;

/// Publishes everything that discovery lists and this server stores.
pub(super) async fn all(client: &Client, server: &str) -> Result<()> {
    let discovery = Discovery::new(client.clone()).run_aggregated().await?;
    for group in discovery.groups() {
        let versions: Vec<&str> = group.versions().collect();
        let of_version = versions.iter().flat_map(|version| group.versioned_resources(version));
        let mut plurals: Vec<String> = of_version
            // what cannot be watched is stored nowhere, or by somebody else
            .filter(|(_, can)| can.supports_operation(verbs::WATCH) && can.supports_operation(verbs::CREATE))
            .map(|(resource, _)| resource.plural)
            .collect();
        plurals.sort();
        plurals.dedup();
        for plural in plurals {
            let has_it = |version: &&&str| {
                let all = group.versioned_resources(version);
                all.iter().any(|(resource, _)| resource.plural == plural)
            };
            let shown = versions
                .iter()
                .filter(has_it)
                .map(|version| api_version(group.name(), version));
            let shown: Vec<String> = shown.collect();
            // events of both groups are one and the same
            let stored = match (group.name(), plural.as_str()) {
                ("events.k8s.io", "events") => Some("v1".to_owned()),
                _ => shown.first().cloned(),
            };
            let Some(stored) = stored else { continue };
            let mut decodable = shown.clone();
            if !decodable.contains(&stored) {
                decodable.push(stored.clone());
            }
            let own = ServerStorageVersion {
                api_server_id: server.to_owned(),
                encoding_version: stored,
                decodable_versions: decodable,
                served_versions: Some(shown),
            };
            let of_core = if group.name().is_empty() { "core" } else { group.name() };
            one(client, &format!("{of_core}.{plural}"), own).await?;
        }
    }
    Ok(())
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// Puts this server's word beside those of others.
async fn one(client: &Client, name: &str, own: ServerStorageVersion) -> Result<()> {
    let api: Api<StorageVersion> = Api::all(client.clone());
    let mut object = if let Some(present) = api.get_opt(name).await? {
        present
    } else {
        let mut fresh = StorageVersion {
            spec: Some(serde_json::from_value(serde_json::json!({}))?),
            ..StorageVersion::default()
        };
        fresh.metadata.name = Some(name.to_owned());
        api.create(&PostParams::default(), &fresh).await?
    };
    let before = object.status.clone();
    let status: &mut StorageVersionStatus = object.status.get_or_insert_default();
    let servers = status.storage_versions.get_or_insert_default();
    match servers.iter_mut().find(|one| one.api_server_id == own.api_server_id) {
        Some(present) => *present = own,
        None => servers.push(own),
    }
    agree(status);
    if object.status != before {
        let written = api.replace_status(name, &PostParams::default(), &object).await;
        written.unless_gone()?;
    }
    Ok(())
}

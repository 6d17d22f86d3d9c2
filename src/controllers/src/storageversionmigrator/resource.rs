//! What is to be migrated, as discovery knows it.

use kube::Client;
use kube::api::ApiResource;
use kube::discovery::{ApiGroup, Scope};

use crate::shared::Result;
use crate::shared::error::code;

/// Without these nothing can be written again.
const VERBS: [&str; 3] = ["update", "patch", "list"];

/// A resource that can be migrated.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) api: ApiResource,
    pub(super) namespaced: bool,
}

/// What discovery says.
#[derive(Debug)]
pub(super) enum Found {
    /// It is there.
    Target(Target),
    /// There is no such resource.
    Nothing,
    /// It cannot be migrated, and why.
    Unfit(String),
}

/// Looks the resource up, in the version that the group prefers.
pub(super) async fn find(client: &Client, (group, plural): (&str, &str)) -> Result<Found> {
    let group = match discover(client, group).await {
        Ok(group) => group,
        Err(error) if code(&error) == 404 => return Ok(Found::Nothing),
        Err(kube::Error::Discovery(_)) => return Ok(Found::Nothing),
        Err(error) => return Err(error.into()),
    };
    let mut versions: Vec<&str> = group.versions().collect();
    let preferred = group.preferred_version_or_latest().to_owned();
    versions.sort_by_key(|version| **version != preferred);
    let mut all = versions.iter().flat_map(|version| group.versioned_resources(version));
    let Some((api, can)) = all.find(|(resource, _)| resource.plural == plural) else {
        return Ok(Found::Nothing);
    };
    if !VERBS.iter().all(|verb| can.supports_operation(verb)) {
        let name = format!("{}, Resource={plural}", api.api_version);
        let why = format!(
            "resource {name:?} does not support discovery operations: [{}]",
            VERBS.join(" ")
        );
        return Ok(Found::Unfit(why));
    }
    Ok(Found::Target(Target {
        namespaced: can.scope == Scope::Namespaced,
        api,
    }))
}

async fn discover(client: &Client, group: &str) -> kube::Result<ApiGroup> {
    kube::discovery::group(client, group).await
}

//! Resources by group and kind, as discovery has them.

use kube::Client;
use kube::core::discovery::ApiCapabilities;
use kube::discovery::{self, ApiResource};

use super::{Error, Result};

/// The resource of a kind. Its version is the one that is asked for, if that is served, and else another: references
/// outlive versions.
pub(crate) async fn resource_of(
    client: &Client,
    api_version: &str,
    kind: &str,
) -> Result<(ApiResource, ApiCapabilities)> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let missing = || Error::Again(format!("no matches for kind \"{kind}\" in group \"{group}\""));
    let served = match discovery::group(client, group).await {
        Ok(served) => served,
        Err(kube::Error::Discovery(_)) => return Err(missing()),
        Err(error) => return Err(error.into()),
    };
    let exact = served.versioned_resources(version);
    let other = || {
        served
            .resources_by_stability()
            .into_iter()
            .find(|(resource, _)| resource.kind == kind)
    };
    let exact = exact.into_iter().find(|(resource, _)| resource.kind == kind);
    exact.or_else(other).ok_or_else(missing)
}

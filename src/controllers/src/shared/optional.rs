//! Kinds of versions that are not stable: the API shows them only where somebody asked for it.

use std::time::Duration;

use kube::{Client, Resource};

use super::error::code;

const RETRY: Duration = Duration::from_secs(1);

/// Whether the API shows the kind. What it shows does not change while it runs.
pub(crate) async fn is_served<K: Resource<DynamicType = ()>>(client: &Client) -> bool {
    let version = K::api_version(&());
    loop {
        match client.list_api_group_resources(&version).await {
            Ok(list) => return list.resources.iter().any(|one| one.name == K::plural(&())),
            Err(error) if code(&error) == 404 => return false,
            Err(error) => {
                tracing::debug!(%version, %error, "whether the version is served is not known yet");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

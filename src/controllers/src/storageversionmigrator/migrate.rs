//! Writing objects again, unchanged.

use kube::api::{DynamicObject, ListParams, PartialObjectMeta, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use super::resource::Target;
use crate::shared::Result;
use crate::shared::error::code;

const MANAGER: &str = "storage-version-migrator-controller";
/// As many objects are read at once.
const PAGE: u32 = 500;

/// How a migration ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Done,
    /// An object could not be written, and never will.
    Refused(String),
}

/// The newest version of the store that a list of the resource shows.
pub(super) async fn newest(client: &Client, target: &Target) -> Result<String> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &target.api);
    let list = api.list_metadata(&ListParams::default().limit(1)).await?;
    Ok(list.metadata.resource_version.unwrap_or_default())
}

/// Writes every object again that was not written after `until`.
pub(super) async fn all(client: &Client, target: &Target, until: &str) -> Result<Outcome> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &target.api);
    let number = |version: &str| version.parse::<u64>().unwrap_or(0);
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list = api.list_metadata(&page).await?;
        for object in &list.items {
            let version = object.resource_version().unwrap_or_default();
            if number(&version) > number(until) {
                continue;
            }
            match one(client, target, object).await {
                Ok(()) => {}
                Err(error) if is_passing(&error) => return Err(error.into()),
                Err(error) => return Ok(Outcome::Refused(error.to_string())),
            }
        }
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(Outcome::Done),
        }
    }
}

async fn one(client: &Client, target: &Target, object: &PartialObjectMeta<DynamicObject>) -> kube::Result<()> {
    let api: Api<DynamicObject> = match object.namespace() {
        Some(namespace) if target.namespaced => Api::namespaced_with(client.clone(), &namespace, &target.api),
        _ => Api::all_with(client.clone(), &target.api),
    };
    let nothing = json!({
        "apiVersion": target.api.api_version, "kind": target.api.kind,
        "metadata": {"uid": object.uid(), "resourceVersion": object.resource_version()},
    });
    let written = api
        .patch(&object.name_any(), &PatchParams::apply(MANAGER), &Patch::Apply(nothing))
        .await;
    match written {
        Ok(_) => Ok(()),
        // it was written or deleted meanwhile, so there is nothing left to do
        Err(error) if matches!(code(&error), 404 | 409) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether the same request may succeed later.
fn is_passing(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => matches!(status.code, 429 | 500 | 503 | 504),
        _ => true,
    }
}

//! Server-side apply of an addon's objects.

use futures::future::BoxFuture;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Client, discovery};
use serde_json::Value;

/// The field manager of everything that addons own.
const MANAGER: &str = "rkube-addons";

/// An object that could not be applied.
#[derive(Debug, thiserror::Error)]
#[error("{kind} {name}: {source}")]
pub struct ApplyError {
    kind: String,
    name: String,
    source: Box<kube::Error>,
}

/// Applies the objects in order.
pub fn apply<'a>(client: &'a Client, objects: &'a [Value]) -> BoxFuture<'a, Result<(), ApplyError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(apply_all(client, objects))
}

async fn apply_all(client: &Client, objects: &[Value]) -> Result<(), ApplyError> {
    for object in objects {
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (kind, name, namespace) = (text("/kind"), text("/metadata/name"), text("/metadata/namespace"));
        let failed = |source| ApplyError {
            kind: kind.clone(),
            name: name.clone(),
            source: Box::new(source),
        };
        let resource = resource(client, &text("/apiVersion"), &kind).await.map_err(failed)?;
        let api: Api<DynamicObject> = if namespace.is_empty() {
            Api::all_with(client.clone(), &resource)
        } else {
            Api::namespaced_with(client.clone(), &namespace, &resource)
        };
        api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(object))
            .await
            .map_err(failed)?;
    }
    Ok(())
}

async fn resource(client: &Client, api_version: &str, kind: &str) -> Result<ApiResource, kube::Error> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let found = discovery::pinned_kind(client, &GroupVersionKind::gvk(group, version, kind)).await?;
    Ok(found.0)
}

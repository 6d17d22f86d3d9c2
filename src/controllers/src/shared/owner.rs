//! Owner references, and taking over or letting go of objects by label.

use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector as ApiSelector, ObjectMeta, OwnerReference};
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Resource, ResourceExt as _};
use machinery::selector::LabelSelector;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::error::Tolerate as _;
use super::{Error, Result};

/// The reference to the object's controller.
pub(crate) fn controller_of(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references
        .iter()
        .flatten()
        .find(|owner| owner.controller == Some(true))
}

/// A controller reference to `owner`.
pub(crate) fn controller_ref<O: Resource<DynamicType = ()>>(owner: &O) -> OwnerReference {
    OwnerReference {
        api_version: O::api_version(&()).into_owned(),
        kind: O::kind(&()).into_owned(),
        name: owner.name_any(),
        uid: owner.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Parses a selector object.
pub(crate) fn selector(selector: &ApiSelector) -> Result<LabelSelector> {
    Ok(LabelSelector::from_object(&serde_json::to_value(selector)?)?)
}

/// The objects that belong to `owner`: those it controls and that match, and matching ones without a controller, which
/// it adopts. What it controls and does not match any more is released.
pub(crate) async fn claim<O, K>(
    client: &Client,
    owner: &O,
    selector: &LabelSelector,
    objects: Vec<Arc<K>>,
) -> Result<Vec<Arc<K>>>
where
    O: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let uid = owner.uid().unwrap_or_default();
    let namespace = owner.namespace().unwrap_or_default();
    let deleting = owner.meta().deletion_timestamp.is_some();
    let api: Api<K> = Api::namespaced(client.clone(), &namespace);
    let mut claimed = Vec::new();
    let mut may_adopt = None;
    for object in objects {
        let matches = object
            .meta()
            .labels
            .as_ref()
            .map_or_else(|| selector.is_everything(), |labels| selector.matches(labels));
        match controller_of(object.meta()) {
            Some(controller) if controller.uid != uid => {}
            Some(_) if matches => claimed.push(object),
            Some(_) if deleting => {}
            Some(_) => release(&api, object.as_ref(), &uid).await?,
            None if !matches || deleting || object.meta().deletion_timestamp.is_some() => {}
            None => {
                if may_adopt.is_none() {
                    // The view may be stale: an owner that is being deleted must not adopt.
                    let live: Api<O> = Api::namespaced(client.clone(), &namespace);
                    let live = live.get_opt(&owner.name_any()).await?;
                    let live = live.filter(|live| live.uid().as_deref() == Some(&uid));
                    may_adopt = Some(live.is_some_and(|live| live.meta().deletion_timestamp.is_none()));
                }
                if may_adopt == Some(true) && adopt(&api, object.as_ref(), owner).await? {
                    claimed.push(object);
                }
            }
        }
    }
    Ok(claimed)
}

async fn adopt<O, K>(api: &Api<K>, object: &K, owner: &O) -> Result<bool>
where
    O: Resource<DynamicType = ()>,
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let uid = object.uid().unwrap_or_default();
    let patch = json!({"metadata": {"ownerReferences": [controller_ref(owner)], "uid": uid}});
    let done = api
        .patch(&object.name_any(), &PatchParams::default(), &Patch::Strategic(patch))
        .await;
    Ok(done.unless_gone()?.is_some())
}

async fn release<K>(api: &Api<K>, object: &K, owner_uid: &str) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let uid = object.uid().unwrap_or_default();
    let patch = json!({"metadata": {"ownerReferences": [{"$patch": "delete", "uid": owner_uid}], "uid": uid}});
    match api
        .patch(&object.name_any(), &PatchParams::default(), &Patch::Strategic(patch))
        .await
    {
        // Gone, or replaced by another of the same name.
        Err(error) if matches!(super::error::code(&error), 404 | 422) => Ok(()),
        other => other.map(|_| ()).map_err(Error::from),
    }
}

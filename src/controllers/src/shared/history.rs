//! ControllerRevisions: the history of a template, by which pods are told old from new.

use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::{Tolerate as _, code};
use super::hash::template_hash;
use super::owner::{claim, controller_of, controller_ref};
use super::{Ctx, Error, Result};
use machinery::selector::LabelSelector;

/// How many names are tried for one revision.
const MAX_COLLISIONS: u8 = 16;

/// A patch that puts the template back, as `kubectl rollout undo` applies it.
pub(crate) fn data(template: &PodTemplateSpec) -> Result<Value> {
    let mut template = serde_json::to_value(template)?;
    if let Some(template) = template.as_object_mut() {
        template.insert("$patch".to_owned(), "replace".into());
    }
    Ok(json!({"spec": {"template": template}}))
}

/// All revisions of `owner`, oldest first.
pub(crate) async fn revisions<O>(ctx: &Ctx, owner: &O, selector: &LabelSelector) -> Result<Vec<Arc<ControllerRevision>>>
where
    O: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let all = ctx
        .controller_revisions
        .in_namespace(&owner.namespace().unwrap_or_default());
    let mut own = claim(&ctx.client, owner, selector, all).await?;
    own.sort_by_key(|revision| (revision.revision, revision.name_any()));
    Ok(own)
}

/// The revision of the template, made or brought to the end of the history as needed. `label` is the hash's label.
pub(crate) async fn current<O>(
    ctx: &Ctx,
    owner: &O,
    template: &PodTemplateSpec,
    label: &str,
    collisions: &mut Option<i32>,
    history: &[Arc<ControllerRevision>],
) -> Result<ControllerRevision>
where
    O: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let data = data(template)?;
    let newest = history.last().map_or(0, |revision| revision.revision);
    let api: Api<ControllerRevision> = Api::namespaced(ctx.client.clone(), &owner.namespace().unwrap_or_default());
    if let Some(found) = history
        .iter()
        .rev()
        .find(|revision| revision.data.as_ref().map(|raw| &raw.0) == Some(&data))
    {
        let mut found = found.as_ref().clone();
        if found.revision < newest {
            found.revision = newest + 1;
            found = api.replace(&found.name_any(), &PostParams::default(), &found).await?;
        }
        return Ok(found);
    }
    for _ in 0..MAX_COLLISIONS {
        let hash = template_hash(template, *collisions)?;
        let revision = revision(owner, template, (label, hash), data.clone(), newest + 1);
        match api.create(&PostParams::default(), &revision).await {
            Err(error) if code(&error) == 409 => {
                let found = api.get(&revision.name_any()).await?;
                let ours = controller_of(&found.metadata).is_some_and(|by| Some(&by.uid) == owner.uid().as_ref());
                if ours && found.data.as_ref().map(|raw| &raw.0) == Some(&data) {
                    return Ok(found);
                }
                // the name is somebody else's: another one
                *collisions = Some(collisions.unwrap_or_default() + 1);
            }
            made => return Ok(made?),
        }
    }
    let owner = owner.name_any();
    Err(Error::Again(format!(
        "{MAX_COLLISIONS} names for a revision of {owner} are taken"
    )))
}

fn revision<O>(
    owner: &O,
    template: &PodTemplateSpec,
    (label, hash): (&str, String),
    data: Value,
    number: i64,
) -> ControllerRevision
where
    O: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let labels = template.metadata.as_ref().and_then(|meta| meta.labels.clone());
    let mut labels = labels.unwrap_or_default();
    let name = format!("{}-{hash}", owner.name_any());
    labels.insert(label.to_owned(), hash);
    ControllerRevision {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: owner.namespace(),
            labels: Some(labels),
            annotations: owner.meta().annotations.clone(),
            owner_references: Some(vec![controller_ref(owner)]),
            ..ObjectMeta::default()
        },
        data: Some(RawExtension(data)),
        revision: number,
    }
}

/// Deletes the oldest revisions beyond `limit` that no pod is of.
pub(crate) async fn truncate(
    ctx: &Ctx,
    history: &[Arc<ControllerRevision>],
    limit: i32,
    live: &(dyn Fn(&ControllerRevision) -> bool + Sync),
) -> Result<()> {
    let idle: Vec<_> = history.iter().filter(|revision| !live(revision)).collect();
    let surplus = idle.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
    for revision in idle.into_iter().take(surplus) {
        let namespace = revision.namespace().unwrap_or_default();
        let api: Api<ControllerRevision> = Api::namespaced(ctx.client.clone(), &namespace);
        api.delete(&revision.name_any(), &DeleteParams::default())
            .await
            .unless_gone()?;
    }
    Ok(())
}

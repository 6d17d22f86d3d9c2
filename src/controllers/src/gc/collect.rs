//! Deciding on one object, always by its live state.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, PartialObjectMeta, Patch, PatchParams, Preconditions, PropagationPolicy,
};
use kube::core::GroupVersionKind;
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::graph::{FOREGROUND, ORPHAN, Object};
use super::{Collector, Task};
use crate::shared::error::{Tolerate as _, code};
use crate::shared::{Error, Result};

type Meta = PartialObjectMeta<DynamicObject>;

/// An object's owners by what they mean for it.
#[derive(Debug, Default)]
struct Owners {
    solid: Vec<OwnerReference>,
    gone: Vec<OwnerReference>,
    waiting: Vec<OwnerReference>,
}

impl Collector {
    pub(super) async fn act(&self, task: &Task) -> Result<()> {
        match task {
            Task::Attempt(uid) => self.attempt(uid).await,
            Task::Orphan(uid) => self.orphan(uid).await,
        }
    }

    fn api(&self, object: &Object) -> Api<DynamicObject> {
        let client = self.client.clone();
        if object.resource.namespaced {
            Api::namespaced_with(client, &object.key.namespace, &object.resource.api)
        } else {
            Api::all_with(client, &object.resource.api)
        }
    }

    async fn attempt(&self, uid: &str) -> Result<()> {
        let Some(object) = self.graph().get(uid).cloned() else {
            return Ok(());
        };
        let api = self.api(&object);
        let live = match api.get_metadata_opt(&object.key.name).await? {
            Some(live) if live.uid().as_deref() == Some(uid) => live,
            // Gone, or replaced: the watch has not said so yet.
            _ => {
                let tasks = self.graph().remove(uid);
                self.add(tasks);
                return Ok(());
            }
        };
        let has = |finalizer: &str| live.finalizers().iter().any(|name| name == finalizer);
        if live.metadata.deletion_timestamp.is_some() {
            if has(FOREGROUND) {
                return self.finish_foreground(uid, &api, &live).await;
            }
            return Ok(());
        }
        let owners = self.classify(&object, live.owner_references()).await?;
        if owners.gone.is_empty() && owners.waiting.is_empty() {
            return Ok(());
        }
        if !owners.solid.is_empty() {
            let stale = owners
                .gone
                .iter()
                .chain(&owners.waiting)
                .map(|owner| owner.uid.clone())
                .collect::<Vec<_>>();
            return remove_owners(&api, &live, &stale).await;
        }
        let dependents = self.graph().dependents(uid);
        let mut version = live.resource_version();
        // In a circle of owners each would wait for the next.
        if !owners.waiting.is_empty() && dependents.iter().any(|(_, dependent)| dependent.waits_for_dependents()) {
            version = unblock(&api, &live).await?;
        }
        // Waiting owners want this object's own dependents gone before it, too.
        let policy = if !owners.waiting.is_empty() && !dependents.is_empty() {
            PropagationPolicy::Foreground
        } else if has(ORPHAN) {
            PropagationPolicy::Orphan
        } else if has(FOREGROUND) {
            PropagationPolicy::Foreground
        } else {
            PropagationPolicy::Background
        };
        let params = DeleteParams {
            propagation_policy: Some(policy),
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                // Should it find an owner meanwhile, it stays.
                resource_version: version,
            }),
            ..DeleteParams::default()
        };
        api.delete(&object.key.name, &params).await.unless_gone()?;
        Ok(())
    }

    async fn classify(&self, object: &Object, owners: &[OwnerReference]) -> Result<Owners> {
        let mut out = Owners::default();
        for owner in owners {
            let known = self.graph().get(&owner.uid).cloned();
            match known {
                Some(known) if known.waits_for_dependents() && owner.block_owner_deletion == Some(true) => {
                    out.waiting.push(owner.clone());
                }
                Some(_) => out.solid.push(owner.clone()),
                None if self.exists(object, owner).await? => out.solid.push(owner.clone()),
                None => out.gone.push(owner.clone()),
            }
        }
        Ok(out)
    }

    /// Asks the API for an owner that no watch has shown.
    async fn exists(&self, object: &Object, owner: &OwnerReference) -> Result<bool> {
        let (group, version) = owner.api_version.split_once('/').unwrap_or(("", &owner.api_version));
        let gvk = GroupVersionKind::gvk(group, version, &owner.kind);
        let (resource, capabilities) = match kube::discovery::pinned_kind(&self.client, &gvk).await {
            Ok(found) => found,
            Err(error) if matches!(code(&error), 404) || matches!(error, kube::Error::Discovery(_)) => {
                // A kind that nobody serves: it may be on its way, so that nothing is deleted on its account.
                return Err(Error::Again(format!(
                    "no resource for owner kind {}/{}",
                    owner.api_version, owner.kind
                )));
            }
            Err(error) => return Err(error.into()),
        };
        let api: Api<DynamicObject> = self.owner_api(object, &resource, &capabilities.scope);
        let live: Option<Meta> = api.get_metadata_opt(&owner.name).await?;
        Ok(live.is_some_and(|live| live.uid().as_deref() == Some(&owner.uid)))
    }

    fn owner_api(&self, object: &Object, resource: &ApiResource, scope: &kube::discovery::Scope) -> Api<DynamicObject> {
        match scope {
            kube::discovery::Scope::Namespaced if !object.key.namespace.is_empty() => {
                Api::namespaced_with(self.client.clone(), &object.key.namespace, resource)
            }
            _ => Api::all_with(self.client.clone(), resource),
        }
    }

    /// Dependents that block go first; the last of them lets the owner go.
    async fn finish_foreground(&self, uid: &str, api: &Api<DynamicObject>, live: &Meta) -> Result<()> {
        let blocking = self.graph().blocking(uid);
        if blocking.is_empty() {
            return remove_finalizer(api, live, FOREGROUND).await;
        }
        let busy = blocking
            .into_iter()
            .filter(|(_, object)| !object.waits_for_dependents());
        self.add(busy.map(|(uid, _)| Task::Attempt(uid)).collect());
        Ok(())
    }

    async fn orphan(&self, uid: &str) -> Result<()> {
        let Some(object) = self.graph().get(uid).cloned() else {
            return Ok(());
        };
        let dependents = self.graph().dependents(uid);
        for (_, dependent) in dependents {
            let api = self.api(&dependent);
            if let Some(live) = api.get_metadata_opt(&dependent.key.name).await? {
                remove_owners(&api, &live, &[uid.to_owned()]).await?;
            }
        }
        let api = self.api(&object);
        match api.get_metadata_opt(&object.key.name).await? {
            Some(live) if live.uid().as_deref() == Some(uid) => remove_finalizer(&api, &live, ORPHAN).await,
            _ => Ok(()),
        }
    }
}

/// Merge patches replace lists: the resource version keeps others' changes from being lost.
async fn patch(api: &Api<DynamicObject>, live: &Meta, field: &str, value: Value) -> Result<()> {
    let patch = json!({"metadata": {"resourceVersion": live.resource_version(), "uid": live.uid(), field: value}});
    api.patch_metadata(&live.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unless_gone()?;
    Ok(())
}

/// The object no longer keeps any of its owners waiting. Returns its new version.
async fn unblock(api: &Api<DynamicObject>, live: &Meta) -> Result<Option<String>> {
    let open = live.owner_references().iter().cloned().map(|owner| OwnerReference {
        block_owner_deletion: Some(false),
        ..owner
    });
    let open = serde_json::to_value(open.collect::<Vec<_>>())?;
    let patch =
        json!({"metadata": {"resourceVersion": live.resource_version(), "uid": live.uid(), "ownerReferences": open}});
    let patched = api
        .patch_metadata(&live.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unless_gone()?;
    Ok(patched.and_then(|patched| patched.resource_version()))
}

async fn remove_owners(api: &Api<DynamicObject>, live: &Meta, uids: &[String]) -> Result<()> {
    let kept: Vec<&OwnerReference> = live
        .owner_references()
        .iter()
        .filter(|owner| !uids.contains(&owner.uid))
        .collect();
    if kept.len() == live.owner_references().len() {
        return Ok(());
    }
    let value = if kept.is_empty() {
        Value::Null
    } else {
        serde_json::to_value(kept)?
    };
    patch(api, live, "ownerReferences", value).await
}

async fn remove_finalizer(api: &Api<DynamicObject>, live: &Meta, finalizer: &str) -> Result<()> {
    let kept: Vec<&String> = live.finalizers().iter().filter(|name| *name != finalizer).collect();
    if kept.len() == live.finalizers().len() {
        return Ok(());
    }
    let value = if kept.is_empty() {
        Value::Null
    } else {
        serde_json::to_value(kept)?
    };
    patch(api, live, "finalizers", value).await
}

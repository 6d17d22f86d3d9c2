//! Deletion of namespaces: everything inside goes first, then the finalizer `kubernetes`.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, NamespaceCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{DeleteParams, DynamicObject, ListParams, PartialObjectMeta, PostParams, PropagationPolicy};
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Api, ResourceExt as _};

use crate::shared::error::{Tolerate as _, code};
use crate::shared::{Ctx, Key, Queue, Result, work};

const FINALIZER: &str = "kubernetes";
/// Pods need their grace period; this is how long to wait before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let weak = Arc::downgrade(&queue);
    ctx.namespaces.on(move |_, new| {
        let Some(queue) = weak.upgrade() else { return false };
        if let Some(new) = new.filter(|new| new.metadata.deletion_timestamp.is_some()) {
            queue.add(Key::new("", new.name_any()));
        }
        true
    });
    work("namespace", &queue, 4, |key: Key| {
        let (ctx, queue) = (ctx.clone(), queue.clone());
        async move {
            if !sync(&ctx, &key).await? {
                queue.add_after(key, LOOK_AGAIN);
            }
            Ok(())
        }
    })
    .await
}

/// True if there is nothing more to do.
async fn sync(ctx: &Ctx, key: &Key) -> Result<bool> {
    let api: Api<Namespace> = Api::all(ctx.client.clone());
    let Some(mut namespace) = api.get_opt(&key.name).await? else {
        return Ok(true);
    };
    let finalizers = namespace
        .spec
        .as_ref()
        .and_then(|spec| spec.finalizers.clone())
        .unwrap_or_default();
    if namespace.metadata.deletion_timestamp.is_none() || !finalizers.iter().any(|name| name == FINALIZER) {
        return Ok(true);
    }
    let phase = namespace.status.as_ref().and_then(|status| status.phase.as_deref());
    if phase != Some("Terminating") {
        namespace.status.get_or_insert_default().phase = Some("Terminating".to_owned());
        namespace = api
            .replace_status(&key.name, &PostParams::default(), &namespace)
            .await?;
    }
    // Swept already: nothing new comes in, and pods take their time.
    let conditions = namespace
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    let swept = conditions
        .iter()
        .any(|c| c.type_ == "NamespaceContentRemaining" && c.status == "True");
    if swept && !ctx.pods.in_namespace(&key.name).is_empty() {
        return Ok(false);
    }
    let left = empty(ctx, &key.name).await?;
    let condition = condition(&left);
    if !left.is_empty() {
        note(&api, namespace, condition).await?;
        return Ok(false);
    }
    if let Some(spec) = &mut namespace.spec {
        spec.finalizers = Some(finalizers.into_iter().filter(|name| name != FINALIZER).collect());
    }
    api.replace_subresource("finalize", &key.name, &PostParams::default(), &namespace)
        .await
        .unless_gone()?;
    Ok(true)
}

/// Deletes all objects of the namespace; returns what is still there, by resource.
async fn empty(ctx: &Ctx, namespace: &str) -> Result<Vec<String>> {
    let discovery = Discovery::new(ctx.client.clone()).run().await?;
    let mut left = Vec::new();
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            let deletable =
                capabilities.supports_operation(verbs::LIST) && capabilities.supports_operation(verbs::DELETE);
            if capabilities.scope != Scope::Namespaced || !deletable || resource.plural == "events" {
                continue;
            }
            let api: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), namespace, &resource);
            let objects = match api.list_metadata(&ListParams::default()).await {
                Ok(list) => list.items,
                // A CRD that went away meanwhile.
                Err(error) if matches!(code(&error), 404 | 405) => continue,
                Err(error) => return Err(error.into()),
            };
            if !objects.is_empty() {
                delete_all(&api, &objects).await?;
                let count = api.list_metadata(&ListParams::default()).await?.items.len();
                if count > 0 {
                    left.push(format!("{} has {count} resource instances", name(&resource)));
                }
            }
        }
    }
    let events: Api<k8s_openapi::api::core::v1::Event> = Api::namespaced(ctx.client.clone(), namespace);
    if left.is_empty() {
        events
            .delete_collection(&DeleteParams::default(), &ListParams::default())
            .await
            .unless_gone()?;
    }
    Ok(left)
}

fn name(resource: &kube::api::ApiResource) -> String {
    if resource.group.is_empty() {
        resource.plural.clone()
    } else {
        format!("{}.{}", resource.plural, resource.group)
    }
}

async fn delete_all(api: &Api<DynamicObject>, objects: &[PartialObjectMeta<DynamicObject>]) -> Result<()> {
    let params = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Background),
        ..DeleteParams::default()
    };
    for object in objects
        .iter()
        .filter(|object| object.metadata.deletion_timestamp.is_none())
    {
        match api.delete(&object.name_any(), &params).await {
            Err(error) if !matches!(code(&error), 404 | 405 | 409) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

fn condition(left: &[String]) -> NamespaceCondition {
    let (status, reason, message) = if left.is_empty() {
        ("False", "ContentRemoved", "All content successfully removed".to_owned())
    } else {
        (
            "True",
            "SomeResourcesRemain",
            format!("Some resources are remaining: {}", left.join(", ")),
        )
    };
    NamespaceCondition {
        type_: "NamespaceContentRemaining".to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_transition_time: Some(Time(Timestamp::now())),
    }
}

/// Writes the condition if it says something new.
async fn note(api: &Api<Namespace>, mut namespace: Namespace, condition: NamespaceCondition) -> Result<()> {
    let name = namespace.name_any();
    let conditions = namespace
        .status
        .get_or_insert_default()
        .conditions
        .get_or_insert_default();
    if let Some(old) = conditions.iter_mut().find(|old| old.type_ == condition.type_) {
        if old.status == condition.status && old.message == condition.message {
            return Ok(());
        }
        *old = condition;
    } else {
        conditions.push(condition);
    }
    api.replace_status(&name, &PostParams::default(), &namespace)
        .await
        .unless_gone()?;
    Ok(())
}

//! Deletion of namespaces: pods go first, then everything else inside, then the finalizer `kubernetes`.

mod conditions;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, PartialObjectMeta, PostParams, PropagationPolicy,
};
use kube::discovery::{self, ApiCapabilities, ApiGroup, Discovery, Scope, verbs};
use kube::{Api, ResourceExt as _};

use conditions::Left;

use crate::shared::error::{Tolerate as _, code};
use crate::shared::{Ctx, Key, Queue, Result, work};

const FINALIZER: &str = "kubernetes";
/// Objects that stay are looked at again after a part of the time that they have stayed, no sooner and no later than this.
const SOONEST: Duration = Duration::from_millis(500);
const LATEST: Duration = Duration::from_secs(8);

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    ctx.namespaces.feed_with(&queue, |_, new| {
        let deleted = new.filter(|namespace| namespace.metadata.deletion_timestamp.is_some())?;
        Some(Key::of(deleted.as_ref()))
    });
    // the last pod of a namespace is what all else waits for
    let namespaces = ctx.namespaces.clone();
    ctx.pods.feed_with(&queue, move |old, new| {
        let gone = old.filter(|_| new.is_none())?;
        let key = Key::new("", gone.namespace().unwrap_or_default());
        let namespace = namespaces.get(&key)?;
        namespace.metadata.deletion_timestamp.as_ref().map(|_| key)
    });
    work("namespace", &queue, 4, |key: Key| {
        let (ctx, queue) = (ctx.clone(), queue.clone());
        async move {
            if let Some(delay) = sync(&ctx, &key).await? {
                queue.add_within(key, delay);
            }
            Ok(())
        }
    })
    .await
}

/// When to look again, if there is more to do.
async fn sync(ctx: &Ctx, key: &Key) -> Result<Option<Duration>> {
    let api: Api<Namespace> = Api::all(ctx.client.clone());
    let Some(mut namespace) = api.get_opt(&key.name).await? else {
        return Ok(None);
    };
    let finalizers = namespace
        .spec
        .as_ref()
        .and_then(|spec| spec.finalizers.clone())
        .unwrap_or_default();
    if namespace.metadata.deletion_timestamp.is_none() || !finalizers.iter().any(|name| name == FINALIZER) {
        return Ok(None);
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
    let delay = delay(&namespace);
    if swept && !ctx.pods.in_namespace(&key.name).is_empty() {
        return Ok(Some(delay));
    }
    let left = empty(ctx, &key.name).await?;
    if !left.is_empty() {
        note(&api, namespace, &left).await?;
        return Ok(Some(delay));
    }
    if let Some(spec) = &mut namespace.spec {
        spec.finalizers = Some(finalizers.into_iter().filter(|name| name != FINALIZER).collect());
    }
    api.replace_subresource("finalize", &key.name, &PostParams::default(), &namespace)
        .await
        .unless_gone()?;
    Ok(None)
}

/// The longer the objects have stayed, the longer they may go on to.
fn delay(namespace: &Namespace) -> Duration {
    let since = namespace.metadata.deletion_timestamp.as_ref().map(|time| time.0);
    let passed = since.map(|since| jiff::Timestamp::now().duration_since(since));
    let passed = passed
        .and_then(|passed| Duration::try_from(passed).ok())
        .unwrap_or_default();
    (passed / 4).clamp(SOONEST, LATEST)
}

/// Deletes all objects of the namespace; returns what is still there, or could not be found or deleted. Other objects outlive
/// the pods that may use them.
async fn empty(ctx: &Ctx, namespace: &str) -> Result<Left> {
    let mut left = Left::default();
    let pods = ApiResource::erase::<Pod>(&());
    sweep(ctx, namespace, &pods, &mut left).await;
    if !left.is_empty() {
        return Ok(left);
    }
    for (resource, capabilities) in resources(ctx, &mut left).await? {
        let deletable = capabilities.supports_operation(verbs::LIST) && capabilities.supports_operation(verbs::DELETE);
        if capabilities.scope != Scope::Namespaced || !deletable || resource.plural == "events" {
            continue;
        }
        sweep(ctx, namespace, &resource, &mut left).await;
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

/// What is served. Groups of extension servers that do not answer are noted, and the others emptied meanwhile.
async fn resources(ctx: &Ctx, left: &mut Left) -> Result<Vec<(ApiResource, ApiCapabilities)>> {
    if let Ok(all) = Discovery::new(ctx.client.clone()).run().await {
        return Ok(all.groups().flat_map(ApiGroup::resources_by_stability).collect());
    }
    let named = ctx.client.list_api_groups().await?.groups;
    let core = ApiGroup::CORE_GROUP.to_owned();
    let mut found = Vec::new();
    for group in std::iter::once(core).chain(named.into_iter().map(|group| group.name)) {
        match discovery::group(&ctx.client, &group).await {
            Ok(group) => found.extend(group.resources_by_stability()),
            Err(error) => left.undiscovered(&group, &error.into()),
        }
    }
    Ok(found)
}

/// Deletes the objects of one kind, and notes those that stay for now.
async fn sweep(ctx: &Ctx, namespace: &str, resource: &ApiResource, left: &mut Left) {
    let api: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), namespace, resource);
    match swept(&api).await {
        Ok(objects) => left.add(resource, &objects),
        Err(error) => left.failed(&error),
    }
}

/// What is left of a kind after everything has been deleted.
async fn swept(api: &Api<DynamicObject>) -> Result<Vec<PartialObjectMeta<DynamicObject>>> {
    let objects = match api.list_metadata(&ListParams::default()).await {
        Ok(list) => list.items,
        // A CRD that went away meanwhile.
        Err(error) if matches!(code(&error), 404 | 405) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    if objects.is_empty() {
        return Ok(objects);
    }
    delete_all(api, &objects).await?;
    Ok(api.list_metadata(&ListParams::default()).await?.items)
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

/// Writes the conditions if they say something new.
async fn note(api: &Api<Namespace>, mut namespace: Namespace, left: &Left) -> Result<()> {
    let name = namespace.name_any();
    let list = namespace
        .status
        .get_or_insert_default()
        .conditions
        .get_or_insert_default();
    let mut news = false;
    for condition in left.conditions() {
        let old = list.iter_mut().find(|old| old.type_ == condition.type_);
        match old {
            Some(old) if old.status == condition.status && old.message == condition.message => continue,
            Some(old) => *old = condition,
            None => list.push(condition),
        }
        news = true;
    }
    if news {
        api.replace_status(&name, &PostParams::default(), &namespace)
            .await
            .unless_gone()?;
    }
    Ok(())
}

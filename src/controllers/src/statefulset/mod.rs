//! Pods with identities, started, updated and stopped in order.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/statefulset`.

mod claims;
mod identity;
mod order;
mod retention;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet, StatefulSetStatus};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt as _};

use crate::shared::error::{Tolerate as _, code};
use crate::shared::owner::{claim, selector};
use crate::shared::record::Events;
use crate::shared::{Ctx, Error, Key, Queue, Result, history, pods, work};

use identity::{REVISION, ordinal};
use order::Step;

/// Label of a revision with its hash.
const HASH: &str = "controller.kubernetes.io/hash";

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    ctx.stateful_sets.feed(&queue);
    ctx.pods.feed_owners(&queue, "StatefulSet");
    claims::feed(&ctx, &queue);
    ctx.stateful_sets.synced().await;
    ctx.pods.synced().await;
    ctx.controller_revisions.synced().await;
    ctx.claims.synced().await;
    let events = Events::new(ctx.client.clone(), "statefulset-controller");
    work("statefulset", &queue, 5, |key: Key| {
        let (ctx, events, queue) = (ctx.clone(), events.clone(), queue.clone());
        async move {
            if Box::pin(sync(&ctx, &events, &key)).await? {
                queue.add_after(key, Duration::from_secs(1));
            }
            Ok(())
        }
    })
    .await
}

/// True if a pod becomes available by the passing of time alone.
async fn sync(ctx: &Ctx, events: &Events, key: &Key) -> Result<bool> {
    let Some(set) = ctx.stateful_sets.get(key) else {
        return Ok(false);
    };
    let Some(spec) = &set.spec else { return Ok(false) };
    let wanted = selector(&spec.selector)?;
    let own = |pod: &Arc<Pod>| identity::parent(pod).is_some_and(|parent| parent == key.name);
    let all = ctx.pods.in_namespace(&key.namespace).into_iter().filter(own).collect();
    let claimed = claim(&ctx.client, set.as_ref(), &wanted, all).await?;
    if set.metadata.deletion_timestamp.is_some() {
        return Ok(false);
    }
    let revisions = history::revisions(ctx, set.as_ref(), &wanted).await?;
    let mut collisions = set.status.as_ref().and_then(|status| status.collision_count);
    let update = history::current(ctx, set.as_ref(), &spec.template, HASH, &mut collisions, &revisions).await?;
    let known = set.status.as_ref().and_then(|status| status.current_revision.clone());
    let current = revisions.iter().find(|revision| Some(revision.name_any()) == known);
    let current = current.map_or_else(|| update.clone(), |revision| revision.as_ref().clone());
    let now = Timestamp::now();
    let plan = order::plan(&set, &claimed, &current.name_any(), &update.name_any(), now);
    if set
        .spec
        .as_ref()
        .is_some_and(|spec| spec.volume_claim_templates.is_some())
    {
        retention::keep(ctx, &set, &claimed).await?;
    }
    let outcome = act(ctx, events, &set, &current, &update, plan).await;
    let status = status(&set, &claimed, &current, &update, collisions, now);
    if set.status.as_ref() != Some(&status) {
        let mut new = set.as_ref().clone();
        new.status = Some(status);
        let api: Api<StatefulSet> = Api::namespaced(ctx.client.clone(), &key.namespace);
        api.replace_status(&key.name, &PostParams::default(), &new)
            .await
            .unless_gone()?;
    }
    outcome?;
    let live = |revision: &ControllerRevision| {
        let name = revision.name_any();
        name == current.name_any()
            || name == update.name_any()
            || claimed.iter().any(|pod| pod.labels().get(REVISION) == Some(&name))
    };
    history::truncate(ctx, &revisions, spec.revision_history_limit.unwrap_or(10), &live).await?;
    let min_ready = spec.min_ready_seconds.unwrap_or_default();
    Ok(claimed
        .iter()
        .any(|pod| pods::is_ready(pod) && !pods::is_available(pod, min_ready, now)))
}

async fn act(
    ctx: &Ctx,
    events: &Events,
    set: &Arc<StatefulSet>,
    current: &ControllerRevision,
    update: &ControllerRevision,
    plan: Vec<Step>,
) -> Result<()> {
    let namespace = set.namespace().unwrap_or_default();
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &namespace);
    let failed = |pod: &Pod, error: &Error| {
        let (pod, set) = (pod.name_any(), set.name_any());
        format!("create Pod {pod} in StatefulSet {set} failed error: {error}")
    };
    for step in plan {
        match step {
            Step::Create { ordinal, newest } => {
                let revision = if newest { update } else { current };
                let template = template(set, revision)?;
                let pod = identity::pod(set, &template, ordinal, &revision.name_any());
                if claims::are_stale(ctx, set, ordinal) {
                    continue;
                }
                if let Err(error) = claims::make(ctx, events, set, ordinal).await {
                    events.warning(set.as_ref(), "FailedCreate", failed(&pod, &error)).await;
                    return Err(error);
                }
                match api.create(&PostParams::default(), &pod).await {
                    Ok(_) => {
                        let note = format!(
                            "create Pod {} in StatefulSet {} successful",
                            pod.name_any(),
                            set.name_any()
                        );
                        events.normal(set.as_ref(), "SuccessfulCreate", note).await;
                    }
                    // The one before is still on its way out, or the view is stale.
                    Err(error) if code(&error) == 409 => {
                        return Err(Error::Again(format!("pod {} is there", pod.name_any())));
                    }
                    Err(error) if crate::replicaset::is_terminating_namespace(&error) => return Ok(()),
                    Err(error) => {
                        let error = error.into();
                        events.warning(set.as_ref(), "FailedCreate", failed(&pod, &error)).await;
                        return Err(error);
                    }
                }
            }
            Step::Claims(ordinal) => claims::make(ctx, events, set, ordinal).await?,
            Step::Delete(pod) => {
                api.delete(&pod.name_any(), &DeleteParams::default())
                    .await
                    .unless_gone()?;
                let note = format!(
                    "delete Pod {} in StatefulSet {} successful",
                    pod.name_any(),
                    set.name_any()
                );
                events.normal(set.as_ref(), "SuccessfulDelete", note).await;
            }
        }
    }
    Ok(())
}

/// The template that a revision holds.
fn template(set: &StatefulSet, revision: &ControllerRevision) -> Result<PodTemplateSpec> {
    let held = revision
        .data
        .as_ref()
        .and_then(|raw| raw.0.pointer("/spec/template"))
        .cloned();
    match held {
        Some(held) => Ok(serde_json::from_value(held)?),
        None => Ok(set.spec.as_ref().map(|spec| spec.template.clone()).unwrap_or_default()),
    }
}

fn status(
    set: &StatefulSet,
    claimed: &[Arc<Pod>],
    current: &ControllerRevision,
    update: &ControllerRevision,
    collisions: Option<i32>,
    now: Timestamp,
) -> StatefulSetStatus {
    let spec = set.spec.clone().unwrap_or_default();
    let min_ready = spec.min_ready_seconds.unwrap_or_default();
    let of = |revision: &ControllerRevision| {
        let name = revision.name_any();
        let same = |pod: &&Arc<Pod>| pod.labels().get(REVISION) == Some(&name) && !pods::is_terminating(pod);
        i32::try_from(claimed.iter().filter(same).count()).unwrap_or(i32::MAX)
    };
    let count = |check: &dyn Fn(&&Arc<Pod>) -> bool| {
        i32::try_from(claimed.iter().filter(|pod| check(pod)).count()).unwrap_or(i32::MAX)
    };
    let some = |count: i32| (count != 0).then_some(count);
    let replicas = count(&|pod| ordinal(pod).is_some());
    let (updated, ready) = (
        of(update),
        count(&|pod| pods::is_ready(pod) && pods::phase(pod) == "Running"),
    );
    // When all pods are of the new revision, it becomes the current one.
    let wanted = spec.replicas.unwrap_or(1);
    let rolling = spec
        .update_strategy
        .as_ref()
        .and_then(|strategy| strategy.type_.as_deref())
        != Some("OnDelete");
    let done = rolling && updated == replicas && replicas == wanted && ready == replicas;
    let settled = if done { update } else { current };
    StatefulSetStatus {
        observed_generation: set.metadata.generation,
        replicas,
        ready_replicas: some(ready),
        available_replicas: Some(count(&|pod| pods::is_available(pod, min_ready, now))),
        current_replicas: some(of(settled)),
        updated_replicas: some(updated),
        current_revision: Some(settled.name_any()),
        update_revision: Some(update.name_any()),
        collision_count: Some(collisions.unwrap_or_default()),
        conditions: set.status.as_ref().and_then(|status| status.conditions.clone()),
    }
}

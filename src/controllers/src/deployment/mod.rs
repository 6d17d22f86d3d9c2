//! Rollouts: a ReplicaSet per revision of a Deployment's template, scaled against one another.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/deployment`.

mod numbers;
mod revisions;
mod rollout;
mod scale;
mod status;

#[cfg(test)]
mod tests;

pub(crate) use numbers::scaled;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt as _};

use crate::shared::error::Tolerate as _;
use crate::shared::owner::{claim, controller_of, selector};
use crate::shared::record::Events;
use crate::shared::{Ctx, Error, Key, Queue, Result, work};

/// One sync's view of a Deployment and its ReplicaSets.
struct Rollout<'a> {
    client: &'a Client,
    events: &'a Events,
    /// As read, its status as it is to be written.
    deployment: Deployment,
    /// Status as read, to tell progress by.
    before: k8s_openapi::api::apps::v1::DeploymentStatus,
    new: Option<ReplicaSet>,
    old: Vec<ReplicaSet>,
}

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    watch(&ctx, &queue);
    ctx.deployments.synced().await;
    ctx.replica_sets.synced().await;
    ctx.pods.synced().await;
    let events = Events::new(ctx.client.clone(), "deployment-controller");
    work("deployment", &queue, 5, |key: Key| {
        let (ctx, events, queue) = (ctx.clone(), events.clone(), queue.clone());
        async move {
            if let Some(wait) = Box::pin(sync(&ctx, &events, &key)).await? {
                queue.add_after(key, wait);
            }
            Ok(())
        }
    })
    .await
}

fn watch(ctx: &Arc<Ctx>, queue: &Arc<Queue<Key>>) {
    ctx.deployments.feed(queue);
    let (weak, weak_ctx) = (Arc::downgrade(queue), Arc::downgrade(ctx));
    ctx.replica_sets.on(move |old, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        for set in [old, new].into_iter().flatten() {
            match controller_of(&set.metadata) {
                Some(owner) if owner.kind == "Deployment" => {
                    queue.add(Key::new(set.namespace().unwrap_or_default(), &*owner.name));
                }
                Some(_) => {}
                None => {
                    let labels = set.metadata.labels.clone().unwrap_or_default();
                    for deployment in ctx.deployments.in_namespace(&set.namespace().unwrap_or_default()) {
                        let wanted = deployment.spec.as_ref().and_then(|spec| selector(&spec.selector).ok());
                        if wanted.is_some_and(|wanted| !wanted.is_everything() && wanted.matches(&labels)) {
                            queue.add(Key::of(deployment.as_ref()));
                        }
                    }
                }
            }
        }
        true
    });
    // Recreate waits for the last old pod to go.
    let (weak, weak_ctx) = (Arc::downgrade(queue), Arc::downgrade(ctx));
    ctx.pods.on(move |old, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        let (Some(pod), None) = (old, new) else { return true };
        let namespace = pod.namespace().unwrap_or_default();
        let set = controller_of(&pod.metadata).filter(|owner| owner.kind == "ReplicaSet");
        let set = set.and_then(|owner| ctx.replica_sets.get(&Key::new(&*namespace, &*owner.name)));
        if let Some(owner) = set.as_ref().and_then(|set| controller_of(&set.metadata)) {
            queue.add(Key::new(namespace, &*owner.name));
        }
        true
    });
}

/// How long until the deadline of progress, if there is one to wait for.
async fn sync(ctx: &Ctx, events: &Events, key: &Key) -> Result<Option<Duration>> {
    let Some(deployment) = ctx.deployments.get(key) else {
        return Ok(None);
    };
    let Some(spec) = &deployment.spec else { return Ok(None) };
    let wanted = selector(&spec.selector)?;
    if wanted.is_everything() {
        let note = "This deployment is selecting all pods. A non-empty selector is required.".to_owned();
        events.warning(deployment.as_ref(), "SelectingAll", note).await;
        return Ok(None);
    }
    let sets = claim(
        &ctx.client,
        deployment.as_ref(),
        &wanted,
        ctx.replica_sets.in_namespace(&key.namespace),
    )
    .await?;
    let sets: Vec<ReplicaSet> = sets.iter().map(|set| set.as_ref().clone()).collect();
    let (new, old) = revisions::split(&deployment, sets);
    let mut rollout = Rollout {
        client: &ctx.client,
        events,
        before: deployment.status.clone().unwrap_or_default(),
        deployment: deployment.as_ref().clone(),
        new,
        old,
    };
    if deployment.metadata.deletion_timestamp.is_some() {
        rollout.status_only(Timestamp::now());
        return rollout.write_status().await.map(|()| None);
    }
    rollout.note_pause(Timestamp::now());
    let result = if spec.paused == Some(true) || rollout.is_scaling() {
        Box::pin(rollout.sync_scale(spec.paused == Some(true))).await
    } else if spec.strategy.as_ref().and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate") {
        rollout.recreate(ctx).await
    } else {
        rollout.rolling().await
    };
    // What happened so far is shown even if the rest failed.
    let written = rollout.write_status().await;
    result.and(written)?;
    Ok(rollout.next_check(Timestamp::now()))
}

impl Rollout<'_> {
    fn spec(&self) -> k8s_openapi::api::apps::v1::DeploymentSpec {
        self.deployment.spec.clone().unwrap_or_default()
    }

    fn replicas(&self) -> i32 {
        self.deployment
            .spec
            .as_ref()
            .and_then(|spec| spec.replicas)
            .unwrap_or(1)
    }

    fn sets(&self) -> impl Iterator<Item = &ReplicaSet> {
        self.old.iter().chain(&self.new)
    }

    fn namespace(&self) -> String {
        self.deployment.namespace().unwrap_or_default()
    }

    fn sets_api(&self) -> Api<ReplicaSet> {
        Api::namespaced(self.client.clone(), &self.namespace())
    }

    /// Deletes old sets beyond the limit of history.
    async fn clean_up(&self) -> Result<()> {
        let Some(limit) = self.spec().revision_history_limit.filter(|limit| *limit != i32::MAX) else {
            return Ok(());
        };
        let mut sets: Vec<&ReplicaSet> = self
            .old
            .iter()
            .filter(|set| set.metadata.deletion_timestamp.is_none())
            .collect();
        let surplus = sets.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
        sets.sort_by_key(|set| {
            (
                revisions::revision(&set.metadata),
                set.metadata.creation_timestamp.clone(),
            )
        });
        for set in sets.into_iter().take(surplus) {
            let status = set.status.clone().unwrap_or_default();
            let seen = status.observed_generation.unwrap_or_default() >= set.metadata.generation.unwrap_or_default();
            if status.replicas == 0 && numbers::replicas(set) == 0 && seen {
                self.sets_api()
                    .delete(&set.name_any(), &Default::default())
                    .await
                    .unless_gone()?;
            }
        }
        Ok(())
    }

    async fn write_status(&mut self) -> Result<()> {
        if self.deployment.status.as_ref() == Some(&self.before) {
            return Ok(());
        }
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), &self.namespace());
        let name = self.deployment.name_any();
        match api
            .replace_status(&name, &PostParams::default(), &self.deployment)
            .await
            .unless_gone()
        {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::Again(format!("status not written: {error}"))),
        }
    }
}

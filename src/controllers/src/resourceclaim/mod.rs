//! Claims for devices: made from their templates for pods that ask for one, reserved for pods that got a node, and given back
//! by pods that ended.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/resourceclaim`.

mod make;
mod release;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, PodResourceClaim};
use k8s_openapi::api::resource::v1::ResourceClaim;
use kube::ResourceExt as _;

use crate::shared::queue::tasks;
use crate::shared::record::Events;
use crate::shared::{Ctx, Key, Queue, Result, pods, work};

tasks! {
    Pod: "pod",
    Claim: "claim",
}

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let weak = Arc::downgrade(&queue);
    ctx.pods.on(move |old, new| {
        let Some(queue) = weak.upgrade() else { return false };
        if let Some(pod) = new.or(old).filter(|pod| !asked(pod).is_empty()) {
            pod_changed(&queue, pod, new.is_none());
        }
        true
    });
    let (weak, weak_ctx) = (Arc::downgrade(&queue), Arc::downgrade(&ctx));
    ctx.resource_claims.on(move |old, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        if let Some(claim) = new {
            queue.add(Task::Claim(Key::of(claim.as_ref())));
        }
        if let Some(claim) = new.or(old) {
            let (namespace, name) = (claim.namespace().unwrap_or_default(), claim.name_any());
            let uses = |pod: &Arc<Pod>| asked(pod).iter().any(|one| named(pod, one).as_deref() == Some(&name));
            for pod in ctx.pods.in_namespace(&namespace).iter().filter(|pod| uses(pod)) {
                queue.add(Task::Pod(Key::of(pod.as_ref())));
            }
        }
        true
    });
    let (weak, weak_ctx) = (Arc::downgrade(&queue), Arc::downgrade(&ctx));
    ctx.resource_claim_templates.on(move |_, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        let Some(template) = new else { return true };
        let (namespace, name) = (template.namespace().unwrap_or_default(), template.name_any());
        let uses = |one: &PodResourceClaim| one.resource_claim_template_name.as_ref() == Some(&name);
        for pod in ctx.pods.in_namespace(&namespace) {
            if asked(&pod).iter().any(uses) {
                queue.add(Task::Pod(Key::of(pod.as_ref())));
            }
        }
        true
    });
    ctx.pods.synced().await;
    ctx.resource_claims.synced().await;
    ctx.resource_claim_templates.synced().await;
    let events = Events::new(ctx.client.clone(), "resource_claim");
    work("resourceclaim", &queue, 1, |task: Task| {
        let (ctx, events) = (ctx.clone(), events.clone());
        async move {
            match task {
                Task::Pod(key) => make::for_pod(&ctx, &events, &key).await,
                Task::Claim(key) => release::unused(&ctx, &key).await,
            }
        }
    })
    .await
}

fn pod_changed(queue: &Queue<Task>, pod: &Pod, gone: bool) {
    if gone || is_done(pod) {
        let namespace = pod.namespace().unwrap_or_default();
        for name in asked(pod).iter().filter_map(|one| named(pod, one)) {
            queue.add(Task::Claim(Key::new(namespace.clone(), name)));
        }
    }
    if !gone && pod.metadata.deletion_timestamp.is_none() {
        queue.add(Task::Pod(Key::of(pod)));
    }
}

/// The claims that the pod's spec asks for.
fn asked(pod: &Pod) -> &[PodResourceClaim] {
    let claims = pod.spec.as_ref().and_then(|spec| spec.resource_claims.as_deref());
    claims.unwrap_or_default()
}

/// The name of the claim, as soon as there is one.
fn named(pod: &Pod, one: &PodResourceClaim) -> Option<String> {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.resource_claim_statuses.as_ref());
    let made = statuses.into_iter().flatten().find(|status| status.name == one.name);
    let made = made.and_then(|status| status.resource_claim_name.clone());
    one.resource_claim_name.clone().or(made)
}

/// Whether the pod will never run again.
fn is_done(pod: &Pod) -> bool {
    let placed = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    pods::is_finished(pod) || (pod.metadata.deletion_timestamp.is_some() && !placed)
}

/// Whether the claim was made for the pod.
fn belongs(claim: &ResourceClaim, pod: &Pod) -> bool {
    let owners = claim.owner_references();
    let own = owners.iter().find(|owner| owner.controller == Some(true));
    own.is_some_and(|owner| Some(&owner.uid) == pod.metadata.uid.as_ref())
}

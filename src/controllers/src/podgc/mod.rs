//! Pods that nothing else would ever remove: of nodes that are gone or out of service, deleted before they were scheduled,
//! and finished ones beyond a limit.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/podgc`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use crate::shared::error::Tolerate as _;
use crate::shared::{Ctx, Key, Queue, Result, nodes, pods, work};

/// A node may only have been away for a moment.
const QUARANTINE: Duration = Duration::from_secs(40);
/// Finished pods beyond this many are deleted.
const MOST_FINISHED: usize = 12_500;

/// Runs the collector.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let weak = Arc::downgrade(&queue);
    ctx.nodes.on(move |_, new| {
        let Some(queue) = weak.upgrade() else { return false };
        match new {
            None => queue.add_after(Key::default(), QUARANTINE),
            Some(node) if nodes::is_lost(node) => queue.add(Key::default()),
            Some(_) => {}
        }
        true
    });
    let weak = Arc::downgrade(&queue);
    let known = Arc::downgrade(&ctx);
    ctx.pods.on(move |_, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), known.upgrade()) else {
            return false;
        };
        if new.is_some_and(|pod| pods::is_finished(pod) || is_given_up(&ctx, pod)) {
            queue.add(Key::default());
        }
        true
    });
    ctx.nodes.synced().await;
    ctx.pods.synced().await;
    // Nodes that went while nobody looked.
    queue.add_after(Key::default(), QUARANTINE);
    work("podgc", &queue, 1, |_: Key| {
        let ctx = ctx.clone();
        async move { collect(&ctx).await }
    })
    .await
}

fn node(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref().filter(|name| !name.is_empty())
}

/// True if the pod is to go and no kubelet will say that it has ended.
fn is_given_up(ctx: &Ctx, pod: &Pod) -> bool {
    let lost = |name: &str| {
        ctx.nodes
            .get(&Key::new("", name))
            .is_some_and(|node| nodes::is_lost(&node))
    };
    pods::is_terminating(pod) && node(pod).is_none_or(lost)
}

async fn collect(ctx: &Ctx) -> Result<()> {
    let all = ctx.pods.list();
    let known: HashSet<String> = ctx.nodes.list().iter().map(|node| node.name_any()).collect();
    let nodes: Api<Node> = Api::all(ctx.client.clone());
    let mut gone: HashSet<String> = HashSet::new();
    for name in all
        .iter()
        .filter_map(|pod| node(pod))
        .filter(|name| !known.contains(*name))
    {
        if !gone.contains(name) && nodes.get_opt(name).await?.is_none() {
            gone.insert(name.to_owned());
        }
    }
    for pod in all
        .iter()
        .filter(|pod| node(pod).is_some_and(|name| gone.contains(name)))
    {
        let why = json!({"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
            "message": "PodGC: node no longer exists", "lastTransitionTime": machinery::decode::format_time(jiff::Timestamp::now())});
        fail(ctx, pod, Some(why)).await?;
        delete(ctx, pod).await?;
    }
    for pod in all.iter().filter(|pod| is_given_up(ctx, pod)) {
        fail(ctx, pod, None).await?;
        delete(ctx, pod).await?;
    }
    let mut finished: Vec<&Arc<Pod>> = all
        .iter()
        .filter(|pod| pods::is_finished(pod) && !pods::is_terminating(pod))
        .collect();
    let surplus = finished.len().saturating_sub(MOST_FINISHED);
    finished.sort_by_key(|pod| (pod.metadata.creation_timestamp.clone(), pod.name_any()));
    for pod in finished.into_iter().take(surplus) {
        delete(ctx, pod).await?;
    }
    Ok(())
}

/// Its phase is final: whoever counts on the pod sees that it will not come back.
async fn fail(ctx: &Ctx, pod: &Pod, why: Option<Value>) -> Result<()> {
    if pods::is_finished(pod) {
        return Ok(());
    }
    let mut status = json!({"phase": "Failed"});
    if let Some(condition) = why {
        status["conditions"] = json!([condition]);
    }
    let patch = Patch::Strategic(json!({ "status": status }));
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &pod.namespace().unwrap_or_default());
    api.patch_status(&pod.name_any(), &PatchParams::default(), &patch)
        .await
        .unless_gone()?;
    Ok(())
}

async fn delete(ctx: &Ctx, pod: &Pod) -> Result<()> {
    let params = DeleteParams {
        grace_period_seconds: Some(0),
        preconditions: Some(Preconditions {
            uid: pod.uid(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &pod.namespace().unwrap_or_default());
    api.delete(&pod.name_any(), &params).await.unless_gone()?;
    Ok(())
}

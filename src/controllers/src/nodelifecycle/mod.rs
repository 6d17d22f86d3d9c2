//! Nodes that stop reporting become unknown; taints follow conditions; pods leave nodes whose taints they do not bear.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/nodelifecycle` and `…/tainteviction`.

mod evict;
mod taints;
mod zones;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, NodeCondition, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Api;
use kube::api::PostParams;

use crate::shared::error::Tolerate as _;
use crate::shared::record::Events;
use crate::shared::{Ctx, Key, Queue, Result, nodes, work};

/// A node that was not heard of for this long is unknown.
const GRACE: i64 = 50;
pub(super) const LEASES: &str = "kube-node-lease";

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let (weak, weak_ctx) = (Arc::downgrade(&queue), Arc::downgrade(&ctx));
    ctx.nodes.on(move |old, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        if let Some(node) = new.or(old) {
            queue.add(Key::of(node.as_ref()));
        }
        // what holds for all may hold no longer
        let ready = |node: Option<&Arc<Node>>| node.map(|node| nodes::is_ready(node));
        if ready(old) != ready(new) {
            ctx.nodes
                .list()
                .iter()
                .for_each(|node| queue.add(Key::of(node.as_ref())));
        }
        true
    });
    let (weak, weak_ctx) = (Arc::downgrade(&queue), Arc::downgrade(&ctx));
    ctx.pods.on(move |old, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        // Only a pod that comes to a tainted node, or bears other taints now, may have to leave it.
        let says = |pod: &Arc<Pod>| {
            let spec = pod.spec.as_ref()?;
            Some((spec.node_name.clone()?, spec.tolerations.clone()))
        };
        if let Some(said) = new
            .and_then(says)
            .filter(|said| old.and_then(says).as_ref() != Some(said))
        {
            let key = Key::new("", said.0);
            if ctx.nodes.get(&key).is_some_and(|node| evict::is_tainted(&node)) {
                queue.add(key);
            }
        }
        true
    });
    ctx.nodes.synced().await;
    ctx.leases.synced().await;
    ctx.pods.synced().await;
    let events = Events::new(ctx.client.clone(), "node-controller");
    let eviction = Events::new(ctx.client.clone(), "taint-eviction-controller");
    let pending = Arc::new(evict::Pending::default());
    work("nodelifecycle", &queue, 4, |key: Key| {
        let (ctx, events, eviction, queue) = (ctx.clone(), events.clone(), eviction.clone(), queue.clone());
        let pending = pending.clone();
        async move {
            if let Some(wait) = Box::pin(sync(&ctx, &events, &eviction, &pending, &key)).await? {
                queue.add_within(key, wait);
            }
            Ok(())
        }
    })
    .await
}

/// When to look again.
async fn sync(
    ctx: &Ctx,
    events: &Events,
    eviction: &Events,
    pending: &evict::Pending,
    key: &Key,
) -> Result<Option<Duration>> {
    let Some(node) = ctx.nodes.get(key) else {
        pending.forget(&key.name);
        return Ok(None);
    };
    let mut node = node.as_ref().clone();
    let now = Timestamp::now();
    let lease = ctx.leases.get(&Key::new(LEASES, &*key.name));
    let renewed = lease.and_then(|lease| lease.spec.as_ref()?.renew_time.as_ref().map(|time| time.0));
    let heard = last_heard(&node, renewed);
    let silent = now.duration_since(heard).as_secs();
    let api: Api<Node> = Api::all(ctx.client.clone());
    if silent > GRACE && make_unknown(&mut node, now) {
        let Some(written) = api
            .replace_status(&key.name, &PostParams::default(), &node)
            .await
            .unless_gone()?
        else {
            return Ok(None);
        };
        node = written;
        events
            .normal(
                &node,
                "NodeNotReady",
                format!("Node {} status is now: NodeNotReady", key.name),
            )
            .await;
    }
    let mut all = ctx.nodes.list();
    all.retain(|other| other.metadata.name != node.metadata.name);
    all.push(Arc::new(node.clone()));
    let brake = zones::brake(&all, &node);
    let wanted = taints::wanted(&node, brake, now);
    let current = node
        .spec
        .as_ref()
        .and_then(|spec| spec.taints.clone())
        .unwrap_or_default();
    if wanted != current {
        node.spec.get_or_insert_default().taints = Some(wanted).filter(|taints| !taints.is_empty());
        match api
            .replace(&key.name, &PostParams::default(), &node)
            .await
            .unless_gone()?
        {
            Some(written) => node = written,
            None => return Ok(None),
        }
    }
    if !nodes::is_ready(&node) {
        evict::mark_not_ready(ctx, &key.name).await?;
    }
    let next_eviction = evict::evict(ctx, eviction, pending, &node, now).await?;
    let next_silence = u64::try_from(GRACE - silent + 1)
        .ok()
        .filter(|left| *left > 0)
        .map(Duration::from_secs);
    Ok(next_eviction.into_iter().chain(next_silence).min())
}

/// The latest sign of life.
fn last_heard(node: &Node, renewed: Option<Timestamp>) -> Timestamp {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let beats = conditions
        .filter(|c| c.type_ == "Ready")
        .filter_map(|c| c.last_heartbeat_time.as_ref().map(|t| t.0));
    let created = node.metadata.creation_timestamp.as_ref().map(|time| time.0);
    beats
        .chain(renewed)
        .chain(created)
        .max()
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Sets what only the kubelet can know to unknown. False if it was already.
fn make_unknown(node: &mut Node, now: Timestamp) -> bool {
    let created = node.metadata.creation_timestamp.clone();
    let conditions = node.status.get_or_insert_default().conditions.get_or_insert_default();
    let mut changed = false;
    for ty in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
        match conditions.iter_mut().find(|condition| condition.type_ == ty) {
            Some(condition) if condition.status == "Unknown" => {}
            Some(condition) => {
                changed = true;
                "Unknown".clone_into(&mut condition.status);
                condition.reason = Some("NodeStatusUnknown".to_owned());
                condition.message = Some("Kubelet stopped posting node status.".to_owned());
                condition.last_transition_time = Some(Time(now));
            }
            None => {
                changed = true;
                conditions.push(NodeCondition {
                    type_: ty.to_owned(),
                    status: "Unknown".to_owned(),
                    reason: Some("NodeStatusNeverUpdated".to_owned()),
                    message: Some("Kubelet never posted node status.".to_owned()),
                    last_heartbeat_time: created.clone(),
                    last_transition_time: Some(Time(now)),
                });
            }
        }
    }
    changed
}

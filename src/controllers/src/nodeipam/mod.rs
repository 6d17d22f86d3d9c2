//! Ranges of pods' addresses for nodes that come without one. Nobody else writes `spec.podCIDR`.
//!
//! The nodes that the host made get what it planned for them, since that is what their runtimes hand out already; others, such
//! as simulated ones, get a part of the pods' network that no node has. A range that is set is never changed.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/nodeipam/ipam` (the range allocator).

mod ranges;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::shared::error::Tolerate as _;
use crate::shared::record::Events;
use crate::shared::{Ctx, Error, Key, Queue, Result, work};
use ranges::Ranges;

/// What nodes' ranges come from.
#[derive(Debug, Clone)]
pub struct PodRanges {
    /// All pods' addresses.
    pub network: IpNet,
    /// Length of the prefix of one node's range.
    pub node_prefix: u8,
    /// All services' addresses, which no pod may have.
    pub services: IpNet,
    /// Ranges by the names of the nodes that the host made.
    pub planned: BTreeMap<String, IpNet>,
}

impl PodRanges {
    /// What nobody else may have, whether those nodes are there yet or not.
    fn ranges(&self) -> Option<Ranges> {
        let mut ranges = Ranges::new(self.network, self.node_prefix)?;
        ranges.occupy(self.services, "services");
        for (node, range) in &self.planned {
            // a node of that name may come and go: its plan stays
            ranges.occupy(*range, &format!("plan of {node}"));
        }
        Some(ranges)
    }
}

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let Some(config) = &ctx.config.pods else {
        return std::future::pending().await;
    };
    let Some(ranges) = config.ranges() else {
        let (network, prefix) = (config.network, config.node_prefix);
        tracing::error!(%network, prefix, "the pods' network has no ranges of this size for nodes, or too many");
        return std::future::pending().await;
    };
    let ranges = Arc::new(Mutex::new(ranges));
    let queue = Queue::new();
    let (weak, weak_ctx, own) = (Arc::downgrade(&queue), Arc::downgrade(&ctx), ranges.clone());
    ctx.nodes.on(move |old, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        if changed(&mut lock(&own), old.map(AsRef::as_ref), new.map(AsRef::as_ref)) {
            // somebody may have waited for it
            for node in ctx.nodes.list().iter().filter(|node| held(node).is_empty()) {
                queue.add(Key::of(node.as_ref()));
            }
        }
        if let Some(node) = new.filter(|node| held(node).is_empty()) {
            queue.add(Key::of(node.as_ref()));
        }
        true
    });
    // what is taken must be known before anything is given
    ctx.nodes.synced().await;
    let events = Events::new(ctx.client.clone(), "cidrAllocator");
    work("nodeipam", &queue, 1, |key: Key| {
        let (ctx, events, ranges) = (ctx.clone(), events.clone(), ranges.clone());
        async move { sync(&ctx, &events, &ranges, &key).await }
    })
    .await
}

fn lock(ranges: &Mutex<Ranges>) -> MutexGuard<'_, Ranges> {
    ranges.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The ranges that a node says are its own.
fn held(node: &Node) -> Vec<IpNet> {
    let spec = node.spec.as_ref();
    let all = spec.and_then(|spec| spec.pod_cidrs.as_deref()).unwrap_or_default();
    all.iter().filter_map(|range| range.parse().ok()).collect()
}

/// Takes note of what a node holds now; true if something was given back.
fn changed(ranges: &mut Ranges, old: Option<&Node>, new: Option<&Node>) -> bool {
    let (before, now) = (old.map(held), new.map(held));
    let same_node = old.map(Node::uid) == new.map(Node::uid);
    if same_node && before == now {
        return false;
    }
    let released = old.is_some_and(|old| ranges.release(&old.name_any()));
    if let Some(new) = new {
        for range in now.into_iter().flatten() {
            if !ranges.occupy(range, &new.name_any()) {
                tracing::debug!(node = new.name_any(), %range, "not of the pods' network");
            }
        }
    }
    released
}

async fn sync(ctx: &Ctx, events: &Events, ranges: &Mutex<Ranges>, key: &Key) -> Result<()> {
    let node = ctx.nodes.get(key);
    let Some(node) = node.filter(|node| node.metadata.deletion_timestamp.is_none() && held(node).is_empty()) else {
        return Ok(());
    };
    let planned = ctx
        .config
        .pods
        .as_ref()
        .and_then(|config| config.planned.get(&key.name));
    let range = planned.copied().or_else(|| {
        let mut ranges = lock(ranges);
        // whether an earlier attempt was written is not known, so it is the same range again
        ranges.given(&key.name).or_else(|| ranges.give(&key.name))
    });
    let Some(range) = range else {
        let note = format!("Node {} status is now: CIDRNotAvailable", key.name);
        events.normal(node.as_ref(), "CIDRNotAvailable", note).await;
        return Err(Error::Again("no range of pods' addresses is left".to_owned()));
    };
    let api: Api<Node> = Api::all(ctx.client.clone());
    // another node of this name is not meant
    let patch = json!({"metadata": {"uid": node.uid()}, "spec": {"podCIDR": range, "podCIDRs": [range]}});
    api.patch(&key.name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unless_gone()?;
    Ok(())
}

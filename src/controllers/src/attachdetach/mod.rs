//! Attaches drivers' volumes to the nodes whose pods use them, and detaches them when none does any more.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/volume/attachdetach`. What is attached is said by VolumeAttachments, which the
//! driver's external attacher acts upon; nodes are told in their status. Nothing is kept here that could not be lost.

mod nodes;
mod plan;
#[cfg(test)]
mod tests;
mod volume;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::ResourceExt as _;
use tokio::time::Instant;

use crate::shared::nodes::{is_out_of_service, is_ready};
use crate::shared::record::Events;
use crate::shared::{Ctx, Key, Queue, Result, work};

/// On nodes whose kubelet leaves attaching to the controller.
const MANAGED: &str = "volumes.kubernetes.io/controller-managed-attach-detach";

struct Attacher {
    ctx: Arc<Ctx>,
    events: Events,
    /// Names of volumes.
    queue: Arc<Queue<String>>,
    /// Since when attachments (by UID) are not needed any more.
    unneeded: Mutex<HashMap<String, Instant>>,
    /// Attachments (by UID) that nodes must not rely on any more.
    detaching: Mutex<HashSet<String>>,
    /// Volumes and nodes whose pods have been told that another node has the volume.
    told: Mutex<HashSet<(String, String)>>,
}

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let attacher = Attacher {
        events: Events::new(ctx.client.clone(), "attachdetach-controller"),
        ctx: ctx.clone(),
        queue: queue.clone(),
        unneeded: Mutex::default(),
        detaching: Mutex::default(),
        told: Mutex::default(),
    };
    ctx.pods.synced().await;
    ctx.claims.synced().await;
    ctx.persistent_volumes.synced().await;
    ctx.nodes.synced().await;
    ctx.csi_drivers.synced().await;
    ctx.attachments.synced().await;
    attacher.listen();
    // one worker: two nodes never get an exclusive volume at the same time
    work("attachdetach", &queue, 1, |name: String| {
        let attacher = &attacher;
        async move { attacher.volume(&name).await }
    })
    .await
}

impl Attacher {
    fn listen(&self) {
        let weak = Arc::downgrade(&self.queue);
        let claims = Arc::downgrade(&self.ctx);
        self.ctx.pods.on(move |old, new| {
            let (Some(queue), Some(ctx)) = (weak.upgrade(), claims.upgrade()) else {
                return false;
            };
            if let Some(pod) = new.or(old) {
                volumes_of(&ctx, pod).into_iter().for_each(|name| queue.add(name));
            }
            true
        });
        let weak = Arc::downgrade(&self.queue);
        self.ctx.claims.on(move |old, new| {
            let Some(queue) = weak.upgrade() else { return false };
            let spec = new.or(old).and_then(|claim| claim.spec.as_ref());
            if let Some(name) = spec.and_then(|spec| spec.volume_name.clone()) {
                queue.add(name);
            }
            true
        });
        let weak = Arc::downgrade(&self.queue);
        self.ctx.persistent_volumes.on(move |old, new| {
            let Some(queue) = weak.upgrade() else { return false };
            let volume = new.or(old);
            if let Some(volume) = volume.filter(|volume| volume.spec.as_ref().is_some_and(|spec| spec.csi.is_some())) {
                queue.add(volume.name_any());
            }
            true
        });
        let weak = Arc::downgrade(&self.queue);
        self.ctx.attachments.on(move |old, new| {
            let Some(queue) = weak.upgrade() else { return false };
            if let Some(name) = new.or(old).and_then(|attachment| volume_of(attachment)) {
                queue.add(name.to_owned());
            }
            true
        });
        let weak = Arc::downgrade(&self.queue);
        let volumes = Arc::downgrade(&self.ctx);
        self.ctx.csi_drivers.on(move |old, new| {
            let (Some(queue), Some(ctx)) = (weak.upgrade(), volumes.upgrade()) else {
                return false;
            };
            let name = new.or(old).map(|driver| driver.name_any());
            for volume in ctx.persistent_volumes.list() {
                let source = volume.spec.as_ref().and_then(|spec| spec.csi.as_ref());
                if source.map(|source| &source.driver) == name.as_ref() {
                    queue.add(volume.name_any());
                }
            }
            true
        });
        let weak = Arc::downgrade(&self.queue);
        let affected = Arc::downgrade(&self.ctx);
        self.ctx.nodes.on(move |old, new| {
            let (Some(queue), Some(ctx)) = (weak.upgrade(), affected.upgrade()) else {
                return false;
            };
            let (Some(node), true) = (new.or(old), told(old, new)) else {
                return true;
            };
            let name = node.name_any();
            let here = |attachment: &Arc<VolumeAttachment>| attachment.spec.node_name == name;
            for attachment in ctx.attachments.list().into_iter().filter(here) {
                if let Some(volume) = volume_of(&attachment) {
                    queue.add(volume.to_owned());
                }
            }
            if old.map(|old| is_managed(old)) != new.map(|new| is_managed(new)) {
                let here = |pod: &Arc<Pod>| pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref()) == Some(&name);
                for pod in ctx.pods.list().iter().filter(|pod| here(pod)) {
                    volumes_of(&ctx, pod).into_iter().for_each(|name| queue.add(name));
                }
            }
            true
        });
    }
}

/// True if the node's change is about volumes, or about whether they can be taken from it.
fn told(old: Option<&Arc<Node>>, new: Option<&Arc<Node>>) -> bool {
    let facts = |node: &Arc<Node>| {
        let status = node.status.as_ref();
        let names = |node: &Arc<Node>| nodes::attached(node);
        (
            status.and_then(|status| status.volumes_in_use.clone()),
            names(node),
            is_ready(node),
            is_out_of_service(node),
            is_managed(node),
        )
    };
    old.map(facts) != new.map(facts)
}

fn is_managed(node: &Node) -> bool {
    node.annotations().get(MANAGED).is_some_and(|value| value == "true")
}

/// The volume that is attached.
fn volume_of(attachment: &VolumeAttachment) -> Option<&str> {
    attachment.spec.source.persistent_volume_name.as_deref()
}

/// Names of the volumes that a pod's claims are bound to.
fn volumes_of(ctx: &Ctx, pod: &Pod) -> Vec<String> {
    let namespace = pod.namespace().unwrap_or_default();
    let used = pod
        .spec
        .iter()
        .flat_map(|spec| claims::claims_of(&pod.name_any(), spec));
    used.filter_map(|claim| {
        let claim = ctx.claims.get(&Key::new(namespace.clone(), claim.name))?;
        claim.spec.as_ref()?.volume_name.clone()
    })
    .collect()
}

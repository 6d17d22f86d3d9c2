//! Binds claims to volumes, and takes care of volumes whose claim is gone.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/volume/persistentvolume`. Volumes are provisioned and deleted by others
//! (`provisioner`, CSI), who are told by annotations and phases.

mod bind;
mod claim;
pub(crate) mod protection;
#[cfg(test)]
mod tests;
mod volume;

use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::{Api, ResourceExt as _};

use crate::shared::record::Events;
use crate::shared::{Ctx, Key, Queue, Result, work};

/// What is looked at next. One worker does it all: two claims never take one volume.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Task {
    Claim(Key),
    Volume(String),
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(key) => write!(f, "claim {key}"),
            Self::Volume(name) => write!(f, "volume {name}"),
        }
    }
}

struct Binder {
    ctx: Arc<Ctx>,
    events: Events,
    queue: Arc<Queue<Task>>,
}

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let binder = Binder {
        events: Events::new(ctx.client.clone(), "persistentvolume-controller"),
        ctx: ctx.clone(),
        queue: queue.clone(),
    };
    binder.listen();
    ctx.persistent_volumes.synced().await;
    ctx.claims.synced().await;
    ctx.storage_classes.synced().await;
    ctx.pods.synced().await;
    work("persistentvolume", &queue, 1, |task: Task| {
        let binder = &binder;
        async move {
            match task {
                Task::Claim(key) => binder.claim(&key).await,
                Task::Volume(name) => binder.volume(&name).await,
            }
        }
    })
    .await
}

impl Binder {
    fn listen(&self) {
        let weak = Arc::downgrade(&self.queue);
        self.ctx.claims.on(move |old, new| {
            let Some(queue) = weak.upgrade() else { return false };
            let Some(claim) = new.or(old) else { return true };
            queue.add(Task::Claim(Key::of(claim.as_ref())));
            if new.is_none()
                && let Some(volume) = claim.spec.as_ref().and_then(|spec| spec.volume_name.clone())
            {
                queue.add(Task::Volume(volume));
            }
            true
        });
        let weak = Arc::downgrade(&self.queue);
        let unbound = Arc::downgrade(&self.ctx);
        self.ctx.persistent_volumes.on(move |old, new| {
            let (Some(queue), Some(ctx)) = (weak.upgrade(), unbound.upgrade()) else {
                return false;
            };
            let Some(volume) = new.or(old) else { return true };
            queue.add(Task::Volume(volume.name_any()));
            if let Some(reference) = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref()) {
                let namespace = reference.namespace.clone().unwrap_or_default();
                queue.add(Task::Claim(Key::new(
                    namespace,
                    reference.name.clone().unwrap_or_default(),
                )));
            } else {
                // it may be what a claim waits for
                for claim in ctx.claims.list().iter().filter(|claim| !claims::is_bound(claim)) {
                    queue.add(Task::Claim(Key::of(claim.as_ref())));
                }
            }
            true
        });
        let weak = Arc::downgrade(&self.queue);
        let waiting = Arc::downgrade(&self.ctx);
        self.ctx.storage_classes.on(move |_, _| {
            let (Some(queue), Some(ctx)) = (weak.upgrade(), waiting.upgrade()) else {
                return false;
            };
            for claim in ctx.claims.list().iter().filter(|claim| !claims::is_bound(claim)) {
                queue.add(Task::Claim(Key::of(claim.as_ref())));
            }
            true
        });
    }

    fn volumes_api(&self) -> Api<PersistentVolume> {
        Api::all(self.ctx.client.clone())
    }

    fn claims_api(&self, namespace: &str) -> Api<PersistentVolumeClaim> {
        Api::namespaced(self.ctx.client.clone(), namespace)
    }
}

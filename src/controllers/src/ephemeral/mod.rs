//! Makes the claims of generic ephemeral volumes, one per volume of a pod, owned by the pod.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/volume/ephemeral`.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Volume};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Resource as _, ResourceExt as _};

use crate::shared::error::Tolerate as _;
use crate::shared::record::Events;
use crate::shared::{Ctx, Key, Queue, Result, pods, work};

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let events = Events::new(ctx.client.clone(), "ephemeral_volume");
    ctx.pods.feed_with(&queue, |_, new| {
        let pod = new.filter(|pod| ephemeral(pod).next().is_some())?;
        Some(Key::of(pod.as_ref()))
    });
    ctx.pods.synced().await;
    ctx.claims.synced().await;
    work("ephemeral-volume", &queue, 1, |key: Key| {
        let (ctx, events) = (ctx.clone(), events.clone());
        async move {
            match ctx.pods.get(&key).filter(|pod| pods::is_active(pod)) {
                Some(pod) => claims(&ctx, &events, &pod).await,
                None => Ok(()),
            }
        }
    })
    .await
}

fn ephemeral(pod: &Pod) -> impl Iterator<Item = &Volume> {
    let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.as_ref());
    volumes
        .into_iter()
        .flatten()
        .filter(|volume| volume.ephemeral.is_some())
}

async fn claims(ctx: &Ctx, events: &Events, pod: &Pod) -> Result<()> {
    let namespace = pod.namespace().unwrap_or_default();
    let api: Api<PersistentVolumeClaim> = Api::namespaced(ctx.client.clone(), &namespace);
    for volume in ephemeral(pod) {
        let name = format!("{}-{}", pod.name_any(), volume.name);
        if let Some(claim) = ctx.claims.get(&Key::new(namespace.clone(), name.clone())) {
            let owned = claim
                .owner_references()
                .iter()
                .any(|owner| Some(&owner.uid) == pod.metadata.uid.as_ref());
            if !owned {
                let note = format!("PVC \"{name}\" was not created for the pod");
                events.warning(pod, "ClaimConflict", note).await;
            }
            continue;
        }
        let template = volume
            .ephemeral
            .as_ref()
            .and_then(|source| source.volume_claim_template.clone());
        let Some(template) = template else { continue };
        let given = template.metadata.unwrap_or_default();
        let claim = PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(namespace.clone()),
                labels: given.labels,
                annotations: given.annotations,
                owner_references: pod.controller_owner_ref(&()).map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            spec: Some(template.spec),
            status: None,
        };
        api.create(&PostParams::default(), &claim).await.unless_exists()?;
    }
    Ok(())
}

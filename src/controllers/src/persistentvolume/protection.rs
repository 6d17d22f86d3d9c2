//! Keeps claims that pods use, and volumes that claims are bound to, until that use has ended.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/volume/{pvcprotection,pvprotection}`. The finalizers are put there by the
//! API server's admission.

use std::sync::Arc;

use claims::ClaimUse;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use kube::api::{ListParams, PostParams};
use kube::{Api, Resource, ResourceExt as _};

use crate::shared::error::Tolerate as _;
use crate::shared::{Ctx, Key, Queue, Result, pods, work};

const CLAIM: &str = "kubernetes.io/pvc-protection";
const VOLUME: &str = "kubernetes.io/pv-protection";

/// Runs the controller for claims.
pub(crate) async fn claims(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    ctx.claims.feed_with(&queue, |_, new| deleted(new));
    ctx.pods.feed_with(&queue, |old, new| {
        let ended = new.map_or(old, |pod| {
            Some(pod).filter(|pod| pods::is_finished(pod) || is_shut_down(pod))
        });
        let keys = |pod: &Arc<Pod>| {
            let namespace = pod.namespace().unwrap_or_default();
            let names = claims_of(pod).into_iter();
            names
                .map(|claim| Key::new(namespace.clone(), claim.name))
                .collect::<Vec<_>>()
        };
        ended.map(keys).unwrap_or_default()
    });
    ctx.claims.synced().await;
    ctx.pods.synced().await;
    work("pvc-protection", &queue, 1, |key: Key| {
        let ctx = ctx.clone();
        async move { claim(&ctx, &key).await }
    })
    .await
}

/// Runs the controller for volumes.
pub(crate) async fn volumes(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    ctx.persistent_volumes.feed_with(&queue, |_, new| deleted(new));
    ctx.persistent_volumes.synced().await;
    work("pv-protection", &queue, 1, |key: Key| {
        let ctx = ctx.clone();
        async move { volume(&ctx, &key).await }
    })
    .await
}

/// The key of an object that is on its way out.
fn deleted<K: Resource>(object: Option<&Arc<K>>) -> Option<Key> {
    let object = object.filter(|object| object.meta().deletion_timestamp.is_some())?;
    Some(Key::of(object.as_ref()))
}

/// The claims that a pod uses.
fn claims_of(pod: &Pod) -> Vec<ClaimUse> {
    let spec = pod.spec.iter();
    spec.flat_map(|spec| claims::claims_of(&pod.name_any(), spec)).collect()
}

/// True if a kubelet has done with the pod, or nobody asks whether it has.
fn is_shut_down(pod: &Pod) -> bool {
    pods::is_terminating(pod) && pod.metadata.deletion_grace_period_seconds == Some(0)
}

/// A pod that has a node uses its claims as long as it is there, also when it has ended: it may be looked into still. Claims
/// of its own go when it is shut down, for they may be what its end waits for.
fn uses(pod: &Pod, claim: &str) -> bool {
    let placed = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    let used = |used: &ClaimUse| used.name == claim && (!used.ephemeral || !is_shut_down(pod));
    placed && claims_of(pod).iter().any(used)
}

async fn claim(ctx: &Ctx, key: &Key) -> Result<()> {
    let Some(claim) = ctx.claims.get(key) else {
        return Ok(());
    };
    if claim.metadata.deletion_timestamp.is_none() || !claim.finalizers().iter().any(|name| name == CLAIM) {
        return Ok(());
    }
    if ctx
        .pods
        .in_namespace(&key.namespace)
        .iter()
        .any(|pod| uses(pod, &key.name))
    {
        return Ok(());
    }
    // the cache may not know a pod that has just come
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &key.namespace);
    let live = api.list(&ListParams::default()).await?;
    if live.iter().any(|pod| uses(pod, &key.name)) {
        return Ok(());
    }
    let mut freed = PersistentVolumeClaim::clone(&claim);
    freed.finalizers_mut().retain(|name| name != CLAIM);
    let api: Api<PersistentVolumeClaim> = Api::namespaced(ctx.client.clone(), &key.namespace);
    api.replace(&key.name, &PostParams::default(), &freed)
        .await
        .unless_gone()?;
    Ok(())
}

async fn volume(ctx: &Ctx, key: &Key) -> Result<()> {
    let Some(volume) = ctx.persistent_volumes.get(key) else {
        return Ok(());
    };
    let bound = volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound");
    let protected = volume.finalizers().iter().any(|name| name == VOLUME);
    if volume.metadata.deletion_timestamp.is_none() || bound || !protected {
        return Ok(());
    }
    let mut freed = PersistentVolume::clone(&volume);
    freed.finalizers_mut().retain(|name| name != VOLUME);
    let api: Api<PersistentVolume> = Api::all(ctx.client.clone());
    api.replace(&key.name, &PostParams::default(), &freed)
        .await
        .unless_gone()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_claim_is_used_as_long_as_a_pod_with_a_node_names_it() {
        let own = json!({"name": "own", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}});
        let shared = json!({"name": "v", "persistentVolumeClaim": {"claimName": "data"}});
        let pod = |node: Value, meta: Value, phase: &str| {
            let mut pod = json!({"metadata": meta, "spec": {"containers": [], "nodeName": node, "volumes": [own, shared]},
                "status": {"phase": phase}});
            pod["metadata"]["name"] = "p".into();
            let pod: Pod = serde_json::from_value(pod).expect("pod");
            (uses(&pod, "data"), uses(&pod, "p-own"))
        };
        assert_eq!(pod(Value::Null, json!({}), "Pending"), (false, false));
        assert_eq!(pod(json!("a"), json!({}), "Running"), (true, true));
        assert_eq!(pod(json!("a"), json!({}), "Succeeded"), (true, true));
        let gone = json!({"deletionTimestamp": "2024-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0});
        assert_eq!(pod(json!("a"), gone, "Running"), (true, false));
    }
}

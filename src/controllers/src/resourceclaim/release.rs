//! A claim's part: pods that ended are taken from its consumers, and with the last one goes what was allocated.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceClaimConsumerReference};
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::{Api, ResourceExt as _};

use super::is_done;
use crate::shared::error::Tolerate as _;
use crate::shared::{Ctx, Key, Result};

/// Keeps a claim for as long as something is allocated to it.
const FINALIZER: &str = "resource.kubernetes.io/delete-protection";

pub(super) async fn unused(ctx: &Ctx, key: &Key) -> Result<()> {
    let Some(claim) = ctx.resource_claims.get(key) else {
        return Ok(());
    };
    let consumers = claim.status.as_ref().and_then(|status| status.reserved_for.as_deref());
    let consumers = consumers.unwrap_or_default();
    let mut remaining = Vec::new();
    for consumer in consumers {
        if is_consuming(ctx, &key.namespace, consumer).await? {
            remaining.push(consumer.clone());
        }
    }
    let given_up = remaining.len() < consumers.len();
    let going = claim.metadata.deletion_timestamp.is_some() && remaining.is_empty();
    if given_up || (going && is_protected(&claim)) {
        return give_back(ctx, &claim, remaining).await;
    }
    if remaining.is_empty() && is_left(ctx, &claim) {
        let api: Api<ResourceClaim> = Api::namespaced(ctx.client.clone(), &key.namespace);
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: claim.uid(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        api.delete(&key.name, &params).await.unless_gone()?;
    }
    Ok(())
}

fn is_protected(claim: &ResourceClaim) -> bool {
    claim.finalizers().iter().any(|name| name == FINALIZER)
}

/// Whether a consumer may still use the claim. Only pods can be judged.
async fn is_consuming(ctx: &Ctx, namespace: &str, consumer: &ResourceClaimConsumerReference) -> Result<bool> {
    let core = consumer.api_group.as_deref().unwrap_or_default().is_empty();
    if !core || consumer.resource != "pods" {
        return Ok(true);
    }
    let is_it = |pod: &Pod| pod.uid().as_ref() == Some(&consumer.uid);
    if let Some(pod) = ctx.pods.get(&Key::new(namespace, consumer.name.clone())) {
        return Ok(is_it(&pod) && !is_done(&pod));
    }
    // the cache may not know a pod that the scheduler has just reserved for
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), namespace);
    Ok(api.get_opt(&consumer.name).await?.is_some_and(|pod| is_it(&pod)))
}

/// Writes who still consumes; with nobody left the allocation goes, and with it the protection.
async fn give_back(ctx: &Ctx, claim: &ResourceClaim, remaining: Vec<ResourceClaimConsumerReference>) -> Result<()> {
    let api: Api<ResourceClaim> = Api::namespaced(ctx.client.clone(), &claim.namespace().unwrap_or_default());
    let mut new = claim.clone();
    let mut status = new.status.take().unwrap_or_default();
    if remaining.is_empty() && is_protected(claim) {
        status.allocation = None;
    }
    status.reserved_for = (!remaining.is_empty()).then_some(remaining);
    new.status = Some(status);
    let params = PostParams::default();
    let Some(mut written) = api
        .replace_status(&claim.name_any(), &params, &new)
        .await
        .unless_gone()?
    else {
        return Ok(());
    };
    let is_allocated = written
        .status
        .as_ref()
        .is_some_and(|status| status.allocation.is_some());
    if is_protected(&written) && !is_allocated {
        written.finalizers_mut().retain(|name| name != FINALIZER);
        api.replace(&claim.name_any(), &params, &written).await.unless_gone()?;
    }
    Ok(())
}

/// Whether the claim was made for a pod that will never run, though the pod is still there.
fn is_left(ctx: &Ctx, claim: &ResourceClaim) -> bool {
    let owners = claim.owner_references();
    let owner = owners
        .iter()
        .find(|owner| owner.controller == Some(true) && owner.kind == "Pod" && owner.api_version == "v1");
    let Some(owner) = owner else { return false };
    let pod = ctx
        .pods
        .get(&Key::new(claim.namespace().unwrap_or_default(), owner.name.clone()));
    pod.is_some_and(|pod| pod.uid().as_ref() != Some(&owner.uid) || is_done(&pod))
}

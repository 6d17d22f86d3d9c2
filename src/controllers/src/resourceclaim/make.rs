//! A pod's part: claims are made from templates, and reserved once the pod has a node.

use k8s_openapi::api::core::v1::{Pod, PodResourceClaim};
use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceClaimConsumerReference};
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Resource as _, ResourceExt as _};
use serde_json::{Value, json};

use super::{asked, belongs, named};
use crate::shared::error::Tolerate as _;
use crate::shared::record::Events;
use crate::shared::{Ctx, Key, Result};

/// Says for which of the pod's claims a claim was made.
const ANNOTATION: &str = "resource.kubernetes.io/pod-claim-name";

/// How many pods may share a claim.
const CONSUMERS: usize = 256;

/// What keeps a claim from being made; the pod's events say it.
struct Obstacle(String);

pub(super) async fn for_pod(ctx: &Ctx, events: &Events, key: &Key) -> Result<()> {
    let Some(pod) = ctx
        .pods
        .get(key)
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
    else {
        return Ok(());
    };
    let mut made: Vec<Value> = Vec::new();
    for one in asked(&pod) {
        match from_template(ctx, &pod, one).await? {
            Ok(Some(name)) => made.push(json!({"name": one.name, "resourceClaimName": name})),
            Ok(None) => {}
            Err(Obstacle(why)) => {
                let note = format!("PodResourceClaim {}: {why}", one.name);
                // the template, or the claim that is in the way, brings the next try when it changes
                events.warning(pod.as_ref(), "FailedResourceClaimCreation", note).await;
            }
        }
    }
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &key.namespace);
    if !made.is_empty() {
        let patch =
            Patch::Strategic(json!({"metadata": {"uid": pod.metadata.uid}, "status": {"resourceClaimStatuses": made}}));
        let params = PatchParams::default();
        api.patch_status(&key.name, &params, &patch).await.unless_gone()?;
        // the change brings the next pass
        return Ok(());
    }
    if pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()) {
        for name in asked(&pod).iter().filter_map(|one| named(&pod, one)) {
            reserve(ctx, &pod, &Key::new(key.namespace.clone(), name)).await?;
        }
    }
    Ok(())
}

/// The name of the claim that was just made, or had been made without the pod's status saying so.
async fn from_template(ctx: &Ctx, pod: &Pod, one: &PodResourceClaim) -> Result<Result<Option<String>, Obstacle>> {
    let Some(template_name) = &one.resource_claim_template_name else {
        return Ok(Ok(None));
    };
    let namespace = pod.namespace().unwrap_or_default();
    if is_not_needed(pod, one) {
        return Ok(Ok(None));
    }
    if let Some(name) = named(pod, one)
        && let Some(claim) = ctx.resource_claims.get(&Key::new(namespace.clone(), name))
        && belongs(&claim, pod)
    {
        return Ok(Ok(None));
    }
    let is_orphan =
        |claim: &ResourceClaim| claim.annotations().get(ANNOTATION) == Some(&one.name) && belongs(claim, pod);
    let api: Api<ResourceClaim> = Api::namespaced(ctx.client.clone(), &namespace);
    // asked for live: the cache may not know what was made a moment ago
    let known = api.list(&kube::api::ListParams::default()).await?;
    if let Some(orphan) = known.iter().find(|claim| is_orphan(claim)) {
        return Ok(Ok(Some(orphan.name_any())));
    }
    let Some(template) = ctx
        .resource_claim_templates
        .get(&Key::new(namespace.clone(), template_name.clone()))
    else {
        let why = format!(
            "resource claim template {template_name:?}: resourceclaimtemplate.resource.k8s.io {template_name:?} not found"
        );
        return Ok(Err(Obstacle(why)));
    };
    let given = template.spec.metadata.clone().unwrap_or_default();
    let mut annotations = given.annotations.unwrap_or_default();
    annotations.insert(ANNOTATION.to_owned(), one.name.clone());
    let claim = ResourceClaim {
        metadata: ObjectMeta {
            generate_name: Some(base_name(&pod.name_any(), &one.name)),
            namespace: Some(namespace),
            labels: given.labels,
            annotations: Some(annotations),
            owner_references: pod.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        spec: template.spec.spec.clone(),
        status: None,
    };
    let claim = api.create(&PostParams::default(), &claim).await?;
    Ok(Ok(Some(claim.name_any())))
}

/// The pod's status says that the claim was left out.
fn is_not_needed(pod: &Pod, one: &PodResourceClaim) -> bool {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.resource_claim_statuses.as_ref());
    let own = statuses.into_iter().flatten().find(|status| status.name == one.name);
    own.is_some_and(|status| status.resource_claim_name.is_none())
}

/// The generated name's fixed part: both names, shortened in proportion to what a name may be long.
fn base_name(pod: &str, claim: &str) -> String {
    const MOST: usize = 57;
    let whole = format!("{pod}-{claim}-");
    if whole.len() <= MOST {
        return whole;
    }
    let cut = |text: &str| text.chars().take(text.len() * MOST / whole.len()).collect::<String>();
    format!("{}-{}", cut(pod), cut(claim))
}

/// Adds the pod to those that the claim is reserved for, unless the scheduler did.
async fn reserve(ctx: &Ctx, pod: &Pod, key: &Key) -> Result<()> {
    let Some(claim) = ctx.resource_claims.get(key) else {
        return Ok(());
    };
    let Some(status) = claim.status.as_ref().filter(|status| status.allocation.is_some()) else {
        return Ok(());
    };
    let reserved = status.reserved_for.as_deref().unwrap_or_default();
    let uid = pod.uid().unwrap_or_default();
    if reserved.len() >= CONSUMERS || reserved.iter().any(|consumer| consumer.uid == uid) {
        return Ok(());
    }
    let mut claim = ResourceClaim::clone(&claim);
    let consumer = ResourceClaimConsumerReference {
        api_group: None,
        resource: "pods".to_owned(),
        name: pod.name_any(),
        uid,
    };
    if let Some(status) = &mut claim.status {
        status.reserved_for.get_or_insert_default().push(consumer);
    }
    let api: Api<ResourceClaim> = Api::namespaced(ctx.client.clone(), &key.namespace);
    api.replace_status(&key.name, &PostParams::default(), &claim).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::base_name;

    #[test]
    fn long_names_are_shortened_alike() {
        assert_eq!(base_name("web", "gpu"), "web-gpu-");
        let base = base_name(&"p".repeat(80), &"c".repeat(20));
        assert!(base.len() <= 58, "{base}");
        assert!(base.contains("pppp") && base.contains("cccc"), "{base}");
    }
}

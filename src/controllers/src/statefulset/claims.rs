//! The claims of a place: made before its pod, and again when somebody has deleted them.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::PostParams;
use kube::{Api, ResourceExt as _};

use super::{identity, retention};
use crate::shared::error::code;
use crate::shared::record::Events;
use crate::shared::{Ctx, Error, Key, Queue, Result};

/// The end of a claim is what its set may wait for.
pub(super) fn feed(ctx: &Arc<Ctx>, queue: &Arc<Queue<Key>>) {
    let sets = Arc::downgrade(ctx);
    ctx.claims.feed_with(queue, move |old, new| {
        let gone = old.filter(|_| new.is_none());
        let (Some(claim), Some(ctx)) = (gone, sets.upgrade()) else {
            return Vec::new();
        };
        let name = claim.name_any();
        let near = ctx.stateful_sets.in_namespace(&claim.namespace().unwrap_or_default());
        let own = near.iter().filter(|set| identity::has_claim(set, &name));
        own.map(|set| Key::of(set.as_ref())).collect()
    });
}

/// Makes the claims of a place that are not there. A claim that is on its way out has to go first, and is an error until
/// then.
pub(super) async fn make(ctx: &Ctx, events: &Events, set: &StatefulSet, ordinal: i32) -> Result<()> {
    let namespace = set.namespace().unwrap_or_default();
    let api: Api<PersistentVolumeClaim> = Api::namespaced(ctx.client.clone(), &namespace);
    let mut failed = Vec::new();
    for mut claim in identity::claims(set, ordinal) {
        let name = claim.name_any();
        if let Some(known) = ctx.claims.get(&Key::new(&*namespace, &*name)) {
            if known.metadata.deletion_timestamp.is_some() {
                failed.push(format!("pvc {name} is being deleted"));
            }
            continue;
        }
        claim.metadata.owner_references = retention::owner(set, ordinal, None).map(|owner| vec![owner]);
        let (set_name, pod) = (set.name_any(), format!("{}-{ordinal}", set.name_any()));
        match api.create(&PostParams::default(), &claim).await {
            Ok(_) => {
                let note = format!("create Claim {name} Pod {pod} in StatefulSet {set_name} success");
                events.normal(set, "SuccessfulCreate", note).await;
            }
            // made a moment ago
            Err(error) if code(&error) == 409 => {}
            Err(error) => {
                let error = Error::from(error);
                let note = format!("create Claim {name} for Pod {pod} in StatefulSet {set_name} failed error: {error}");
                events.warning(set, "FailedCreate", note).await;
                failed.push(format!("failed to create PVC {name}: {error}"));
            }
        }
    }
    match failed.as_slice() {
        [] => Ok(()),
        [one] => Err(Error::Again(one.clone())),
        several => Err(Error::Again(format!("[{}]", several.join(", ")))),
    }
}

/// True if a claim of the place goes with the pod that was there before: a new pod has to wait for a new one.
pub(super) fn are_stale(ctx: &Ctx, set: &StatefulSet, ordinal: i32) -> bool {
    let namespace = set.namespace().unwrap_or_default();
    let known = |claim: PersistentVolumeClaim| ctx.claims.get(&Key::new(&*namespace, claim.name_any()));
    let mut claims = identity::claims(set, ordinal).into_iter().filter_map(known);
    retention::goes_when_scaled(set)
        && claims.any(|claim| goes_with_pod(&claim, &format!("{}-{ordinal}", set.name_any())))
}

fn goes_with_pod(claim: &PersistentVolumeClaim, pod: &str) -> bool {
    let mut owners = claim.owner_references().iter();
    owners.any(|owner| owner.kind == "Pod" && owner.name == pod)
}

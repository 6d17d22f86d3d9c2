//! What becomes of claims when their pods or their set go: owners say it, the garbage collector does it.
//!
//! Semantics: KEP-1847.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::identity::{self, ordinal};
use crate::shared::error::Tolerate as _;
use crate::shared::owner::controller_ref;
use crate::shared::{Ctx, Key, Result};

/// `(when the set is deleted, when it is scaled down)`: true if claims go.
fn policy(set: &StatefulSet) -> (bool, bool) {
    let spec = set.spec.as_ref();
    let policy = spec.and_then(|spec| spec.persistent_volume_claim_retention_policy.as_ref());
    let goes = |when: Option<&String>| when.is_some_and(|when| when == "Delete");
    (
        goes(policy.and_then(|policy| policy.when_deleted.as_ref())),
        goes(policy.and_then(|policy| policy.when_scaled.as_ref())),
    )
}

/// True if claims go with pods that are not wanted any more.
pub(super) fn goes_when_scaled(set: &StatefulSet) -> bool {
    policy(set).1
}

/// True if the set is to have no pod of this ordinal.
fn is_condemned(set: &StatefulSet, ordinal: i32) -> bool {
    let Some(spec) = &set.spec else { return false };
    let start = spec
        .ordinals
        .as_ref()
        .and_then(|ordinals| ordinals.start)
        .unwrap_or_default();
    ordinal < start || ordinal >= start.saturating_add(spec.replicas.unwrap_or(1))
}

/// Who is to own the claims of a place, beside strangers.
pub(super) fn owner(set: &StatefulSet, ordinal: i32, pod: Option<&Pod>) -> Option<OwnerReference> {
    match (policy(set), pod) {
        ((_, true), Some(pod)) if is_condemned(set, ordinal) => Some(controller_ref(pod)),
        ((true, _), _) => Some(controller_ref(set)),
        _ => None,
    }
}

/// The claim's owners as they should be; `None` if they are.
fn corrected(
    claim: &PersistentVolumeClaim,
    set: &StatefulSet,
    pod: &Pod,
    wanted: Option<&OwnerReference>,
) -> Option<Vec<OwnerReference>> {
    let present = claim.owner_references();
    let ours = |owner: &&OwnerReference| {
        let set = owner.kind == "StatefulSet" && owner.name == set.name_any();
        set || owner.kind == "Pod" && owner.name == pod.name_any()
    };
    let mut owners: Vec<OwnerReference> = present.iter().filter(|owner| !ours(owner)).cloned().collect();
    owners.extend(wanted.cloned());
    let same = owners.len() == present.len()
        && owners
            .iter()
            .all(|owner| present.iter().any(|other| other.uid == owner.uid));
    (!same).then_some(owners)
}

/// Brings the owners of the pods' claims in line with the set's policy, before any of the pods goes.
pub(super) async fn keep(ctx: &Ctx, set: &StatefulSet, pods: &[Arc<Pod>]) -> Result<()> {
    let namespace = set.namespace().unwrap_or_default();
    let api: Api<PersistentVolumeClaim> = Api::namespaced(ctx.client.clone(), &namespace);
    for pod in pods {
        let Some(ordinal) = ordinal(pod) else { continue };
        let wanted = owner(set, ordinal, Some(pod));
        for claim in identity::claims(set, ordinal) {
            let name = claim.name_any();
            let Some(claim) = ctx.claims.get(&Key::new(&*namespace, &*name)) else {
                continue;
            };
            if let Some(owners) = corrected(&claim, set, pod, wanted.as_ref()) {
                let version = claim.resource_version();
                let patch = json!({"metadata": {"ownerReferences": owners, "resourceVersion": version}});
                api.patch(&name, &PatchParams::default(), &Patch::Merge(patch))
                    .await
                    .unless_gone()?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn set(deleted: &str, scaled: &str) -> StatefulSet {
        serde_json::from_value(
            json!({"metadata": {"name": "s", "namespace": "n", "uid": "set"}, "spec": {
            "replicas": 2, "selector": {}, "serviceName": "s", "template": {},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": deleted, "whenScaled": scaled}}}),
        )
        .unwrap()
    }

    fn pod(ordinal: i32) -> Pod {
        serde_json::from_value(
            json!({"metadata": {"name": format!("s-{ordinal}"), "namespace": "n", "uid": format!("pod{ordinal}")}}),
        )
        .unwrap()
    }

    #[test]
    fn claims_are_owned_by_whom_they_shall_not_outlive() {
        let cases = [
            ("Retain", "Retain", 0, None),
            ("Retain", "Retain", 2, None),
            ("Delete", "Retain", 0, Some("set")),
            ("Delete", "Retain", 2, Some("set")),
            ("Retain", "Delete", 0, None),
            ("Retain", "Delete", 2, Some("pod2")),
            ("Delete", "Delete", 1, Some("set")),
            ("Delete", "Delete", 2, Some("pod2")),
        ];
        for (deleted, scaled, ordinal, wanted) in cases {
            let owner = owner(&set(deleted, scaled), ordinal, Some(&pod(ordinal)));
            let uid = owner.map(|owner| owner.uid);
            assert_eq!(uid.as_deref(), wanted, "{deleted}/{scaled}, pod {ordinal}");
        }
    }

    #[test]
    fn strangers_stay_owners() {
        let claim = |owners: Value| {
            serde_json::from_value::<PersistentVolumeClaim>(
                json!({"metadata": {"name": "data-s-0", "ownerReferences": owners}}),
            )
            .unwrap()
        };
        let reference =
            |kind: &str, name: &str, uid: &str| json!({"apiVersion": "v1", "kind": kind, "name": name, "uid": uid});
        let (set, pod) = (set("Delete", "Retain"), pod(0));
        let wanted = controller_ref(&set);
        let stranger = reference("ConfigMap", "c", "c");
        let uids = |owners: Option<Vec<OwnerReference>>| {
            owners.map(|owners| owners.into_iter().map(|owner| owner.uid).collect::<Vec<_>>())
        };
        let after = corrected(&claim(json!([stranger])), &set, &pod, Some(&wanted));
        assert_eq!(uids(after), Some(vec!["c".to_owned(), "set".to_owned()]));
        let right = claim(json!([stranger, reference("StatefulSet", "s", "set")]));
        assert_eq!(uids(corrected(&right, &set, &pod, Some(&wanted))), None);
        assert_eq!(uids(corrected(&right, &set, &pod, None)), Some(vec!["c".to_owned()]));
        let before = claim(json!([reference("StatefulSet", "s", "an older one of this name")]));
        assert_eq!(
            uids(corrected(&before, &set, &pod, Some(&wanted))),
            Some(vec!["set".to_owned()])
        );
    }
}

//! Annotations of claims and volumes, and what they say.

use k8s_openapi::api::core::v1::{ObjectReference, PersistentVolume, PersistentVolumeClaim};
use kube::ResourceExt as _;

const CLASS_BEFORE: &str = "volume.beta.kubernetes.io/storage-class";
/// Both directions of a binding have been written once.
pub const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// The binding was a controller's choice and not the user's.
pub const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// Who is to make a volume for the claim.
pub const PROVISIONERS: [&str; 2] = [
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
];
/// Where the claim's first pod will run; written by the scheduler.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// Who made the volume.
pub const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

/// True if both sides of the binding have been written once.
pub fn is_bound(claim: &PersistentVolumeClaim) -> bool {
    claim.annotations().contains_key(BIND_COMPLETED)
}

/// The claim that the volume is reserved for or bound to.
pub fn claim_ref(volume: &PersistentVolume) -> Option<&ObjectReference> {
    volume.spec.as_ref()?.claim_ref.as_ref()
}

/// True if the volume is reserved for or bound to this very claim.
pub fn belongs(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    claim_ref(volume).is_some_and(|reference| {
        reference.name.as_deref() == claim.metadata.name.as_deref()
            && reference.namespace.as_deref() == claim.metadata.namespace.as_deref()
            && (reference.uid.is_none() || reference.uid == claim.metadata.uid)
    })
}

/// The claim's class, from its field or the annotation that came before it.
pub fn class_of_claim(claim: &PersistentVolumeClaim) -> &str {
    let annotated = claim.annotations().get(CLASS_BEFORE);
    let field = claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_ref());
    annotated.or(field).map(String::as_str).unwrap_or_default()
}

/// The volume's class, from its field or the annotation that came before it.
pub fn class_of_volume(volume: &PersistentVolume) -> &str {
    let annotated = volume.annotations().get(CLASS_BEFORE);
    let field = volume.spec.as_ref().and_then(|spec| spec.storage_class_name.as_ref());
    annotated.or(field).map(String::as_str).unwrap_or_default()
}

//! Which volume fits a claim. Pure.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use kube::ResourceExt as _;
use machinery::quantity::Quantity;
use machinery::selector::LabelSelector;

use super::names::{belongs, claim_ref, class_of_claim, class_of_volume};

/// The volume to bind, of those that are `within_reach`: one reserved for the claim, else, unless `only_reserved`, the
/// smallest that will do.
pub fn best<'a, I>(
    volumes: I,
    claim: &PersistentVolumeClaim,
    only_reserved: bool,
    within_reach: impl Fn(&PersistentVolume) -> bool,
) -> Option<&'a PersistentVolume>
where
    I: Iterator<Item = &'a PersistentVolume> + Clone,
{
    let fitting = volumes.filter(|volume| why_not(volume, claim).is_none() && within_reach(volume));
    if let Some(reserved) = fitting.clone().find(|volume| belongs(volume, claim)) {
        return Some(reserved);
    }
    if only_reserved {
        return None;
    }
    let selector = claim.spec.as_ref().and_then(|spec| spec.selector.clone());
    let selector = selector.map(|selector| LabelSelector::from_object(&serde_json::json!(selector)));
    let selected = |volume: &PersistentVolume| match &selector {
        None => true,
        Some(Ok(selector)) => selector.matches(volume.labels()),
        Some(Err(_)) => false,
    };
    fitting
        .filter(|volume| claim_ref(volume).is_none() && is_available(volume) && selected(volume))
        .filter(|volume| class_of_volume(volume) == class_of_claim(claim))
        .min_by_key(|volume| (modes(volume).len(), capacity(volume), volume.name_any()))
}

/// What about the volume keeps it from serving the claim, if anything.
pub fn why_not(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Option<&'static str> {
    let Some(wanted) = &claim.spec else {
        return Some("the claim asks for nothing");
    };
    if volume.metadata.deletion_timestamp.is_some() {
        return Some("volume is being deleted");
    }
    let mode = |mode: Option<&String>| mode.map_or("Filesystem", String::as_str).to_owned();
    if mode(volume.spec.as_ref().and_then(|spec| spec.volume_mode.as_ref())) != mode(wanted.volume_mode.as_ref()) {
        return Some("volumeMode does not match");
    }
    let offered = modes(volume);
    if !wanted.access_modes.iter().flatten().all(|mode| offered.contains(mode)) {
        return Some("accessModes do not match");
    }
    let attributes = |class: Option<&String>| class.map(String::as_str).unwrap_or_default().to_owned();
    let offered = volume
        .spec
        .as_ref()
        .and_then(|spec| spec.volume_attributes_class_name.as_ref());
    if attributes(offered) != attributes(wanted.volume_attributes_class_name.as_ref()) {
        return Some("VolumeAttributesClassName does not match");
    }
    if capacity(volume) < requested(claim) {
        return Some("requested storage is larger than the volume");
    }
    None
}

fn is_available(volume: &PersistentVolume) -> bool {
    volume.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Available")
}

fn modes(volume: &PersistentVolume) -> &[String] {
    volume
        .spec
        .as_ref()
        .and_then(|spec| spec.access_modes.as_deref())
        .unwrap_or_default()
}

fn bytes(quantity: Option<&ApiQuantity>) -> i64 {
    quantity
        .and_then(|quantity| quantity.0.parse::<Quantity>().ok())
        .map_or(0, |quantity| quantity.value())
}

/// The volume's size in bytes.
pub fn capacity(volume: &PersistentVolume) -> i64 {
    let capacity = volume.spec.as_ref().and_then(|spec| spec.capacity.as_ref());
    bytes(capacity.and_then(|capacity| capacity.get("storage")))
}

/// The bytes that the claim asks for.
pub fn requested(claim: &PersistentVolumeClaim) -> i64 {
    let resources = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref());
    bytes(
        resources
            .and_then(|resources| resources.requests.as_ref())
            .and_then(|requests| requests.get("storage")),
    )
}

/// The size in bytes that a bound claim shows.
pub fn shown_capacity(claim: &PersistentVolumeClaim) -> Option<i64> {
    let shown = claim.status.as_ref()?.capacity.as_ref()?.get("storage");
    shown.map(|shown| bytes(Some(shown)))
}

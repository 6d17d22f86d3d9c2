//! Which volume fits a claim. Pure.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
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
    let fitting = volumes.filter(|volume| mismatch(volume, claim).is_none());
    // a reserved volume out of reach is no reason to take another
    if let Some(reserved) = fitting.clone().find(|volume| belongs(volume, claim)) {
        return Some(reserved).filter(|volume| within_reach(volume));
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
        .filter(|volume| class_of_volume(volume) == class_of_claim(claim) && within_reach(volume))
        .min_by_key(|volume| (modes(volume).len(), capacity(volume), volume.name_any()))
}

/// What keeps a volume that a claim names from serving it, if anything, in upstream's words.
pub fn why_not(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Option<String> {
    let class = class_of_volume(volume) != class_of_claim(claim);
    let other_class = || class.then(|| "storageClassName does not match".to_owned());
    match mismatch(volume, claim) {
        Some(Mismatch::Going) => Some(format!("the volume is marked for deletion \"{}\"", volume.name_any())),
        Some(Mismatch::Size) => Some("requested PV is too small".to_owned()),
        Some(Mismatch::Other(why)) => other_class().or_else(|| Some(why.to_owned())),
        None => other_class(),
    }
}

/// What does not fit, whatever the class.
enum Mismatch {
    Going,
    Size,
    Other(&'static str),
}

fn mismatch(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Option<Mismatch> {
    let wanted = claim.spec.clone().unwrap_or_default();
    if volume.metadata.deletion_timestamp.is_some() {
        return Some(Mismatch::Going);
    }
    if capacity(volume) < requested(claim) {
        return Some(Mismatch::Size);
    }
    let attributes = |class: Option<&String>| class.map(String::as_str).unwrap_or_default().to_owned();
    let offered = volume
        .spec
        .as_ref()
        .and_then(|spec| spec.volume_attributes_class_name.as_ref());
    if attributes(offered) != attributes(wanted.volume_attributes_class_name.as_ref()) {
        return Some(Mismatch::Other("volumeAttributesClassName does not match"));
    }
    if !same_mode(volume, claim) {
        return Some(Mismatch::Other("incompatible volumeMode"));
    }
    let offered = modes(volume);
    if !wanted.access_modes.iter().flatten().all(|mode| offered.contains(mode)) {
        return Some(Mismatch::Other("incompatible accessMode"));
    }
    None
}

/// True if both mean a file system, or both a block device.
pub fn same_mode(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> bool {
    let mode = |mode: Option<&String>| mode.map_or("Filesystem", String::as_str).to_owned();
    let of_volume = mode(volume.spec.as_ref().and_then(|spec| spec.volume_mode.as_ref()));
    of_volume == mode(claim.spec.as_ref().and_then(|spec| spec.volume_mode.as_ref()))
}

/// True if volumes of the class may be on a node with these labels.
pub fn allows<'a>(class: &StorageClass, label: impl Fn(&str) -> Option<&'a String>) -> bool {
    let Some(terms) = class.allowed_topologies.as_ref().filter(|terms| !terms.is_empty()) else {
        return true;
    };
    terms.iter().any(|term| {
        let mut wanted = term.match_label_expressions.iter().flatten().peekable();
        wanted.peek().is_some()
            && wanted.all(|wanted| label(&wanted.key).is_some_and(|value| wanted.values.contains(value)))
    })
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

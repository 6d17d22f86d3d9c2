//! Volumes, claims and storage classes.

use serde_json::Value;

use super::cursor::{At, Check};
use super::{csi, meta};
use crate::field::{FieldError, Path};
use crate::names;
use crate::quantity::Quantity;

const MODES: &[&str] = &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

fn access_modes(check: &mut Check<'_>, spec: &At<'_>, detail: &str) {
    let modes = spec.child("accessModes");
    if !modes.has_any() {
        check.required(&modes, detail);
    }
    for mode in modes.items() {
        if !MODES.contains(&mode.str()) {
            check.add(FieldError::not_supported(&modes.path, mode.str(), MODES));
        }
    }
    let once = modes.items().any(|mode| mode.str() == "ReadWriteOncePod");
    if once && modes.items().count() > 1 {
        check.forbidden(&modes, "may not use ReadWriteOncePod with other access modes");
    }
}

pub(super) fn claim(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    access_modes(check, &spec, "at least 1 access mode is required");
    meta::selector(check, &spec.child("selector"));
    let request = spec.child("resources").child("requests");
    let storage = request.child("storage");
    if storage.is_set() {
        if storage
            .str()
            .parse::<Quantity>()
            .is_ok_and(|amount| amount.is_zero() || amount.is_negative())
        {
            let at = At {
                value: storage.value,
                path: request.path.key("storage"),
            };
            check.invalid(&at, "must be greater than zero");
        }
    } else {
        check.add(FieldError::required(&spec.child("resources").path.key("storage"), ""));
    }
    let class = spec.child("storageClassName");
    if class.has_any() {
        check.all_invalid(&class, names::dns1123_subdomain(class.str()));
    }
    check.one_of(&spec.child("volumeMode"), &["Block", "Filesystem"], false);
}

/// A claim's spec stays, save for what binding fills in and, once it is bound, its size and class of attributes.
pub(super) fn update_claim(check: &mut Check<'_>, old: &Value) {
    let spec = check.root().child("spec");
    let bound = check.root().child("status").child("phase").str() == "Bound";
    let without = |spec: &Value| {
        let mut spec = spec.clone();
        if let Some(fields) = spec.as_object_mut() {
            if bound {
                fields.remove("volumeAttributesClassName");
            }
            if old["spec"]["volumeName"].as_str().unwrap_or_default().is_empty() {
                fields.remove("volumeName");
            }
            if old["spec"].get("storageClassName").is_none_or(Value::is_null) {
                fields.remove("storageClassName");
            }
        }
        if let Some(Value::Object(requests)) = spec.pointer_mut("/resources/requests").filter(|_| bound) {
            requests.remove("storage");
        }
        spec
    };
    if without(spec.value) != without(&old["spec"]) {
        let detail =
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        check.add(FieldError::forbidden(&Path::new("spec"), detail));
    }
    let amount = |object: &Value, pointer: &str| object.pointer(pointer)?.as_str()?.parse::<Quantity>().ok();
    // down to what there is: so an expansion that fails is given up
    let has = amount(old, "/status/capacity/storage");
    if let (Some(now), Some(before)) = (
        amount(spec.value, "/resources/requests/storage"),
        amount(&old["spec"], "/resources/requests/storage"),
    ) && now < before
        && has.is_some_and(|has| now <= has)
    {
        let at = spec.child("resources").child("requests").child("storage");
        check.forbidden(&at, "field can not be less than status.capacity");
    }
    let class = spec.child("volumeAttributesClassName");
    if old["status"]["currentVolumeAttributesClassName"].is_string()
        && !class.has_any()
        && old["spec"]["volumeAttributesClassName"] != *class.value
    {
        let what = if class.is_set() { "empty string" } else { "nil" };
        let detail = format!("update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil");
        check.forbidden(&class, &detail);
    }
}

/// Fields of a volume's spec that are not its source.
const BESIDE_SOURCE: &[&str] = &[
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];

/// What a volume is and where stays.
pub(super) fn update_volume(check: &mut Check<'_>, old: &Value) {
    let spec = check.root().child("spec");
    let source = |spec: &Value, old: &Value| {
        let mut source = spec.clone();
        if let Some(fields) = source.as_object_mut() {
            fields.retain(|field, _| !BESIDE_SOURCE.contains(&field.as_str()));
        }
        // given later than the rest
        if old.pointer("/csi/controllerExpandSecretRef").is_none()
            && let Some(Value::Object(csi)) = source.get_mut("csi")
        {
            csi.remove("controllerExpandSecretRef");
        }
        source
    };
    if source(spec.value, &old["spec"]) != source(&old["spec"], &old["spec"]) {
        check.add(FieldError::forbidden(
            &Path::new("spec").child("persistentvolumesource"),
            "spec.persistentvolumesource is immutable after creation",
        ));
    }
    check.immutable("/spec/volumeMode", old, "volumeMode");
    if old["spec"]
        .get("nodeAffinity")
        .is_some_and(|affinity| !affinity.is_null())
    {
        let detail = "field is immutable, except for updating from beta label to GA";
        check.immutable_with("/spec/nodeAffinity", old, "nodeAffinity", detail);
    }
    let class = spec.child("volumeAttributesClassName");
    if old["spec"]["volumeAttributesClassName"].is_string() && !class.is_set() {
        check.forbidden(&class, "update from non-nil value to nil is forbidden");
    }
}

pub(super) fn volume(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    access_modes(check, &spec, "");
    let capacity = spec.child("capacity");
    if !capacity.child("storage").is_set() {
        check.required(&capacity, "");
    }
    check.one_of(
        &spec.child("persistentVolumeReclaimPolicy"),
        &["Delete", "Recycle", "Retain"],
        false,
    );
    check.one_of(&spec.child("volumeMode"), &["Block", "Filesystem"], false);
    csi::source(check, &spec.child("csi"));
    let path = spec.child("hostPath").child("path");
    if spec.child("hostPath").is_set() && !path.has_any() {
        check.required(&path, "");
    }
}

pub(super) fn class(check: &mut Check<'_>) {
    let provisioner = check.root().child("provisioner");
    check.name(&provisioner, |name| names::qualified_name(&name.to_lowercase()));
    check.one_of(&check.root().child("reclaimPolicy"), &["Delete", "Retain"], false);
    check.one_of(
        &check.root().child("volumeBindingMode"),
        &["Immediate", "WaitForFirstConsumer"],
        true,
    );
}

pub(super) fn update_class(check: &mut Check<'_>, old: &Value) {
    const DETAIL: &str = "updates to parameters are forbidden.";
    if check.root().child("parameters").value != old.get("parameters").unwrap_or(&Value::Null) {
        check.forbidden(&check.root().child("parameters"), DETAIL);
    }
    if check.root().child("provisioner").value != &old["provisioner"] {
        check.forbidden(
            &check.root().child("provisioner"),
            "updates to provisioner are forbidden.",
        );
    }
    for field in ["reclaimPolicy", "volumeBindingMode"] {
        check.immutable(&format!("/{field}"), old, field);
    }
}

//! CSI drivers, what nodes say of them, their attachments, and the volumes that name them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::cursor::{At, Check, IMMUTABLE};
use crate::field::FieldError;
use crate::names;

const LONGEST_NAME: usize = 63;
const SHORTEST_TOKEN: i64 = 600;
const LONGEST_TOKEN: i64 = 1 << 32;

/// A driver's name as other objects say it.
pub(super) fn driver_name(check: &mut Check<'_>, at: &At<'_>) {
    check.name(at, |name| {
        let mut wrong = names::dns1123_subdomain(&name.to_lowercase());
        if name.len() > LONGEST_NAME {
            wrong.push(format!("must be no more than {LONGEST_NAME} characters"));
        }
        wrong
    });
}

/// The source of a persistent volume.
pub(super) fn source(check: &mut Check<'_>, source: &At<'_>) {
    if !source.is_set() {
        return;
    }
    driver_name(check, &source.child("driver"));
    if !source.child("volumeHandle").has_any() {
        check.required(&source.child("volumeHandle"), "");
    }
    for field in [
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ] {
        let reference = source.child(field);
        for part in ["name", "namespace"] {
            if reference.is_set() && !reference.child(part).has_any() {
                check.required(&reference.child(part), "");
            }
        }
    }
}

pub(super) fn driver(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    let policies = ["File", "None", "ReadWriteOnceWithFSType"];
    check.one_of(&spec.child("fsGroupPolicy"), &policies, false);
    for mode in spec.child("volumeLifecycleModes").items() {
        check.one_of(&mode, &["Persistent", "Ephemeral"], true);
    }
    let requests = spec.child("tokenRequests");
    let mut audiences = BTreeSet::new();
    for request in requests.items() {
        let audience = request.child("audience");
        if !audiences.insert(audience.str()) {
            check.add(FieldError::duplicate(&audience.path, audience.str()));
            continue;
        }
        let expiration = request.child("expirationSeconds");
        if expiration.int().is_some_and(|seconds| seconds < SHORTEST_TOKEN) {
            check.invalid(&expiration, "may not specify a duration less than 10 minutes");
        }
        if expiration.int().is_some_and(|seconds| seconds > LONGEST_TOKEN) {
            check.invalid(&expiration, "may not specify a duration larger than 2^32 seconds");
        }
    }
    let in_secrets = spec.child("serviceAccountTokenInSecrets");
    if in_secrets.is_set() && !requests.has_any() {
        check.invalid(
            &in_secrets,
            "serviceAccountTokenInSecrets is set but no tokenRequests are specified",
        );
    }
    let period = spec.child("nodeAllocatableUpdatePeriodSeconds");
    if period.int().is_some_and(|seconds| seconds < 10) {
        check.invalid(&period, "must be greater than or equal to 10 seconds");
    }
}

pub(super) fn update_driver(check: &mut Check<'_>, old: &Value) {
    check.immutable("/spec/attachRequired", old, "spec.attachedRequired");
    check.immutable("/spec/volumeLifecycleModes", old, "spec.volumeLifecycleModes");
}

pub(super) fn node(check: &mut Check<'_>) {
    let mut seen = BTreeSet::new();
    for driver in check.root().child("spec").child("drivers").items() {
        let name = driver.child("name");
        driver_name(check, &name);
        if !seen.insert(name.str()) {
            check.add(FieldError::duplicate(&name.path, name.str()));
        }
        if !driver.child("nodeID").has_any() {
            check.required(&driver.child("nodeID"), "");
        }
        check.not_negative(&driver.child("allocatable").child("count"));
        let mut keys = BTreeSet::new();
        for key in driver.child("topologyKeys").items() {
            check.all_invalid(&key, names::qualified_name(key.str()));
            if !keys.insert(key.str()) {
                check.add(FieldError::duplicate(&key.path, key.str()));
            }
        }
    }
}

/// Of a driver that stays, only the number of volumes may change.
pub(super) fn update_node(check: &mut Check<'_>, old: &Value) {
    let fixed = |driver: &Value| [driver["nodeID"].clone(), driver["topologyKeys"].clone()];
    let before = old.pointer("/spec/drivers").and_then(Value::as_array);
    for driver in check.root().child("spec").child("drivers").items() {
        let mut before = before.into_iter().flatten();
        let before = before.find(|before| before["name"] == driver.value["name"]);
        if before.is_some_and(|before| fixed(before) != fixed(driver.value)) {
            check.invalid(&driver, IMMUTABLE);
        }
    }
}

pub(super) fn attachment(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    driver_name(check, &spec.child("attacher"));
    check.name(&spec.child("nodeName"), names::dns1123_subdomain);
    let source = spec.child("source");
    let volume = source.child("persistentVolumeName");
    let inline = source.child("inlineVolumeSpec").is_set();
    if volume.is_set() == inline {
        const DETAIL: &str = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
        if inline {
            check.forbidden(&source, DETAIL);
        } else {
            check.required(&source, DETAIL);
        }
    } else if volume.is_set() {
        check.name(&volume, names::dns1123_subdomain);
    }
}

pub(super) fn update_attachment(check: &mut Check<'_>, old: &Value) {
    check.immutable("/spec", old, "spec");
}

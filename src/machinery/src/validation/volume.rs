//! Volumes of a pod.

use std::collections::BTreeSet;

use super::cursor::{At, Check};
use super::{csi, field_ref};
use crate::field::FieldError;
use crate::names;

/// Fields that must be set in a source.
const REQUIRED: &[(&str, &str)] = &[
    ("hostPath", "path"),
    ("secret", "secretName"),
    ("configMap", "name"),
    ("persistentVolumeClaim", "claimName"),
    ("nfs", "server"),
    ("nfs", "path"),
    ("ephemeral", "volumeClaimTemplate"),
];

/// Checks the list; returns the names that mounts may use.
pub(super) fn volumes(check: &mut Check<'_>, volumes: &At<'_>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for volume in volumes.items() {
        let name = volume.child("name");
        check.name(&name, names::dns1123_label);
        if name.has_any() && !seen.insert(name.str().to_owned()) {
            check.add(FieldError::duplicate(&name.path, name.str()));
        }
        let sources = volume.value.as_object().into_iter().flatten();
        let mut sources = sources.map(|(key, _)| key.as_str()).filter(|key| *key != "name");
        if sources.next().is_none() {
            check.required(&volume, "must specify a volume type");
        }
        for extra in sources {
            check.forbidden(&volume.child(extra), "may not specify more than 1 volume type");
        }
        for (source, field) in REQUIRED {
            let at = volume.child(source);
            if at.is_set() && !at.child(field).has_any() {
                check.required(&at.child(field), "");
            }
        }
        let inline = volume.child("csi");
        if inline.is_set() {
            csi::driver_name(check, &inline.child("driver"));
            let secret = inline.child("nodePublishSecretRef");
            if secret.is_set() && !secret.child("name").has_any() {
                check.required(&secret.child("name"), "");
            }
        }
        for source in ["secret", "configMap", "downwardAPI", "projected"] {
            modes(check, &volume.child(source));
        }
        files(check, &volume.child("downwardAPI"));
        for source in volume.child("projected").child("sources").items() {
            files(check, &source.child("downwardAPI"));
        }
        let path = volume.child("hostPath").child("path");
        if path.str().split('/').any(|part| part == "..") {
            check.invalid(&path, "must not contain '..'");
        }
    }
    seen
}

/// Files about the pod itself.
fn files(check: &mut Check<'_>, source: &At<'_>) {
    for item in source.child("items").items() {
        let (field, resource) = (item.child("fieldRef"), item.child("resourceFieldRef"));
        match (field.is_set(), resource.is_set()) {
            (true, true) => check.invalid(
                &item,
                "fieldRef and resourceFieldRef can not be specified simultaneously",
            ),
            (true, false) => field_ref::field_ref(check, &field, field_ref::OF_FILES),
            (false, true) => {
                if !resource.child("containerName").has_any() {
                    check.required(&resource.child("containerName"), "");
                }
            }
            (false, false) => check.required(&item, "one of fieldRef and resourceFieldRef is required"),
        }
    }
}

fn modes(check: &mut Check<'_>, source: &At<'_>) {
    const DETAIL: &str = "must be a number between 0 and 0777 (octal), both inclusive";
    let default = source.child("defaultMode");
    if default.int().is_some_and(|mode| !(0..=0o777).contains(&mode)) {
        check.invalid(&default, DETAIL);
    }
    for item in source.child("items").items() {
        let mode = item.child("mode");
        if mode.int().is_some_and(|mode| !(0..=0o777).contains(&mode)) {
            check.invalid(&mode, DETAIL);
        }
        let path = item.child("path");
        if !path.has_any() {
            check.required(&path, "");
        } else if path.str().starts_with('/') {
            check.invalid(&path, "must be a relative path");
        } else if path.str().split('/').any(|part| part == "..") {
            check.invalid(&path, "must not contain '..'");
        }
    }
}

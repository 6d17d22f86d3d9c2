//! What may change in a pod.

use serde_json::Value;

use super::cursor::Check;
use crate::names;

/// As upstream lists them in its message.
const UPDATABLE: &str = "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

pub(super) fn update(check: &mut Check<'_>, old: &Value) {
    let spec = check.root().child("spec");
    for list in ["containers", "initContainers"] {
        let before = old["spec"][list].as_array().map_or(0, Vec::len);
        let at = spec.child(list);
        if at.items().count() != before {
            let what = if list == "containers" {
                "containers"
            } else {
                "initContainers"
            };
            check.forbidden(&at, &format!("pod updates may not add or remove {what}"));
            return;
        }
        for container in at.items() {
            let image = container.child("image");
            if !image.has_any() {
                check.required(&image, "");
            } else if image.str().trim() != image.str() {
                check.invalid(&image, "must not have leading or trailing whitespace");
            }
        }
    }
    deadline(check, old);
    tolerations(check, old);
    let gated = old["spec"]["schedulingGates"]
        .as_array()
        .is_some_and(|gates| !gates.is_empty());
    let (mut before, mut after) = (old["spec"].clone(), spec.value.clone());
    for spec in [&mut before, &mut after] {
        blank(spec, gated);
    }
    if before != after {
        check.forbidden(
            &spec,
            &format!("pod updates may not change fields other than {UPDATABLE}"),
        );
    }
}

fn deadline(check: &mut Check<'_>, old: &Value) {
    let at = check.root().child("spec").child("activeDeadlineSeconds");
    let before = old["spec"]["activeDeadlineSeconds"].as_i64();
    match (at.int(), before) {
        (Some(seconds), _) if !(0..=i64::from(i32::MAX)).contains(&seconds) => {
            check.all_invalid(&at, names::in_range(seconds, 0, i64::from(i32::MAX)));
        }
        (Some(seconds), Some(before)) if before < seconds => {
            check.invalid(&at, "must be less than or equal to previous value");
        }
        (None, Some(_)) => check.invalid(&at, "must not update from a positive integer to nil value"),
        _ => {}
    }
}

fn tolerations(check: &mut Check<'_>, old: &Value) {
    let at = check.root().child("spec").child("tolerations");
    let timeless = |toleration: &Value| {
        let mut toleration = toleration.clone();
        if let Some(fields) = toleration.as_object_mut() {
            fields.remove("tolerationSeconds");
        }
        toleration
    };
    let now: Vec<Value> = at.items().map(|item| timeless(item.value)).collect();
    let before = old["spec"]["tolerations"].as_array().into_iter().flatten();
    if before
        .into_iter()
        .any(|toleration| !now.contains(&timeless(toleration)))
    {
        check.forbidden(
            &at,
            "existing toleration can not be modified except its tolerationSeconds",
        );
    }
}

/// Takes out what may differ.
fn blank(spec: &mut Value, gated: bool) {
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(container) = container.as_object_mut() {
                container.remove("image");
            }
        }
    }
    if let Some(spec) = spec.as_object_mut() {
        for field in [
            "activeDeadlineSeconds",
            "tolerations",
            "terminationGracePeriodSeconds",
            "schedulingGates",
        ] {
            spec.remove(field);
        }
        // A pod that waits at a gate may be narrowed down to fewer nodes.
        if gated {
            spec.remove("nodeSelector");
            spec.remove("affinity");
        }
    }
}

//! What may change in a pod.

use serde_json::Value;

use super::cursor::Check;
use super::pod;
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
            if image.str().trim() != image.str() {
                check.invalid(&image, "must not have leading or trailing whitespace");
            }
        }
    }
    deadline(check, old);
    tolerations(check, old);
    gates(check, old);
    if *spec.value == old["spec"] {
        return;
    }
    // what a pod was made with before some rule there was, it keeps as long as nobody changes it
    pod::pod(check);
    let gated = old["spec"]["schedulingGates"]
        .as_array()
        .is_some_and(|gates| !gates.is_empty());
    if gated {
        node_selector(check, old);
        node_affinity(check, old);
    }
    let (mut before, mut after) = (old["spec"].clone(), spec.value.clone());
    if before["terminationGracePeriodSeconds"].as_i64() < Some(0) && after["terminationGracePeriodSeconds"] == 1 {
        after["terminationGracePeriodSeconds"] = before["terminationGracePeriodSeconds"].clone();
    }
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

/// Gates are only ever opened.
fn gates(check: &mut Check<'_>, old: &Value) {
    let before = old["spec"]["schedulingGates"].as_array();
    for gate in check.root().child("spec").child("schedulingGates").items() {
        let name = gate.child("name");
        let known = before.is_some_and(|gates| gates.iter().any(|known| known["name"] == *name.value));
        if !known {
            let detail = format!(
                "only deletion is allowed, but found new scheduling gate '{}'",
                name.str()
            );
            check.forbidden(&name, &detail);
        }
    }
}

/// A pod that waits at a gate may be narrowed down to fewer nodes, never moved to others.
fn node_selector(check: &mut Check<'_>, old: &Value) {
    let at = check.root().child("spec").child("nodeSelector");
    let before = old["spec"]["nodeSelector"].as_object();
    let mut before = before.into_iter().flatten();
    if before.any(|(key, value)| at.value.get(key) != Some(value)) {
        check.invalid(
            &at,
            "only additions to spec.nodeSelector are allowed (no mutations or deletions)",
        );
    }
}

fn node_affinity(check: &mut Check<'_>, old: &Value) {
    const TERMS: &str = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let before = old.pointer(TERMS).and_then(Value::as_array);
    let Some(before) = before.filter(|terms| !terms.is_empty()) else {
        return;
    };
    let mut at = check.root();
    for field in TERMS.split('/').skip(1) {
        at = at.child(field);
    }
    if at.items().count() != before.len() {
        check.invalid(
            &at,
            "no additions/deletions to non-empty NodeSelectorTerms list are allowed",
        );
        return;
    }
    for (term, before) in at.items().zip(before) {
        if !only_adds(term.value, before) {
            check.invalid(&term, "only additions are allowed (no mutations or deletions)");
        }
    }
}

/// All requirements of a term hold, so that more of them select fewer nodes. An empty term selects none.
fn only_adds(term: &Value, before: &Value) -> bool {
    let list = |term: &Value, field: &str| term[field].as_array().cloned().unwrap_or_default();
    let fields = ["matchExpressions", "matchFields"];
    let none = |term: &Value| fields.iter().all(|field| list(term, field).is_empty());
    if none(before) && !none(term) {
        return false;
    }
    fields
        .iter()
        .all(|field| list(term, field).starts_with(&list(before, field)))
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
    let Some(spec) = spec.as_object_mut() else { return };
    for field in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
        spec.remove(field);
    }
    if gated {
        spec.remove("nodeSelector");
        if let Some(Value::Object(affinity)) = spec.get_mut("affinity") {
            affinity.remove("nodeAffinity");
            if affinity.is_empty() {
                spec.remove("affinity");
            }
        }
    }
}

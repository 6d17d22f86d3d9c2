//! `matchLabelKeys` and `mismatchLabelKeys` of a new pod: its own values of those labels go into the selectors beside them.
//!
//! Semantics: KEP-3633 and KEP-3243.

use serde_json::{Value, json};

/// Completes the selectors of the pod's affinity terms and spread constraints.
pub(super) fn merge(pod: &mut Value) {
    let labels = pod.pointer("/metadata/labels").cloned().unwrap_or(Value::Null);
    let Some(spec) = pod.get_mut("spec") else { return };
    for affinity in ["podAffinity", "podAntiAffinity"] {
        let terms = |kind: &str| format!("/affinity/{affinity}/{kind}DuringSchedulingIgnoredDuringExecution");
        for term in items(spec, &terms("required")) {
            complete(term, &labels);
        }
        for preferred in items(spec, &terms("preferred")) {
            if let Some(term) = preferred.get_mut("podAffinityTerm") {
                complete(term, &labels);
            }
        }
    }
    for constraint in items(spec, "/topologySpreadConstraints") {
        complete(constraint, &labels);
    }
}

fn items<'a>(spec: &'a mut Value, pointer: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = spec.pointer_mut(pointer).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

/// A term without a selector matches nothing, whatever its keys say.
fn complete(term: &mut Value, labels: &Value) {
    if !term["labelSelector"].is_object() {
        return;
    }
    for (field, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        let keys = term.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
        for key in keys.iter().filter_map(Value::as_str) {
            let Some(value) = labels.get(key) else { continue };
            let wanted = json!({"key": key, "operator": operator, "values": [value]});
            if let Some(selector) = term["labelSelector"].as_object_mut() {
                let expressions = selector.entry("matchExpressions").or_insert_with(|| json!([]));
                match expressions.as_array_mut() {
                    Some(list) if !list.contains(&wanted) => list.push(wanted),
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_values_go_into_selectors_and_missing_labels_say_nothing() {
        let selector = json!({"matchLabels": {"app": "web"}});
        let term = json!({"topologyKey": "zone", "labelSelector": selector,
            "matchLabelKeys": ["version", "absent"], "mismatchLabelKeys": ["tenant"]});
        let mut pod = json!({
            "metadata": {"labels": {"app": "web", "version": "2", "tenant": "a"}},
            "spec": {
                "affinity": {
                    "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]},
                    "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                        {"weight": 1, "podAffinityTerm": term}]},
                },
                "topologySpreadConstraints": [
                    {"labelSelector": selector, "matchLabelKeys": ["version"]},
                    {"matchLabelKeys": ["version"]},
                ],
            },
        });
        merge(&mut pod);
        let version = json!({"key": "version", "operator": "In", "values": ["2"]});
        let tenant = json!({"key": "tenant", "operator": "NotIn", "values": ["a"]});
        let at = |pointer: &str| {
            pod.pointer(&format!("/spec{pointer}/labelSelector/matchExpressions"))
                .cloned()
        };
        let both = Some(json!([version, tenant]));
        let affinity = "/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/0";
        assert_eq!(at(affinity), both);
        let anti = "/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/0/podAffinityTerm";
        assert_eq!(at(anti), both);
        assert_eq!(at("/topologySpreadConstraints/0"), Some(json!([version])));
        assert_eq!(at("/topologySpreadConstraints/1"), None);
        let once = pod.clone();
        merge(&mut pod);
        assert_eq!(pod, once, "a second time changes nothing");
    }
}

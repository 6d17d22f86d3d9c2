//! Scopes: which pods a quota counts.

use serde_json::Value;

use super::ObjectKind;
use crate::resources::qos_class;

/// Whether all scopes of the quota's spec hold for the object. Only pods have any.
pub(super) fn all(spec: &Value, kind: ObjectKind<'_>, object: &Value) -> bool {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (plain, selected) = (list(&spec["scopes"]), list(&spec["scopeSelector"]["matchExpressions"]));
    if plain.is_empty() && selected.is_empty() {
        return true;
    }
    kind.is("", "pods")
        && plain
            .iter()
            .all(|scope| holds(scope.as_str().unwrap_or_default(), &Value::Null, object))
        && selected
            .iter()
            .all(|term| holds(term["scopeName"].as_str().unwrap_or_default(), term, object))
}

fn holds(scope: &str, term: &Value, pod: &Value) -> bool {
    let terminating = || {
        pod["spec"]["activeDeadlineSeconds"]
            .as_i64()
            .is_some_and(|seconds| seconds >= 0)
    };
    match scope {
        "Terminating" => terminating(),
        "NotTerminating" => !terminating(),
        "BestEffort" => qos_class(pod) == "BestEffort",
        "NotBestEffort" => qos_class(pod) != "BestEffort",
        "PriorityClass" => priority_class(term, pod),
        "CrossNamespacePodAffinity" => crosses_namespaces(pod),
        _ => false,
    }
}

fn priority_class(term: &Value, pod: &Value) -> bool {
    let own = pod["spec"]["priorityClassName"]
        .as_str()
        .filter(|name| !name.is_empty());
    let listed = || {
        term["values"]
            .as_array()
            .is_some_and(|values| values.iter().any(|value| value.as_str() == own && own.is_some()))
    };
    match term["operator"].as_str().unwrap_or("Exists") {
        "In" => listed(),
        "NotIn" => !listed(),
        "DoesNotExist" => own.is_none(),
        _ => own.is_some(),
    }
}

fn crosses_namespaces(pod: &Value) -> bool {
    let affinity = &pod["spec"]["affinity"];
    ["podAffinity", "podAntiAffinity"].into_iter().any(|kind| {
        let terms = |list: &str| affinity[kind][list].as_array().into_iter().flatten();
        let required = terms("requiredDuringSchedulingIgnoredDuringExecution");
        let preferred = terms("preferredDuringSchedulingIgnoredDuringExecution").map(|term| &term["podAffinityTerm"]);
        required.chain(preferred).any(|term| {
            term["namespaces"].as_array().is_some_and(|names| !names.is_empty()) || !term["namespaceSelector"].is_null()
        })
    })
}

//! ObjectMeta, labels and label selectors.

use serde_json::Value;

use super::cursor::{At, Check, IMMUTABLE};
use crate::field::FieldError;
use crate::names;

const MOST_ANNOTATIONS: usize = 256 * 1024;

/// How the kind's objects are named.
pub(super) fn name_rule(group: &str, kind: &str) -> fn(&str) -> Vec<String> {
    match (group, kind) {
        ("", "Namespace") => names::dns1123_label,
        ("", "Service") => names::dns1035_label,
        ("networking.k8s.io", "IPAddress") => names::canonical_address,
        ("coordination.k8s.io", "LeaseCandidate") => names::config_map_key,
        ("internal.apiserver.k8s.io", "StorageVersion") => super::stored::version_name,
        ("rbac.authorization.k8s.io", _)
        | ("certificates.k8s.io", "CertificateSigningRequest")
        | ("apiregistration.k8s.io", "APIService") => names::path_segment,
        _ => names::dns1123_subdomain,
    }
}

/// What a generated name begins with may end in a dash.
fn prefix(name: &str) -> String {
    name.strip_suffix('-')
        .map_or_else(|| name.to_owned(), |name| format!("{name}a"))
}

pub(super) fn create(check: &mut Check<'_>, rule: fn(&str) -> Vec<String>, namespaced: bool) {
    let meta = check.root().child("metadata");
    let generate = meta.child("generateName");
    if generate.has_any() {
        check.all_invalid(&generate, rule(&prefix(generate.str())));
    }
    let name = meta.child("name");
    if name.has_any() {
        check.all_invalid(&name, rule(name.str()));
    } else {
        check.required(&name, "name or generateName is required");
    }
    let namespace = meta.child("namespace");
    if namespaced && !namespace.has_any() {
        check.required(&namespace, "");
    } else if namespaced {
        check.all_invalid(&namespace, names::dns1123_label(namespace.str()));
    } else if namespace.has_any() {
        check.forbidden(&namespace, "not allowed on this type");
    }
    common(check, &meta);
}

fn common(check: &mut Check<'_>, meta: &At<'_>) {
    labels(check, &meta.child("labels"));
    annotations(check, &meta.child("annotations"));
    owners(check, &meta.child("ownerReferences"));
    let finalizers = meta.child("finalizers");
    let mut both = 0;
    for finalizer in finalizers.items() {
        check.all_invalid(
            &At {
                path: finalizers.path.clone(),
                ..finalizer.clone()
            },
            names::qualified_name(finalizer.str()),
        );
        both += i32::from(matches!(finalizer.str(), "orphan" | "foregroundDeletion"));
    }
    if both > 1 {
        check.invalid(
            &finalizers,
            "finalizer orphan and foregroundDeletion cannot be both set",
        );
    }
}

pub(super) fn labels(check: &mut Check<'_>, labels: &At<'_>) {
    for (key, value) in labels.value.as_object().into_iter().flatten() {
        let name = Value::from(key.as_str());
        check.all_invalid(
            &At {
                value: &name,
                path: labels.path.clone(),
            },
            names::label_key(key),
        );
        let at = At {
            value,
            path: labels.path.clone(),
        };
        check.all_invalid(&at, names::label_value(at.str()));
    }
}

pub(super) fn annotations(check: &mut Check<'_>, annotations: &At<'_>) {
    let mut total = 0;
    for (key, value) in annotations.value.as_object().into_iter().flatten() {
        let name = Value::from(key.as_str());
        let at = At {
            value: &name,
            path: annotations.path.clone(),
        };
        check.all_invalid(&at, names::qualified_name(&key.to_lowercase()));
        total += key.len() + value.as_str().map_or(0, str::len);
    }
    if total > MOST_ANNOTATIONS {
        check.add(FieldError::too_long(&annotations.path, MOST_ANNOTATIONS));
    }
}

fn owners(check: &mut Check<'_>, owners: &At<'_>) {
    let mut controllers = Vec::new();
    for owner in owners.items() {
        for (field, message) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            let at = owner.child(field);
            if !at.has_any() {
                check.add(FieldError::invalid(&at.path, at.str(), message));
            }
        }
        if owner.child("controller").is_true() {
            controllers.push(format!("{}/{}", owner.child("kind").str(), owner.child("name").str()));
        }
    }
    if let [first, .., last] = controllers.as_slice() {
        let detail = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {last}"
        );
        check.invalid(owners, detail);
    }
}

pub(super) fn update(check: &mut Check<'_>, old: &Value) {
    let meta = check.root().child("metadata");
    let before = old.get("metadata").cloned().unwrap_or_default();
    for field in ["name", "namespace", "uid", "creationTimestamp"] {
        let at = meta.child(field);
        if at.value != before.get(field).unwrap_or(&Value::Null) {
            check.invalid(&at, IMMUTABLE);
        }
    }
    let generation = meta.child("generation");
    if generation.int().unwrap_or_default() < before["generation"].as_i64().unwrap_or_default() {
        check.invalid(&generation, "must not be decremented");
    }
    if before.get("deletionTimestamp").is_some_and(|time| !time.is_null()) {
        let known = before["finalizers"].as_array().cloned().unwrap_or_default();
        let finalizers = meta.child("finalizers");
        let extra: Vec<String> = finalizers
            .items()
            .filter(|item| !known.contains(item.value))
            .map(|item| item.value.to_string())
            .collect();
        if !extra.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                extra.join(", ")
            );
            check.forbidden(&finalizers, &detail);
        }
    }
    common(check, &meta);
}

/// A LabelSelector object.
pub(super) fn selector(check: &mut Check<'_>, selector: &At<'_>) {
    labels(check, &selector.child("matchLabels"));
    for requirement in selector.child("matchExpressions").items() {
        let (operator, values) = (requirement.child("operator"), requirement.child("values"));
        match operator.str() {
            "In" | "NotIn" if !values.has_any() => {
                check.required(&values, "must be specified when `operator` is 'In' or 'NotIn'");
            }
            "Exists" | "DoesNotExist" if values.has_any() => {
                check.forbidden(
                    &values,
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                );
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => check.invalid(&operator, "not a valid selector operator"),
        }
        let key = requirement.child("key");
        check.all_invalid(&key, names::label_key(key.str()));
        for value in values.items() {
            check.all_invalid(&value, names::label_value(value.str()));
        }
    }
}

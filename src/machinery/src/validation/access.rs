//! Roles and their bindings.

use super::cursor::Check;
use super::meta;
use crate::field::FieldError;
use crate::names;

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn role(check: &mut Check<'_>, namespaced: bool) {
    for rule in check.root().child("rules").items() {
        if !rule.child("verbs").has_any() {
            check.required(&rule.child("verbs"), "verbs must contain at least one value");
        }
        let urls = rule.child("nonResourceURLs");
        if urls.has_any() {
            if namespaced {
                check.invalid(&urls, "namespaced rules cannot apply to non-resource URLs");
            }
            let resources = ["apiGroups", "resources", "resourceNames"];
            if resources.iter().any(|field| rule.child(field).has_any()) {
                check.invalid(
                    &urls,
                    "rules cannot apply to both regular resources and non-resource URLs",
                );
            }
            continue;
        }
        if !rule.child("apiGroups").has_any() {
            check.required(
                &rule.child("apiGroups"),
                "resource rules must supply at least one api group",
            );
        }
        if !rule.child("resources").has_any() {
            check.required(
                &rule.child("resources"),
                "resource rules must supply at least one resource",
            );
        }
    }
    for selector in check
        .root()
        .child("aggregationRule")
        .child("clusterRoleSelectors")
        .items()
    {
        meta::selector(check, &selector);
    }
}

pub(super) fn binding(check: &mut Check<'_>, namespaced: bool) {
    let reference = check.root().child("roleRef");
    let group = reference.child("apiGroup");
    if group.str() != GROUP {
        check.add(FieldError::not_supported(&group.path, group.str(), &[GROUP]));
    }
    let kinds: &[&str] = if namespaced {
        &["Role", "ClusterRole"]
    } else {
        &["ClusterRole"]
    };
    let kind = reference.child("kind");
    if !kinds.contains(&kind.str()) {
        check.add(FieldError::not_supported(&kind.path, kind.str(), kinds));
    }
    check.name(&reference.child("name"), names::path_segment);
    for subject in check.root().child("subjects").items() {
        let (kind, name, group) = (subject.child("kind"), subject.child("name"), subject.child("apiGroup"));
        if !name.has_any() {
            check.required(&name, "");
        }
        match kind.str() {
            "ServiceAccount" => {
                if name.has_any() {
                    check.all_invalid(&name, names::dns1123_subdomain(name.str()));
                }
                if group.has_any() {
                    check.add(FieldError::not_supported(&group.path, group.str(), &[""]));
                }
                if !namespaced && !subject.child("namespace").has_any() {
                    check.required(&subject.child("namespace"), "");
                }
            }
            "User" | "Group" if group.str() != GROUP => {
                check.add(FieldError::not_supported(&group.path, group.str(), &[GROUP]));
            }
            "User" | "Group" => {}
            _ => check.add(FieldError::not_supported(
                &kind.path,
                kind.str(),
                &["ServiceAccount", "User", "Group"],
            )),
        }
    }
}

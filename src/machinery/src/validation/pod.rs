//! Pods and their templates.

use std::collections::BTreeSet;

use super::container;
use super::cursor::{At, Check};
use super::meta;
use super::volume;
use crate::names;

pub(super) fn pod(check: &mut Check<'_>) {
    spec(check, &check.root().child("spec"));
}

/// Metadata and spec of a template.
pub(super) fn template(check: &mut Check<'_>, template: &At<'_>) {
    let metadata = template.child("metadata");
    meta::labels(check, &metadata.child("labels"));
    meta::annotations(check, &metadata.child("annotations"));
    spec(check, &template.child("spec"));
}

pub(super) fn spec(check: &mut Check<'_>, spec: &At<'_>) {
    let volumes = volume::volumes(check, &spec.child("volumes"));
    container::all(check, spec, &volumes);
    check.one_of(&spec.child("restartPolicy"), &["Always", "Never", "OnFailure"], true);
    let dns = spec.child("dnsPolicy");
    check.one_of(
        &dns,
        &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
        true,
    );
    if dns.str() == "None" && !spec.child("dnsConfig").child("nameservers").has_any() {
        let at = spec.child("dnsConfig").child("nameservers");
        check.required(&at, "must provide at least one DNS nameserver when `dnsPolicy` is None");
    }
    check.not_negative(&spec.child("terminationGracePeriodSeconds"));
    let deadline = spec.child("activeDeadlineSeconds");
    if let Some(seconds) = deadline.int() {
        check.all_invalid(&deadline, names::in_range(seconds, 1, i64::from(i32::MAX)));
    }
    for field in ["hostname", "subdomain"] {
        let at = spec.child(field);
        if at.has_any() {
            check.all_invalid(&at, names::dns1123_label(at.str()));
        }
    }
    for field in [
        "serviceAccountName",
        "nodeName",
        "priorityClassName",
        "runtimeClassName",
    ] {
        let at = spec.child(field);
        if at.has_any() {
            check.all_invalid(&at, names::dns1123_subdomain(at.str()));
        }
    }
    meta::labels(check, &spec.child("nodeSelector"));
    for reference in spec.child("imagePullSecrets").items() {
        let name = reference.child("name");
        if !name.has_any() {
            check.required(&name, "");
        }
    }
    for toleration in spec.child("tolerations").items() {
        self::toleration(check, &toleration);
    }
    host_aliases(check, &spec.child("hostAliases"));
    security(check, &spec.child("securityContext"));
    affinity(check, &spec.child("affinity"));
    spread(check, &spec.child("topologySpreadConstraints"));
}

fn toleration(check: &mut Check<'_>, toleration: &At<'_>) {
    let (key, operator) = (toleration.child("key"), toleration.child("operator"));
    if key.has_any() {
        check.all_invalid(&key, names::label_key(key.str()));
    } else if operator.str() != "Exists" {
        check.invalid(
            &operator,
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
        );
    }
    let effect = toleration.child("effect");
    if toleration.child("tolerationSeconds").is_set() && effect.str() != "NoExecute" {
        check.invalid(&effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    let value = toleration.child("value");
    match operator.str() {
        "Equal" | "" => check.all_invalid(&value, names::label_value(value.str())),
        "Exists" if value.has_any() => check.invalid(&operator, "value must be empty when `operator` is 'Exists'"),
        "Exists" => {}
        _ => check.one_of(&operator, &["Equal", "Exists"], true),
    }
    check.one_of(&effect, &["NoSchedule", "PreferNoSchedule", "NoExecute"], false);
}

fn host_aliases(check: &mut Check<'_>, aliases: &At<'_>) {
    for alias in aliases.items() {
        let ip = alias.child("ip");
        if ip.str().parse::<std::net::IpAddr>().is_err() {
            check.invalid(&ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
        }
        for name in alias.child("hostnames").items() {
            check.all_invalid(&name, names::dns1123_subdomain(name.str()));
        }
    }
}

fn security(check: &mut Check<'_>, context: &At<'_>) {
    for field in ["runAsUser", "runAsGroup", "fsGroup"] {
        let at = context.child(field);
        if let Some(id) = at.int() {
            check.all_invalid(&at, names::user_or_group_id(id));
        }
    }
    for group in context.child("supplementalGroups").items() {
        check.all_invalid(&group, names::user_or_group_id(group.int().unwrap_or_default()));
    }
    let mut seen = BTreeSet::new();
    for sysctl in context.child("sysctls").items() {
        let name = sysctl.child("name");
        if !name.has_any() {
            check.required(&name, "");
        } else if let wrong = names::sysctl(name.str())
            && !wrong.is_empty()
        {
            check.all_invalid(&name, wrong);
        } else if !seen.insert(name.str().replace('/', ".")) {
            check.add(crate::field::FieldError::duplicate(&name.path, name.str()));
        }
    }
}

fn affinity(check: &mut Check<'_>, affinity: &At<'_>) {
    let required = affinity
        .child("nodeAffinity")
        .child("requiredDuringSchedulingIgnoredDuringExecution");
    if required.is_set() {
        let terms = required.child("nodeSelectorTerms");
        if !terms.has_any() {
            check.required(&terms, "must have at least one node selector term");
        }
        for term in terms.items() {
            for requirement in term.child("matchExpressions").items() {
                node_requirement(check, &requirement);
            }
        }
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let required = affinity
            .child(kind)
            .child("requiredDuringSchedulingIgnoredDuringExecution");
        let preferred = affinity
            .child(kind)
            .child("preferredDuringSchedulingIgnoredDuringExecution");
        let preferred = preferred.items().map(|term| {
            let weight = term.child("weight");
            (term.child("podAffinityTerm"), Some(weight))
        });
        let terms: Vec<_> = required.items().map(|term| (term, None)).chain(preferred).collect();
        for (term, weight) in terms {
            if let Some(weight) = weight.filter(|weight| !(1..=100).contains(&weight.int().unwrap_or_default())) {
                check.invalid(&weight, "must be in the range 1-100");
            }
            meta::selector(check, &term.child("labelSelector"));
            let key = term.child("topologyKey");
            if key.has_any() {
                check.all_invalid(&key, names::label_key(key.str()));
            } else {
                check.required(&key, "can not be empty");
            }
        }
    }
}

fn node_requirement(check: &mut Check<'_>, requirement: &At<'_>) {
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
        "Gt" | "Lt" if values.items().count() != 1 => {
            check.required(
                &values,
                "must be specified single value when `operator` is 'Lt' or 'Gt'",
            );
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        _ => check.invalid(&operator, "not a valid selector operator"),
    }
    let key = requirement.child("key");
    check.all_invalid(&key, names::label_key(key.str()));
}

fn spread(check: &mut Check<'_>, constraints: &At<'_>) {
    for constraint in constraints.items() {
        let skew = constraint.child("maxSkew");
        if skew.int().unwrap_or_default() <= 0 {
            check.invalid(&skew, "must be greater than zero");
        }
        let key = constraint.child("topologyKey");
        if !key.has_any() {
            check.required(&key, "can not be empty");
        }
        check.one_of(
            &constraint.child("whenUnsatisfiable"),
            &["DoNotSchedule", "ScheduleAnyway"],
            true,
        );
        meta::selector(check, &constraint.child("labelSelector"));
    }
}

//! What namespaces may use: limit ranges, quotas, and the classes of priority.

use std::collections::BTreeSet;

use serde_json::Value;

use super::cursor::{At, Check};
use crate::field::FieldError;
use crate::names;
use crate::quantity::Quantity;

/// The highest value of a class that is not the system's.
const HIGHEST: i64 = 1_000_000_000;
/// The system's classes.
const SYSTEM: &[(&str, i64)] = &[
    ("system-cluster-critical", 2_000_000_000),
    ("system-node-critical", 2_000_001_000),
];

fn quantity(at: &At<'_>) -> Option<Quantity> {
    at.str().parse().ok()
}

pub(super) fn limit_range(check: &mut Check<'_>) {
    const LISTS: [&str; 5] = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"];
    let mut types = BTreeSet::new();
    for limit in check.root().child("spec").child("limits").items() {
        let ty = limit.child("type");
        if !names::qualified_name(ty.str()).is_empty() {
            check.all_invalid(&ty, names::qualified_name(ty.str()));
        } else if !types.insert(ty.str()) {
            check.add(FieldError::duplicate(&ty.path, ty.str()));
        }
        if ty.str() == "Pod" {
            for field in ["default", "defaultRequest"] {
                if limit.child(field).has_any() {
                    check.forbidden(&limit.child(field), "may not be specified when `type` is 'Pod'");
                }
            }
        }
        let storage = |field: &str| limit.child(field).child("storage").is_set();
        if ty.str() == "PersistentVolumeClaim" && !storage("min") && !storage("max") {
            let detail = "either minimum or maximum storage value is required, but neither was provided";
            check.required(&limit.child("limits"), detail);
        }
        let mut resources = BTreeSet::new();
        for list in LISTS {
            for (name, at) in limit.child(list).entries() {
                check.all_invalid(&at, names::qualified_name(name));
                resources.insert(name);
            }
        }
        for name in resources {
            bounds(check, &limit, name);
        }
    }
}

/// Of one resource: the least is not above the most, and what is given by default lies between them.
fn bounds(check: &mut Check<'_>, limit: &At<'_>, name: &str) {
    let at = |list: &str| {
        limit
            .child(list)
            .entries()
            .find(|(own, _)| *own == name)
            .map(|(_, at)| at)
    };
    let rows = [
        ("min", "min", "max", "min value {} is greater than max value {}"),
        (
            "defaultRequest",
            "min",
            "defaultRequest",
            "min value {} is greater than default request value {}",
        ),
        (
            "defaultRequest",
            "defaultRequest",
            "max",
            "default request value {} is greater than max value {}",
        ),
        (
            "defaultRequest",
            "defaultRequest",
            "default",
            "default request value {} is greater than default limit value {}",
        ),
        (
            "default",
            "min",
            "default",
            "min value {} is greater than default value {}",
        ),
        (
            "default",
            "default",
            "max",
            "default value {} is greater than max value {}",
        ),
    ];
    for (about, least, most, detail) in rows {
        let (Some(about), Some(least), Some(most)) = (at(about), at(least), at(most)) else {
            continue;
        };
        if let (Some(low), Some(high)) = (quantity(&least), quantity(&most))
            && low > high
        {
            let detail = detail.replacen("{}", least.str(), 1).replacen("{}", most.str(), 1);
            check.invalid(&about, detail);
        }
    }
    if let Some(ratio) = at("maxLimitRequestRatio")
        && let (Some(value), Some(one)) = (quantity(&ratio), "1".parse::<Quantity>().ok())
        && value < one
    {
        check.invalid(&ratio, format!("ratio {} is less than 1", ratio.str()));
    }
}

pub(super) fn quota(check: &mut Check<'_>) {
    const SCOPES: &[&str] = &[
        "Terminating",
        "NotTerminating",
        "BestEffort",
        "NotBestEffort",
        "PriorityClass",
        "CrossNamespacePodAffinity",
        "VolumeAttributesClass",
    ];
    let spec = check.root().child("spec");
    for (name, at) in spec.child("hard").entries() {
        check.all_invalid(&at, names::qualified_name(name));
        if quantity(&at).is_some_and(|amount| amount.is_negative()) {
            check.invalid(&at, "must be greater than or equal to 0");
        }
    }
    let scopes = spec.child("scopes");
    let named: BTreeSet<&str> = scopes.items().map(|scope| scope.str()).collect();
    if named.iter().any(|scope| !SCOPES.contains(scope)) {
        check.invalid(&scopes, "unsupported scope");
    }
    for pair in [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]] {
        if pair.iter().all(|scope| named.contains(scope)) {
            check.invalid(&scopes, "conflicting scopes");
        }
    }
    for requirement in spec.child("scopeSelector").child("matchExpressions").items() {
        let scope = requirement.child("scopeName");
        if !SCOPES.contains(&scope.str()) {
            check.invalid(&scope, "unsupported scope");
        }
        let (operator, values) = (requirement.child("operator"), requirement.child("values"));
        match operator.str() {
            "In" | "NotIn" if !values.has_any() => {
                check.required(
                    &values,
                    "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
                );
            }
            "Exists" | "DoesNotExist" if values.has_any() => {
                check.invalid(
                    &values,
                    "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
                );
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => check.invalid(&operator, "not a valid selector operator"),
        }
    }
}

/// A quota is for the same objects as long as it is there.
pub(super) fn update_quota(check: &mut Check<'_>, old: &Value) {
    let sorted = |object: &Value| {
        let mut scopes = object["spec"]["scopes"].as_array().cloned().unwrap_or_default();
        scopes.sort_by_key(Value::to_string);
        scopes
    };
    if sorted(check.root().value) != sorted(old) {
        check.invalid(&check.root().child("spec").child("scopes"), super::cursor::IMMUTABLE);
    }
}

pub(super) fn priority_class(check: &mut Check<'_>) {
    let root = check.root();
    let (name, value) = (root.child("metadata").child("name"), root.child("value"));
    let is = value.int().unwrap_or_default();
    if name.str().starts_with("system-") {
        let detail = "priority class names with 'system-' prefix are reserved for system use only. error: ";
        let why = match SYSTEM.iter().find(|(own, _)| *own == name.str()) {
            None => format!("{} is not a known system priority class", name.str()),
            Some((_, wanted)) if *wanted != is => format!("value of {} PriorityClass must be {wanted}", name.str()),
            Some(_) if root.child("globalDefault").is_true() => {
                format!("globalDefault of {} PriorityClass must be false", name.str())
            }
            Some(_) => String::new(),
        };
        if !why.is_empty() {
            check.forbidden(&name, &format!("{detail}{why}"));
        }
    } else if is > HIGHEST {
        let detail = format!("maximum allowed value of a user defined priority is {HIGHEST}");
        check.forbidden(&value, &detail);
    }
    check.one_of(
        &root.child("preemptionPolicy"),
        &["Never", "PreemptLowerPriority"],
        false,
    );
}

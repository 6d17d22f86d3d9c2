//! Disruption budgets and autoscalers.

use serde_json::Value;

use super::cursor::Check;
use super::meta;
use crate::field::FieldError;

pub(super) fn budget(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    let (min, max) = (spec.child("minAvailable"), spec.child("maxUnavailable"));
    if min.is_set() && max.is_set() {
        check.add(FieldError::invalid(
            &spec.path,
            spec.value.clone(),
            "minAvailable and maxUnavailable cannot be both set",
        ));
    }
    for at in [&min, &max] {
        if at.is_set() {
            check.int_or_percent(at);
        }
    }
    meta::selector(check, &spec.child("selector"));
    check.one_of(
        &spec.child("unhealthyPodEvictionPolicy"),
        &["AlwaysAllow", "IfHealthyBudget"],
        false,
    );
}

/// Pods have taken over what a class says; it cannot say something else later.
pub(super) fn update_priority_class(check: &mut Check<'_>, old: &Value) {
    let value = check.root().child("value");
    if value.int().unwrap_or_default() != old["value"].as_i64().unwrap_or_default() {
        check.forbidden(&value, "may not be changed in an update.");
    }
    check.immutable("/preemptionPolicy", old, "preemptionPolicy");
}

pub(super) fn autoscaler(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    let (min, max) = (spec.child("minReplicas"), spec.child("maxReplicas"));
    if min.int().is_some_and(|count| count < 1) {
        check.invalid(&min, "must be greater than or equal to 1");
    }
    let most = max.int().unwrap_or_default();
    if most < 1 {
        check.add(FieldError::invalid(&max.path, most, "must be greater than 0"));
    }
    if min.int().is_some_and(|count| most < count) {
        check.invalid(&max, "must be greater than or equal to `minReplicas`");
    }
    let target = spec.child("scaleTargetRef");
    for field in ["kind", "name"] {
        if !target.child(field).has_any() {
            check.required(&target.child(field), "");
        }
    }
}

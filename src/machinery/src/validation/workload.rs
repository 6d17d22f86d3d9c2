//! Deployments, ReplicaSets, DaemonSets, StatefulSets, ReplicationControllers.

use serde_json::{Value, json};

use super::cursor::{At, Check};
use super::{meta, pod};
use crate::field::{FieldError, Path};
use crate::selector::LabelSelector;

/// Selector and template, which must fit one another.
fn selector_and_template(check: &mut Check<'_>, spec: &At<'_>, what: &str) {
    let selector = spec.child("selector");
    if selector.is_set() {
        meta::selector(check, &selector);
        if !selector.child("matchLabels").has_any() && !selector.child("matchExpressions").has_any() {
            check.invalid(&selector, format!("empty selector is invalid for {what}"));
        }
    } else {
        check.required(&selector, "");
    }
    let template = spec.child("template");
    matches_template(check, &selector, &template);
    always(check, &template);
    pod::template(check, &template);
}

fn matches_template(check: &mut Check<'_>, selector: &At<'_>, template: &At<'_>) {
    let labels = template.child("metadata").child("labels");
    let parsed = LabelSelector::from_object(selector.value);
    if parsed
        .is_ok_and(|selector| !selector.is_everything() && !selector.is_nothing() && !selector.matches(labels.value))
    {
        let value = if labels.is_set() {
            labels.value.clone()
        } else {
            Value::Object(Default::default())
        };
        check.add(FieldError::invalid(
            &labels.path,
            value,
            "`selector` does not match template `labels`",
        ));
    }
}

fn always(check: &mut Check<'_>, template: &At<'_>) {
    let policy = template.child("spec").child("restartPolicy");
    if policy.str() != "Always" {
        check.add(FieldError::not_supported(&policy.path, policy.str(), &["Always"]));
    }
}

fn no_deadline(check: &mut Check<'_>, spec: &At<'_>, kind: &str) {
    let at = spec.child("template").child("spec").child("activeDeadlineSeconds");
    if at.is_set() {
        check.forbidden(&at, &format!("activeDeadlineSeconds in {kind} is not Supported"));
    }
}

pub(super) fn deployment(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    for field in [
        "replicas",
        "minReadySeconds",
        "revisionHistoryLimit",
        "progressDeadlineSeconds",
    ] {
        check.not_negative(&spec.child(field));
    }
    selector_and_template(check, &spec, "deployment");
    let strategy = spec.child("strategy");
    let rolling = strategy.child("rollingUpdate");
    match strategy.child("type").str() {
        "Recreate" if rolling.is_set() => {
            check.forbidden(&rolling, "may not be specified when strategy `type` is 'Recreate'");
        }
        "Recreate" => {}
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.child("maxUnavailable"), rolling.child("maxSurge"));
            check.int_or_percent(&unavailable);
            if surge.value.is_string() {
                check.all_invalid(&surge, crate::names::percent(surge.str()));
            }
            check.not_negative(&surge);
            if is_nothing(&unavailable) && is_nothing(&surge) {
                check.invalid(&unavailable, "may not be 0 when `maxSurge` is 0");
            }
        }
        _ => check.one_of(&strategy.child("type"), &["Recreate", "RollingUpdate"], true),
    }
    let deadline = spec.child("progressDeadlineSeconds");
    let ready = spec.child("minReadySeconds").int().unwrap_or_default();
    if deadline.int().is_some_and(|seconds| seconds <= ready) {
        check.invalid(&deadline, "must be greater than minReadySeconds");
    }
}

fn is_nothing(at: &At<'_>) -> bool {
    at.int() == Some(0) || at.str().trim_end_matches('%').parse::<i64>() == Ok(0)
}

pub(super) fn replica_set(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    check.not_negative(&spec.child("replicas"));
    check.not_negative(&spec.child("minReadySeconds"));
    // Upstream calls it a deployment here, too.
    selector_and_template(check, &spec, "deployment");
    no_deadline(check, &spec, "ReplicaSet");
}

pub(super) fn replication_controller(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    check.not_negative(&spec.child("replicas"));
    check.not_negative(&spec.child("minReadySeconds"));
    let (selector, template) = (spec.child("selector"), spec.child("template"));
    if !selector.has_any() {
        check.required(&selector, "");
    }
    if !template.is_set() {
        check.required(&template, "");
        return;
    }
    let labels = template.child("metadata").child("labels");
    let fits = selector
        .value
        .as_object()
        .into_iter()
        .flatten()
        .all(|(key, value)| labels.value.get(key) == Some(value));
    if !fits {
        check.invalid(&labels, "`selector` does not match template `labels`");
    }
    always(check, &template);
    pod::template(check, &template);
}

pub(super) fn daemon_set(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    selector_and_template(check, &spec, "daemonset");
    no_deadline(check, &spec, "DaemonSet");
    check.not_negative(&spec.child("minReadySeconds"));
    check.not_negative(&spec.child("revisionHistoryLimit"));
    let strategy = spec.child("updateStrategy");
    check.one_of(&strategy.child("type"), &["OnDelete", "RollingUpdate"], true);
    if strategy.child("type").str() == "RollingUpdate" {
        let rolling = strategy.child("rollingUpdate");
        if !rolling.is_set() {
            check.required(&rolling, "");
            return;
        }
        let (unavailable, surge) = (rolling.child("maxUnavailable"), rolling.child("maxSurge"));
        check.int_or_percent(&unavailable);
        check.int_or_percent(&surge);
        match (is_nothing(&unavailable), is_nothing(&surge) || !surge.is_set()) {
            (false, false) => check.invalid(&surge, "may not be set when maxUnavailable is non-zero"),
            (true, true) => check.required(&unavailable, "cannot be 0 when maxSurge is 0"),
            _ => {}
        }
    }
}

pub(super) fn stateful_set(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    let policy = spec.child("podManagementPolicy");
    match policy.str() {
        "" => check.required(&policy, ""),
        "OrderedReady" | "Parallel" => {}
        _ => check.invalid(&policy, "must be 'OrderedReady' or 'Parallel'"),
    }
    let strategy = spec.child("updateStrategy");
    match strategy.child("type").str() {
        "" => check.required(&strategy, ""),
        "OnDelete" if strategy.child("rollingUpdate").is_set() => {
            let at = At {
                value: strategy.child("rollingUpdate").value,
                path: strategy.child("rollingUpdate").path,
            };
            check.invalid(&at, "only allowed for updateStrategy 'RollingUpdate'");
        }
        "OnDelete" => {}
        "RollingUpdate" => check.not_negative(&strategy.child("rollingUpdate").child("partition")),
        _ => check.invalid(&strategy, "must be 'RollingUpdate' or 'OnDelete'"),
    }
    check.not_negative(&spec.child("replicas"));
    check.not_negative(&spec.child("minReadySeconds"));
    check.not_negative(&spec.child("ordinals").child("start"));
    let value = with_claims(spec.value);
    let filled = At {
        value: &value,
        path: spec.path.clone(),
    };
    selector_and_template(check, &filled, "statefulset");
    no_deadline(check, &spec, "StatefulSet");
}

/// The specification with a volume per claim template, which its pods will have and its containers mount. Host name and
/// subdomain are the controller's to set.
fn with_claims(spec: &Value) -> Value {
    let mut spec = spec.clone();
    let name = |volume: &Value| volume.pointer("/name").cloned().unwrap_or_default();
    let claims: Vec<Value> = spec["volumeClaimTemplates"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|claim| claim.pointer("/metadata/name").cloned().unwrap_or_default())
        .collect();
    let Some(pod) = spec.pointer_mut("/template/spec").and_then(Value::as_object_mut) else {
        return spec;
    };
    pod.remove("subdomain");
    pod.remove("hostname");
    if !claims.is_empty() {
        let own = pod.remove("volumes").unwrap_or_default();
        let own = own
            .as_array()
            .into_iter()
            .flatten()
            .filter(|volume| !claims.contains(&name(volume)));
        let own: Vec<Value> = own.cloned().collect();
        let source = |name: &Value| json!({"name": name, "persistentVolumeClaim": {"claimName": name}});
        let volumes = claims.iter().map(source).chain(own).collect();
        pod.insert("volumes".to_owned(), volumes);
    }
    spec
}

/// All but a few fields of a StatefulSet stay as they were.
pub(super) fn update_stateful_set(check: &mut Check<'_>, old: &Value) {
    const MUTABLE: &[&str] = &[
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let without = |spec: &Value| {
        let mut spec = spec.clone();
        if let Some(spec) = spec.as_object_mut() {
            spec.retain(|field, _| !MUTABLE.contains(&field.as_str()));
        }
        spec
    };
    if without(check.root().child("spec").value) != without(&old["spec"]) {
        let names: Vec<String> = MUTABLE.iter().map(|name| format!("'{name}'")).collect();
        let (last, rest) = names
            .split_last()
            .map_or((String::new(), &[][..]), |(last, rest)| (last.clone(), rest));
        let detail = format!(
            "updates to statefulset spec for fields other than {} and {last} are forbidden",
            rest.join(", ")
        );
        check.add(FieldError::forbidden(&Path::new("spec"), detail));
    }
}

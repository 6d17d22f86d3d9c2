//! Jobs and CronJobs.

use serde_json::Value;

use super::cursor::{At, Check};
use super::{cron, meta, pod};
use crate::field::FieldError;
use crate::selector::LabelSelector;

pub(super) fn job(check: &mut Check<'_>) {
    let spec = check.root().child("spec");
    let selector = spec.child("selector");
    if selector.is_set() {
        meta::selector(check, &selector);
        let labels = spec.child("template").child("metadata").child("labels");
        let parsed = LabelSelector::from_object(selector.value);
        if parsed.is_ok_and(|selector| !selector.matches(labels.value)) {
            check.invalid(&labels, "`selector` does not match template `labels`");
        }
    }
    job_spec(check, &spec);
}

fn job_spec(check: &mut Check<'_>, spec: &At<'_>) {
    for field in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ] {
        check.not_negative(&spec.child(field));
    }
    let mode = spec.child("completionMode");
    check.one_of(&mode, &["Indexed", "NonIndexed"], false);
    if mode.str() == "Indexed" {
        let completions = spec.child("completions");
        if !completions.is_set() {
            check.required(&completions, "when completion mode is Indexed");
        }
        let parallelism = spec.child("parallelism");
        if parallelism.int().is_some_and(|count| count > 100_000) {
            check.invalid(
                &parallelism,
                "must be less than or equal to 100000 when completion mode is Indexed",
            );
        }
    } else {
        for field in ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] {
            if spec.child(field).is_set() {
                check.invalid(&spec.child(field), "requires indexed completion mode");
            }
        }
    }
    let template = spec.child("template");
    pod::template(check, &template);
    let policy = template.child("spec").child("restartPolicy");
    match policy.str() {
        "" | "Always" => {
            let allowed = ["OnFailure", "Never"];
            let detail = "valid values: \"OnFailure\", \"Never\"";
            if policy.has_any() {
                check.add(FieldError::not_supported(&policy.path, policy.str(), &allowed));
            } else {
                check.required(&policy, detail);
            }
        }
        "OnFailure" if spec.child("podFailurePolicy").is_set() => {
            check.invalid(
                &policy,
                "only \"Never\" is supported when podFailurePolicy is specified",
            );
        }
        _ => {}
    }
}

/// Selector and template of a job stay, save that a suspended one that has not started may be placed elsewhere.
pub(super) fn update_job(check: &mut Check<'_>, old: &Value) {
    check.immutable("/spec/selector", old, "spec.selector");
    check.immutable("/spec/completionMode", old, "spec.completionMode");
    check.immutable("/spec/podFailurePolicy", old, "spec.podFailurePolicy");
    check.immutable("/spec/backoffLimitPerIndex", old, "spec.backoffLimitPerIndex");
    let indexed = check.root().child("spec").child("completionMode").str() == "Indexed";
    let spec = check.root().child("spec");
    let elastic = indexed && spec.child("completions").value == spec.child("parallelism").value;
    if !elastic {
        check.immutable("/spec/completions", old, "spec.completions");
    }
    let waiting = old["spec"]["suspend"] == true && old.pointer("/status/startTime").is_none_or(Value::is_null);
    if !waiting {
        check.immutable("/spec/template", old, "spec.template");
    }
}

pub(super) fn cron_job(check: &mut Check<'_>) {
    let name = check.root().child("metadata").child("name");
    if name.str().len() > 52 {
        check.invalid(&name, "must be no more than 52 characters");
    }
    let spec = check.root().child("spec");
    let schedule = spec.child("schedule");
    if schedule.has_any() {
        if schedule.str().contains("TZ") {
            check.invalid(
                &schedule,
                "cannot use TZ or CRON_TZ in schedule, use timeZone field instead",
            );
        } else if let Err(why) = cron::check(schedule.str()) {
            check.invalid(&schedule, why);
        }
    } else {
        check.required(&schedule, "");
    }
    check.one_of(&spec.child("concurrencyPolicy"), &["Allow", "Forbid", "Replace"], true);
    for field in [
        "startingDeadlineSeconds",
        "successfulJobsHistoryLimit",
        "failedJobsHistoryLimit",
    ] {
        check.not_negative(&spec.child(field));
    }
    let zone = spec.child("timeZone");
    if zone.is_set() && zone.str().is_empty() {
        check.invalid(&zone, "timeZone must be nil or non-empty string");
    } else if zone.is_set() {
        time_zone(check, &zone);
    }
    let template = spec.child("jobTemplate");
    let metadata = template.child("metadata");
    meta::labels(check, &metadata.child("labels"));
    meta::annotations(check, &metadata.child("annotations"));
    let job = template.child("spec");
    if job.child("manualSelector").is_true() {
        let at = job.child("manualSelector");
        check.add(FieldError::not_supported(&at.path, "true", &["nil", "false"]));
    }
    if job.child("selector").is_set() {
        check.invalid(&job.child("selector"), "`selector` will be auto-generated");
    }
    job_spec(check, &job);
}

/// Names of the form that the time zone database gives: which of them it has is for whoever starts jobs to know.
fn time_zone(check: &mut Check<'_>, zone: &At<'_>) {
    let part = |part: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
        (1..=14).contains(&part.len())
            && !matches!(part, "." | "..")
            && !part.starts_with('-')
            && part.chars().all(known)
    };
    if zone.str().eq_ignore_ascii_case("local") {
        let detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
        check.invalid(zone, detail);
    } else if !zone.str().split('/').all(part) {
        check.invalid(zone, format!("unknown time zone {}", zone.str()));
    }
}

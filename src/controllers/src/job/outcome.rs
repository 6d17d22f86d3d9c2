//! Whether a job goes on, and how it ended. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{Job, JobCondition, JobSpec, JobStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::count::Counts;
use super::policy;

/// What to do with the job's pods now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Keep as many running as it asks for.
    Run,
    /// Stop all; it has succeeded or failed.
    Ended,
    /// Stop all for now.
    Suspended,
}

fn find<'a>(status: &'a JobStatus, ty: &str) -> Option<&'a JobCondition> {
    status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == ty)
}

fn is_true(status: &JobStatus, ty: &str) -> bool {
    find(status, ty).is_some_and(|condition| condition.status == "True")
}

/// When the job ended, if it has.
pub(super) fn finished(job: &Job) -> Option<Timestamp> {
    let last = last(job.status.as_ref()?)?;
    last.last_transition_time.as_ref().map(|time| time.0)
}

/// The condition that says how it ended.
pub(super) fn last(status: &JobStatus) -> Option<&JobCondition> {
    status
        .conditions
        .iter()
        .flatten()
        .find(|c| matches!(c.type_.as_str(), "Complete" | "Failed") && c.status == "True")
}

fn set(status: &mut JobStatus, ty: &str, answer: &str, reason: &str, message: &str, now: Timestamp) {
    let conditions = status.conditions.get_or_insert_default();
    let old = conditions.iter().find(|condition| condition.type_ == ty);
    if old.is_some_and(|old| old.status == answer && old.reason.as_deref() == Some(reason)) {
        return;
    }
    conditions.retain(|condition| condition.type_ != ty);
    conditions.push(JobCondition {
        type_: ty.to_owned(),
        status: answer.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_probe_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
    });
}

/// Restarts of containers where pods are restarted in place.
fn restarts(counts: &Counts) -> i32 {
    let statuses = counts.active.iter().filter_map(|pod| pod.status.as_ref());
    let all = statuses.flat_map(|s| s.init_container_statuses.iter().chain(&s.container_statuses).flatten());
    all.map(|status| status.restart_count).sum()
}

/// Whether it has been decided how the job ends.
pub(super) fn is_ending(status: &JobStatus) -> bool {
    is_true(status, "FailureTarget") || is_true(status, "SuccessCriteriaMet")
}

/// Decides, and notes in `status` what was decided.
pub(super) fn decide(job: &Job, status: &mut JobStatus, counts: &Counts, now: Timestamp) -> Decision {
    let spec = job.spec.clone().unwrap_or_default();
    if is_ending(status) {
        return Decision::Ended;
    }
    if let Some(why) = &counts.fatal {
        set(status, "FailureTarget", "True", "PodFailurePolicy", why, now);
        return Decision::Ended;
    }
    let limit = spec.backoff_limit.unwrap_or(6);
    let in_place = spec
        .template
        .spec
        .as_ref()
        .and_then(|spec| spec.restart_policy.as_deref())
        == Some("OnFailure");
    let restarted = if in_place { restarts(counts) } else { 0 };
    let exhausted = in_place && if limit == 0 { restarted > 0 } else { restarted >= limit };
    if counts.failed > limit || exhausted {
        let message = "Job has reached the specified backoff limit";
        set(status, "FailureTarget", "True", "BackoffLimitExceeded", message, now);
        return Decision::Ended;
    }
    let suspended = spec.suspend == Some(true);
    if let (Some(deadline), Some(start), false) = (spec.active_deadline_seconds, &status.start_time, suspended)
        && now.duration_since(start.0).as_secs() >= deadline
    {
        let message = "Job was active longer than specified deadline";
        set(status, "FailureTarget", "True", "DeadlineExceeded", message, now);
        return Decision::Ended;
    }
    if let Some((reason, message)) = failed_indexes(&spec, counts) {
        set(status, "FailureTarget", "True", reason, message, now);
        return Decision::Ended;
    }
    let early = spec.success_policy.as_ref();
    if let Some(message) = early.and_then(|policy| policy::success(policy, &counts.completed)) {
        set(status, "SuccessCriteriaMet", "True", "SuccessPolicy", &message, now);
        return Decision::Ended;
    }
    let complete = match spec.completions {
        None => counts.succeeded > 0 && counts.active.is_empty(),
        Some(completions) => counts.succeeded >= completions,
    };
    if complete {
        let message = "Reached expected number of succeeded pods";
        set(status, "SuccessCriteriaMet", "True", "CompletionsReached", message, now);
        return Decision::Ended;
    }
    if suspended {
        set(status, "Suspended", "True", "JobSuspended", "Job suspended", now);
        status.start_time = None;
        return Decision::Suspended;
    }
    if is_true(status, "Suspended") {
        set(status, "Suspended", "False", "JobResumed", "Job resumed", now);
        status.start_time = Some(Time(now));
    }
    Decision::Run
}

/// Too many indexes are given up, or there is nothing left to try.
fn failed_indexes(spec: &JobSpec, counts: &Counts) -> Option<(&'static str, &'static str)> {
    let total = |set: &BTreeSet<i32>| i32::try_from(set.len()).unwrap_or(i32::MAX);
    let failed = total(&counts.failed_indexes);
    if spec.max_failed_indexes.is_some_and(|most| failed > most) {
        let message = "Job has exceeded the specified maximal number of failed indexes";
        return Some(("MaxFailedIndexesExceeded", message));
    }
    let all = spec.completions.unwrap_or_default();
    (failed > 0 && failed + total(&counts.completed) >= all).then_some(("FailedIndexes", "Job has failed indexes"))
}

/// Ends the job once nothing of it runs and all is counted.
pub(super) fn conclude(job: &Job, status: &mut JobStatus, counts: &Counts, settled: bool, now: Timestamp) {
    if !settled || !counts.active.is_empty() || !counts.terminating.is_empty() {
        return;
    }
    let end = [("FailureTarget", "Failed"), ("SuccessCriteriaMet", "Complete")];
    for (target, ty) in end {
        let Some(condition) = find(status, target)
            .filter(|condition| condition.status == "True")
            .cloned()
        else {
            continue;
        };
        let (reason, message) = (
            condition.reason.unwrap_or_default(),
            condition.message.unwrap_or_default(),
        );
        set(status, ty, "True", &reason, &message, now);
        status.active = None;
        status.ready = Some(0);
        if ty == "Complete" {
            status.completion_time = Some(Time(now));
        }
        // A job that never started has ended all the same.
        if status.start_time.is_none() {
            status.start_time.clone_from(&job.metadata.creation_timestamp);
        }
        return;
    }
}

/// When the job's time is up.
pub(super) fn next_deadline(job: &Job, now: Timestamp) -> Option<Duration> {
    let spec = job.spec.as_ref()?;
    let deadline = spec.active_deadline_seconds?;
    let start = job.status.as_ref()?.start_time.as_ref()?;
    let left = deadline - now.duration_since(start.0).as_secs();
    u64::try_from(left)
        .ok()
        .filter(|left| *left > 0)
        .map(Duration::from_secs)
}

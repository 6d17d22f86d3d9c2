//! What failures mean to a job with policies, and when it has succeeded early. Pure.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/job`, pod failure and success policies.

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::{JobSpec, PodFailurePolicyOnExitCodesRequirement, SuccessPolicy};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;

use super::indexes;

/// How often a pod's index had failed before, counted and ignored.
pub(super) const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
pub(super) const IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// What a failed pod means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Ignored,
    /// One failure more.
    Counted,
    /// Its index fails at once.
    IndexFails,
    /// The whole job fails at once, for this reason.
    JobFails(String),
}

/// The first rule that fits the pod decides.
pub(super) fn judge(spec: &JobSpec, pod: &Pod) -> Verdict {
    let rules = spec.pod_failure_policy.iter().flat_map(|policy| &policy.rules);
    for (at, rule) in rules.enumerate() {
        let matched = match (&rule.on_exit_codes, &rule.on_pod_conditions) {
            (Some(wanted), _) => exit_code(pod, wanted),
            (None, Some(patterns)) => condition(pod, patterns),
            (None, None) => None,
        };
        let Some(what) = matched else { continue };
        return match rule.action.as_str() {
            "Ignore" => Verdict::Ignored,
            "FailIndex" => Verdict::IndexFails,
            "FailJob" => Verdict::JobFails(format!("{what} matching FailJob rule at index {at}")),
            _ => Verdict::Counted,
        };
    }
    Verdict::Counted
}

fn exit_code(pod: &Pod, wanted: &PodFailurePolicyOnExitCodesRequirement) -> Option<String> {
    let status = pod.status.as_ref()?;
    let all = status
        .container_statuses
        .iter()
        .chain(&status.init_container_statuses)
        .flatten();
    let code = |status: &ContainerStatus| Some(status.state.as_ref()?.terminated.as_ref()?.exit_code);
    let fits = |status: &&ContainerStatus| {
        let named = wanted.container_name.as_ref().is_none_or(|name| *name == status.name);
        let listed = |code: i32| wanted.values.contains(&code) == (wanted.operator == "In");
        named && code(status).is_some_and(|code| code != 0 && listed(code))
    };
    let found = all.into_iter().find(fits)?;
    let (name, code) = (&found.name, code(found)?);
    let pod = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
    Some(format!("Container {name} for pod {pod} failed with exit code {code}"))
}

fn condition(
    pod: &Pod,
    patterns: &[k8s_openapi::api::batch::v1::PodFailurePolicyOnPodConditionsPattern],
) -> Option<String> {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let found = conditions.find(|own| {
        patterns
            .iter()
            .any(|pattern| pattern.type_ == own.type_ && pattern.status.as_deref().unwrap_or("True") == own.status)
    })?;
    let pod = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
    Some(format!("Pod {pod} has condition {}", found.type_))
}

fn number(pod: &Pod, annotation: &str) -> i32 {
    let text = pod.annotations().get(annotation);
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Whether the failed pod was its index's last try.
pub(super) fn exhausts_index(spec: &JobSpec, pod: &Pod, verdict: &Verdict) -> bool {
    match verdict {
        Verdict::IndexFails => true,
        Verdict::Ignored => false,
        _ => spec
            .backoff_limit_per_index
            .is_some_and(|limit| number(pod, FAILURES) >= limit),
    }
}

/// Failures of the index, counted and ignored ones, with this pod's own.
pub(super) fn failures_with(spec: &JobSpec, failed: &Pod) -> (i32, i32) {
    let (counted, ignored) = (number(failed, FAILURES), number(failed, IGNORED));
    if judge(spec, failed) == Verdict::Ignored {
        (counted, ignored + 1)
    } else {
        (counted + 1, ignored)
    }
}

/// The message of the first rule of the policy that the completed indexes meet.
pub(super) fn success(policy: &SuccessPolicy, completed: &BTreeSet<i32>) -> Option<String> {
    if completed.is_empty() {
        return None;
    }
    let met = policy.rules.iter().position(|rule| {
        let enough = |count: usize| {
            rule.succeeded_count
                .is_some_and(|wanted| i32::try_from(count).unwrap_or(i32::MAX) >= wanted)
        };
        match &rule.succeeded_indexes {
            Some(text) => {
                let wanted = indexes::parse(text);
                let done = wanted.intersection(completed).count();
                !wanted.is_empty() && (done == wanted.len() || enough(done))
            }
            None => enough(completed.len()),
        }
    })?;
    Some(format!("Matched rules at index {met}"))
}

//! Counting and ending.

use serde_json::{Value, json};

use super::outcome::Decision;
use super::*;

fn job(spec: Value) -> Job {
    serde_json::from_value(json!({"metadata": {"name": "j", "namespace": "n"}, "spec": spec})).expect("job")
}

fn pod(uid: &str, phase: &str, held: bool, index: Option<i32>) -> Arc<Pod> {
    let finalizers = if held { json!([FINALIZER]) } else { json!([]) };
    let annotations = index.map(|index| json!({count::INDEX: index.to_string()}));
    let meta = json!({"name": uid, "uid": uid, "finalizers": finalizers, "annotations": annotations});
    Arc::new(serde_json::from_value(json!({"metadata": meta, "status": {"phase": phase}})).expect("pod"))
}

#[test]
fn every_pod_is_counted_once() {
    let job = job(json!({"completions": 2, "template": {}}));
    let mut status = JobStatus::default();
    let counts = count::count(
        &job,
        &mut status,
        &[pod("a", "Succeeded", true, None), pod("b", "Running", true, None)],
        false,
    );
    assert_eq!((counts.succeeded, counts.active.len(), status.succeeded), (1, 1, None));
    assert!(!is_settled(&status, &counts));
    let released = [pod("a", "Succeeded", false, None), pod("b", "Failed", true, None)];
    let counts = count::count(&job, &mut status, &released, false);
    assert_eq!(
        (status.succeeded, counts.failed, counts.finished.len()),
        (Some(1), 1, 1)
    );
    let counts = count::count(&job, &mut status, &[], false);
    assert_eq!((status.succeeded, status.failed), (Some(1), Some(1)));
    assert!(is_settled(&status, &counts));
}

#[test]
fn indexes_complete_once_each() {
    let job = job(
        json!({"completionMode": "Indexed", "completions": 5, "template": {"spec": {"containers": [{"name": "c"}]}}}),
    );
    let mut status = JobStatus {
        completed_indexes: Some("0".to_owned()),
        ..JobStatus::default()
    };
    let all = [
        pod("a", "Succeeded", true, Some(1)),
        pod("b", "Succeeded", true, Some(1)),
        pod("c", "Running", true, Some(3)),
    ];
    let counts = count::count(&job, &mut status, &all, false);
    assert_eq!(
        (status.completed_indexes.as_deref(), counts.succeeded),
        (Some("0,1"), 2)
    );
    let new = make::pods(&job, &counts, 2, |_| true);
    let indexes: Vec<_> = new.iter().filter_map(count::index).collect();
    assert_eq!(indexes, [2, 4]);
    assert_eq!(
        new[0].spec.as_ref().and_then(|spec| spec.hostname.as_deref()),
        Some("j-2")
    );
}

#[test]
fn ranges_are_written_as_upstream_does() {
    for text in ["", "1", "1,2", "1-3", "0,2-4,7"] {
        assert_eq!(indexes::format(&indexes::parse(text)), text);
    }
    assert_eq!(indexes::format(&indexes::parse("1-2")), "1,2");
}

#[test]
fn jobs_end_when_nothing_runs_any_more() {
    let now = Timestamp::now();
    let limited = job(json!({"backoffLimit": 0, "completions": 1, "template": {}}));
    let mut status = JobStatus::default();
    let counts = count::count(
        &limited,
        &mut status,
        &[pod("a", "Failed", true, None), pod("b", "Running", true, None)],
        false,
    );
    assert_eq!(outcome::decide(&limited, &mut status, &counts, now), Decision::Ended);
    let settled = is_settled(&status, &counts);
    outcome::conclude(&limited, &mut status, &counts, settled, now);
    assert!(outcome::last(&status).is_none());
    let counts = count::count(&limited, &mut status, &[], false);
    let settled = is_settled(&status, &counts);
    outcome::conclude(&limited, &mut status, &counts, settled, now);
    let last = outcome::last(&status).expect("failed");
    assert_eq!(
        (last.type_.as_str(), last.reason.as_deref()),
        ("Failed", Some("BackoffLimitExceeded"))
    );
    let suspended = job(json!({"suspend": true, "completions": 1, "template": {}}));
    assert_eq!(
        outcome::decide(&suspended, &mut JobStatus::default(), &Counts::default(), now),
        Decision::Suspended
    );
    let mut status = JobStatus {
        succeeded: Some(1),
        ..JobStatus::default()
    };
    let counts = count::count(&limited, &mut status, &[], false);
    assert_eq!(outcome::decide(&limited, &mut status, &counts, now), Decision::Ended);
    outcome::conclude(&limited, &mut status, &counts, true, now);
    assert_eq!(outcome::last(&status).map(|last| last.type_.as_str()), Some("Complete"));
    assert!(status.completion_time.is_some());
}

fn ended(uid: &str, index: i32, code: i32, failures: i32) -> Arc<Pod> {
    let annotations = json!({count::INDEX: index.to_string(), policy::FAILURES: failures.to_string()});
    let meta =
        json!({"name": uid, "namespace": "n", "uid": uid, "finalizers": [FINALIZER], "annotations": annotations});
    let state = json!({"terminated": {"exitCode": code, "finishedAt": "2026-01-01T00:00:00Z"}});
    let status = json!({"phase": "Failed", "containerStatuses": [{"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state}]});
    Arc::new(serde_json::from_value(json!({"metadata": meta, "status": status})).expect("pod"))
}

fn indexed(more: &Value) -> Job {
    let mut spec = json!({"completionMode": "Indexed", "completions": 3, "parallelism": 3, "backoffLimit": 100,
        "template": {"spec": {"containers": [{"name": "c"}]}}});
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    job(spec)
}

#[test]
fn a_failed_index_is_tried_again_up_to_its_limit() {
    let job = indexed(&json!({"backoffLimitPerIndex": 1}));
    let mut status = JobStatus::default();
    let first = count::count(&job, &mut status, &[ended("a", 1, 1, 0)], false);
    assert!(first.release.is_empty() && first.failed_indexes.is_empty());
    assert!(!is_settled(&status, &first), "the failed pod waits for its replacement");
    let new = make::pods(&job, &first, 3, |_| true);
    let tries: Vec<_> = new
        .iter()
        .map(|pod| pod.annotations()[policy::FAILURES].clone())
        .collect();
    assert_eq!(tries, ["0", "1", "0"]);
    let last = count::count(&job, &mut status, &[ended("b", 1, 1, 1)], false);
    assert_eq!((last.release.len(), status.failed_indexes.as_deref()), (1, Some("1")));
    assert_eq!(make::pods(&job, &last, 3, |_| true).len(), 2);
    let ending = count::count(&job, &mut JobStatus::default(), &[ended("a", 1, 1, 0)], true);
    assert!(ending.replaced.is_empty() && ending.release.len() == 1);
}

#[test]
fn failed_indexes_end_the_job_when_nothing_is_left_or_there_are_too_many() {
    let now = Timestamp::now();
    let reason = |job: &Job, counts: &Counts| {
        let mut status = JobStatus::default();
        outcome::decide(job, &mut status, counts, now);
        status
            .conditions
            .unwrap_or_default()
            .first()
            .and_then(|c| c.reason.clone())
    };
    let counts = |completed: &str, failed: &str| Counts {
        completed: indexes::parse(completed),
        failed_indexes: indexes::parse(failed),
        ..Counts::default()
    };
    let job = indexed(&json!({"backoffLimitPerIndex": 0, "maxFailedIndexes": 1}));
    assert_eq!(reason(&job, &counts("0", "1")), None);
    assert_eq!(reason(&job, &counts("0,2", "1")).as_deref(), Some("FailedIndexes"));
    assert_eq!(
        reason(&job, &counts("", "0,1")).as_deref(),
        Some("MaxFailedIndexesExceeded")
    );
}

#[test]
fn the_first_fitting_rule_says_what_a_failure_means() {
    let rules = json!([
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
        {"action": "FailIndex", "onExitCodes": {"operator": "NotIn", "containerName": "c", "values": [1]}},
    ]);
    let job = indexed(&json!({"backoffLimitPerIndex": 1, "podFailurePolicy": {"rules": rules}}));
    let spec = job.spec.clone().expect("spec");
    assert_eq!(policy::judge(&spec, &ended("a", 0, 1, 0)), policy::Verdict::Counted);
    assert_eq!(policy::judge(&spec, &ended("a", 0, 7, 0)), policy::Verdict::IndexFails);
    let fatal = "Container c for pod n/a failed with exit code 42 matching FailJob rule at index 1".to_owned();
    assert_eq!(
        policy::judge(&spec, &ended("a", 0, 42, 0)),
        policy::Verdict::JobFails(fatal)
    );
    let mut evicted = ended("a", 0, 42, 0).as_ref().clone();
    evicted.status.get_or_insert_default().conditions =
        serde_json::from_value(json!([{"type": "DisruptionTarget", "status": "True"}])).expect("conditions");
    assert_eq!(policy::judge(&spec, &evicted), policy::Verdict::Ignored);
    let mut status = JobStatus::default();
    let counts = count::count(&job, &mut status, &[ended("a", 0, 42, 0)], false);
    assert_eq!(
        outcome::decide(&job, &mut status, &counts, Timestamp::now()),
        Decision::Ended
    );
    let reasons: Vec<_> = status
        .conditions
        .iter()
        .flatten()
        .filter_map(|c| c.reason.clone())
        .collect();
    assert_eq!(reasons, ["PodFailurePolicy"]);
}

#[test]
fn a_job_may_succeed_before_all_indexes_have() {
    let success = |rules: Value, completed: &str| {
        let policy = serde_json::from_value(json!({"rules": rules})).expect("policy");
        policy::success(&policy, &indexes::parse(completed))
    };
    let some = |text: &str| Some(text.to_owned());
    let both = json!([{"succeededIndexes": "0,2-3"}, {"succeededCount": 2}]);
    assert_eq!(success(both.clone(), "0,2-3"), some("Matched rules at index 0"));
    assert_eq!(success(both.clone(), "0,5"), some("Matched rules at index 1"));
    assert_eq!(success(both, "1"), None);
    assert_eq!(
        success(json!([{"succeededIndexes": "0-3", "succeededCount": 1}]), "3,7"),
        some("Matched rules at index 0")
    );
}

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
    );
    assert_eq!((counts.succeeded, counts.active.len(), status.succeeded), (1, 1, None));
    assert!(!is_settled(&status, &counts));
    let released = [pod("a", "Succeeded", false, None), pod("b", "Failed", true, None)];
    let counts = count::count(&job, &mut status, &released);
    assert_eq!(
        (status.succeeded, counts.failed, counts.newly_failed),
        (Some(1), 1, true)
    );
    let counts = count::count(&job, &mut status, &[]);
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
    let counts = count::count(&job, &mut status, &all);
    assert_eq!(
        (status.completed_indexes.as_deref(), counts.succeeded),
        (Some("0,1"), 2)
    );
    let new = make::pods(&job, &counts, 2);
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
    );
    assert_eq!(outcome::decide(&limited, &mut status, &counts, now), Decision::Ended);
    let settled = is_settled(&status, &counts);
    outcome::conclude(&limited, &mut status, &counts, settled, now);
    assert!(outcome::last(&status).is_none());
    let counts = count::count(&limited, &mut status, &[]);
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
    let counts = count::count(&limited, &mut status, &[]);
    assert_eq!(outcome::decide(&limited, &mut status, &counts, now), Decision::Ended);
    outcome::conclude(&limited, &mut status, &counts, true, now);
    assert_eq!(outcome::last(&status).map(|last| last.type_.as_str()), Some("Complete"));
    assert!(status.completion_time.is_some());
}

//! The calculator and the bounds, from tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerBehavior;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::behavior::{History, Range};
use super::calculate::{self, CalculationError, Metric, Metrics, Target, Tolerances};
use super::groups::{self, Groups};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).expect("time")
}

/// A pod that began and became ready long ago, with a request of a whole core.
fn pod(name: &str, change: &Value) -> Arc<Pod> {
    let mut pod = json!({
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]},
        "status": {"phase": "Running", "startTime": at(-10_000).to_string(),
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": at(-9_000).to_string()}]},
    });
    for (field, value) in change.as_object().into_iter().flatten() {
        pod["status"][field] = value.clone();
    }
    Arc::new(serde_json::from_value(pod).expect("pod"))
}

fn metric(value: i64) -> Metric {
    Metric {
        at: at(0),
        window: SignedDuration::from_secs(15),
        value,
    }
}

/// Proposal for running pods with these thousandths of a core, for some without metrics and some not ready.
fn propose(used: &[i64], missing: usize, unready: usize, percent: i32) -> (i32, Option<i32>) {
    let mut pods: Vec<Arc<Pod>> = Vec::new();
    let mut metrics = BTreeMap::new();
    for (index, value) in used.iter().enumerate() {
        pods.push(pod(&format!("u{index}"), &json!({})));
        metrics.insert(format!("u{index}"), metric(*value));
    }
    pods.extend((0..missing).map(|index| pod(&format!("m{index}"), &json!({}))));
    pods.extend((0..unready).map(|index| pod(&format!("p{index}"), &json!({"phase": "Pending"}))));
    let groups = Groups::of(&pods, &metrics, true, at(0));
    let requests = groups::requests(&pods, "", "cpu").expect("requests");
    let values: Metrics = metrics
        .iter()
        .map(|(pod, metric)| (pod.clone(), metric.value))
        .collect();
    let current = i32::try_from(pods.len()).expect("few");
    let target = Target::Utilization { percent, requests };
    let proposal = calculate::of_pods(&groups, values, current, Tolerances::default(), &target).expect("proposal");
    (proposal.replicas, proposal.utilization)
}

#[test]
fn utilization_is_held_against_requests() {
    for (used, missing, unready, percent, wanted, utilization) in [
        // twice the target: twice the pods
        (&[1000, 1000, 1000][..], 0, 0, 50, 6, 100),
        // half of it
        (&[250, 250, 250, 250], 0, 0, 50, 2, 25),
        // within a tenth: nothing
        (&[540, 520], 0, 0, 50, 2, 53),
        // rounded up
        (&[700], 0, 0, 50, 2, 70),
        // upwards, pods that are not ready count as idle: 1800 of 3 cores is 60 %, 1.2 times the target
        (&[900, 900], 0, 1, 50, 4, 90),
        // and may use up the whole wish
        (&[600, 600], 0, 2, 50, 4, 60),
        // downwards, pods without metrics count as fully used: 100 + 1000 of 2 cores is 55 %
        (&[100], 1, 0, 50, 2, 10),
        // but others may still go
        (&[50, 50, 50], 1, 0, 80, 2, 5),
        // upwards, pods without metrics count as idle
        (&[1000], 1, 0, 50, 2, 100),
    ] {
        let seen = propose(used, missing, unready, percent);
        let case = format!("{used:?} missing {missing} unready {unready} of {percent}");
        assert_eq!(seen, (wanted, Some(utilization)), "{case}");
    }
}

#[test]
fn pods_are_grouped_by_what_their_metrics_are_worth() {
    let ready = |status: &str, since: i64| json!([{"type": "Ready", "status": status, "lastTransitionTime": at(since).to_string()}]);
    let began = |since: i64| at(since).to_string();
    for (name, status, wanted) in [
        ("steady", json!({}), "ready"),
        ("failed", json!({"phase": "Failed"}), "ignored"),
        ("pending", json!({"phase": "Pending"}), "unready"),
        // warming up: the metric's window began before the pod was ready
        (
            "fresh",
            json!({"startTime": began(-60), "conditions": ready("True", -10)}),
            "unready",
        ),
        (
            "warm",
            json!({"startTime": began(-60), "conditions": ready("True", -20)}),
            "ready",
        ),
        (
            "starting",
            json!({"startTime": began(-60), "conditions": ready("False", -50)}),
            "unready",
        ),
        // never ready, but for one that was once
        (
            "never",
            json!({"startTime": began(-1000), "conditions": ready("False", -980)}),
            "unready",
        ),
        (
            "broken",
            json!({"startTime": began(-1000), "conditions": ready("False", -500)}),
            "ready",
        ),
        ("blank", json!({"conditions": []}), "unready"),
    ] {
        let pods = [pod(name, &status)];
        let metrics = BTreeMap::from([(name.to_owned(), metric(1))]);
        let groups = Groups::of(&pods, &metrics, true, at(0));
        let seen = match (groups.ready, groups.unready.len(), groups.ignored.len()) {
            (1, 0, 0) => "ready",
            (0, 1, 0) => "unready",
            (0, 0, 1) => "ignored",
            _ => "several",
        };
        assert_eq!(seen, wanted, "{name}");
        if wanted == "unready" && name != "pending" {
            // of memory, a warming pod's use is as good as any
            assert_eq!(Groups::of(&pods, &metrics, false, at(0)).ready, 1, "{name}");
        }
    }
}

#[test]
fn what_cannot_be_calculated_is_said() {
    let bare = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}});
    let bare: Arc<Pod> = Arc::new(serde_json::from_value(bare).expect("pod"));
    let error = groups::requests(std::slice::from_ref(&bare), "", "cpu").expect_err("no request");
    assert_eq!(error.to_string(), "missing request for cpu in container c of Pod p");
    let error = groups::requests(&[bare], "other", "cpu").expect_err("no container");
    assert_eq!(error.to_string(), "container other not found in Pod p");
    let none = calculate::of_pods(
        &Groups::default(),
        Metrics::new(),
        1,
        Tolerances::default(),
        &Target::Average(1),
    );
    assert_eq!(none, Err(CalculationError::Unmeasured));
}

#[test]
fn single_amounts_are_for_all_or_shared() {
    let tolerances = Tolerances::default();
    let of_value = |usage, target| {
        let proposal = calculate::of_value(usage, target, 3, tolerances, || Ok(3)).expect("proposal");
        (proposal.replicas, proposal.usage)
    };
    assert_eq!(of_value(20_000, 10_000), (6, 20_000));
    assert_eq!(of_value(10_500, 10_000), (3, 10_500));
    let of_shares = |usage| {
        let proposal = calculate::of_shares(usage, 10_000, 3, tolerances);
        (proposal.replicas, proposal.usage)
    };
    assert_eq!(of_shares(75_000), (8, 25_000));
    assert_eq!(of_shares(31_000), (3, 10_334));
    let narrow = Tolerances { down: 0.0, up: 0.0 };
    assert_eq!(calculate::of_shares(31_000, 10_000, 3, narrow).replicas, 4);
}

const fn range(min: i32, max: i32, current: i32) -> Range {
    Range { min, max, current }
}

#[test]
fn without_rules_it_at_most_doubles_and_goes_down_late() {
    let mut history = History::default();
    history.begin(3, at(0));
    let outcome = history.normalize(None, range(1, 100, 3), 50, at(10));
    assert_eq!((outcome.replicas, outcome.limited.1), (6, "ScaleUpLimit"));
    // fifty was wanted within the last five minutes
    let outcome = history.normalize(None, range(1, 10, 6), 2, at(200));
    assert_eq!(
        (outcome.replicas, outcome.able.1, outcome.limited.1),
        (10, "ScaleDownStabilized", "TooManyReplicas")
    );
    let outcome = history.normalize(None, range(3, 10, 6), 2, at(600));
    assert_eq!(
        (outcome.replicas, outcome.able.1, outcome.limited.1),
        (3, "ReadyForNewScale", "TooFewReplicas")
    );
}

fn behavior(text: &Value) -> HorizontalPodAutoscalerBehavior {
    serde_json::from_value(text.clone()).expect("behavior")
}

#[test]
fn windows_hold_back_what_would_be_taken_back() {
    let rules = behavior(&json!({
        "scaleUp": {"stabilizationWindowSeconds": 60, "selectPolicy": "Max", "policies": [{"type": "Percent", "value": 900, "periodSeconds": 15}]},
        "scaleDown": {"stabilizationWindowSeconds": 120, "selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
    }));
    let mut history = History::default();
    history.begin(5, at(0));
    let mut step = |current, proposed, second| {
        let outcome = history.normalize(Some(&rules), range(1, 20, current), proposed, at(second));
        (outcome.replicas, outcome.able.1)
    };
    // five was proposed within the last minute
    assert_eq!(step(5, 9, 30), (5, "ScaleUpStabilized"));
    assert_eq!(step(5, 9, 61), (9, "ReadyForNewScale"));
    // nine was proposed within the last two minutes
    assert_eq!(step(9, 2, 100), (9, "ScaleDownStabilized"));
    assert_eq!(step(9, 2, 182), (2, "ReadyForNewScale"));
}

#[test]
fn policies_bound_the_change_within_their_periods() {
    let rules = |direction: &str, select: &str| {
        let other = if direction == "scaleUp" { "scaleDown" } else { "scaleUp" };
        behavior(&json!({
            direction: {"stabilizationWindowSeconds": 0, "selectPolicy": select, "policies": [
                {"type": "Pods", "value": 4, "periodSeconds": 60}, {"type": "Percent", "value": 10, "periodSeconds": 60}]},
            other: {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
        }))
    };
    for (direction, select, current, proposed, wanted, reason) in [
        ("scaleUp", "Max", 10, 30, 14, "ScaleUpLimit"),
        ("scaleUp", "Min", 10, 30, 11, "ScaleUpLimit"),
        ("scaleUp", "Disabled", 10, 30, 10, "ScaleUpLimit"),
        ("scaleUp", "Max", 10, 12, 12, "DesiredWithinRange"),
        ("scaleUp", "Max", 38, 60, 40, "TooManyReplicas"),
        ("scaleDown", "Max", 10, 1, 6, "ScaleDownLimit"),
        ("scaleDown", "Min", 10, 1, 9, "ScaleDownLimit"),
        ("scaleDown", "Disabled", 10, 1, 10, "ScaleDownLimit"),
        ("scaleDown", "Max", 4, 0, 1, "TooFewReplicas"),
    ] {
        let mut history = History::default();
        let rules = rules(direction, select);
        let outcome = history.normalize(Some(&rules), range(1, 40, current), proposed, at(100));
        let case = format!("{direction} {select} {current} to {proposed}");
        assert_eq!((outcome.replicas, outcome.limited.1), (wanted, reason), "{case}");
    }
    // what was added within the period counts against the policy
    let rules = rules("scaleUp", "Max");
    let mut history = History::default();
    history.scaled(7, 10, &rules, at(80));
    let outcome = history.normalize(Some(&rules), range(1, 40, 10), 30, at(100));
    assert_eq!(outcome.replicas, 11);
    let outcome = history.normalize(Some(&rules), range(1, 40, 10), 30, at(141));
    assert_eq!(outcome.replicas, 14);
}

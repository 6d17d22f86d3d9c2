//! Given a spec and what the runtime holds, then this is what the API shows.

use serde_json::json;

use super::*;
use crate::runtime::{Container as Held, Sandbox, State};

fn pod(spec: serde_json::Value) -> Pod {
    serde_json::from_value(
        json!({ "metadata": { "name": "p", "namespace": "n", "uid": "u", "generation": 3 }, "spec": spec }),
    )
    .unwrap()
}

fn held(name: &str, state: State, exit_code: i32) -> Held {
    Held {
        id: format!("{name}-id"),
        name: name.into(),
        sandbox: "s".into(),
        state,
        exit_code,
        ..Held::default()
    }
}

fn view(containers: Vec<Held>) -> View {
    let sandbox = Sandbox {
        id: "s".into(),
        ready: true,
        ips: vec!["10.0.0.2".into()],
        ..Sandbox::default()
    };
    View {
        sandboxes: vec![sandbox],
        containers,
    }
}

fn status(spec: serde_json::Value, view: &View, facts: &Facts) -> PodStatus {
    generate(&pod(spec), &PodStatus::default(), view, facts, Timestamp::UNIX_EPOCH)
}

fn condition(status: &PodStatus, name: &str) -> (String, Option<String>) {
    let found = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == name)
        .unwrap();
    (found.status.clone(), found.reason.clone())
}

#[test]
fn a_running_ready_pod() {
    let facts = Facts {
        ready: ["a-id".into()].into(),
        started: ["a-id".into()].into(),
        ..Facts::default()
    };
    let status = status(
        json!({ "containers": [{ "name": "a" }] }),
        &view(vec![held("a", State::Running, 0)]),
        &facts,
    );
    assert_eq!(status.phase.as_deref(), Some("Running"));
    assert_eq!(status.pod_ip.as_deref(), Some("10.0.0.2"));
    assert_eq!(condition(&status, "Ready"), ("True".into(), None));
    assert_eq!(status.observed_generation, Some(3));
}

#[test]
fn a_pod_without_containers_yet_is_pending() {
    let status = status(
        json!({ "containers": [{ "name": "a" }] }),
        &View::default(),
        &Facts::default(),
    );
    assert_eq!(status.phase.as_deref(), Some("Pending"));
    let state = status.container_statuses.clone().unwrap()[0].state.clone().unwrap();
    assert_eq!(state.waiting.unwrap().reason.as_deref(), Some("ContainerCreating"));
    assert_eq!(condition(&status, "PodReadyToStartContainers").0, "False");
    assert_eq!(
        condition(&status, "Ready"),
        ("False".into(), Some("ContainersNotReady".into()))
    );
}

#[test]
fn a_completed_pod_has_succeeded_and_a_failed_one_failed() {
    let spec = |policy: &str| json!({ "restartPolicy": policy, "containers": [{ "name": "a" }] });
    let done = status(
        spec("Never"),
        &view(vec![held("a", State::Exited, 0)]),
        &Facts::default(),
    );
    assert_eq!(done.phase.as_deref(), Some("Succeeded"));
    assert_eq!(condition(&done, "Ready"), ("False".into(), Some("PodCompleted".into())));
    let failed = status(
        spec("Never"),
        &view(vec![held("a", State::Exited, 2)]),
        &Facts::default(),
    );
    assert_eq!(failed.phase.as_deref(), Some("Failed"));
    let again = status(
        spec("OnFailure"),
        &view(vec![held("a", State::Exited, 2)]),
        &Facts::default(),
    );
    assert_eq!(again.phase.as_deref(), Some("Running"));
}

#[test]
fn a_crash_loop_waits_and_keeps_its_last_end() {
    let waiting = [("a".to_owned(), ("CrashLoopBackOff".to_owned(), "back-off".to_owned()))];
    let facts = Facts {
        waiting: waiting.into(),
        ..Facts::default()
    };
    let mut container = held("a", State::Exited, 1);
    container.restarts = 4;
    let status = status(
        json!({ "containers": [{ "name": "a" }] }),
        &view(vec![container]),
        &facts,
    );
    let shown = &status.container_statuses.as_ref().unwrap()[0];
    assert_eq!(
        shown.state.clone().unwrap().waiting.unwrap().reason.as_deref(),
        Some("CrashLoopBackOff")
    );
    assert_eq!(shown.last_state.clone().unwrap().terminated.unwrap().exit_code, 1);
    assert_eq!((shown.restart_count, status.phase.as_deref()), (4, Some("Running")));
}

#[test]
fn a_running_init_container_keeps_the_pod_pending() {
    let spec = json!({ "initContainers": [{ "name": "i" }], "containers": [{ "name": "a" }] });
    let status = status(spec, &view(vec![held("i", State::Running, 0)]), &Facts::default());
    assert_eq!(status.phase.as_deref(), Some("Pending"));
    assert_eq!(
        condition(&status, "Initialized"),
        ("False".into(), Some("ContainersNotInitialized".into()))
    );
    let state = status.container_statuses.unwrap()[0].state.clone().unwrap();
    assert_eq!(state.waiting.unwrap().reason.as_deref(), Some("PodInitializing"));
}

#[test]
fn conditions_of_others_stay_and_times_move_with_the_status_only() {
    let old: PodStatus = serde_json::from_value(json!({ "conditions": [
        { "type": "example.com/gate", "status": "True" },
        { "type": "Initialized", "status": "True", "lastTransitionTime": "2001-01-01T00:00:00Z" } ] }))
    .unwrap();
    let pod = pod(json!({ "containers": [{ "name": "a" }] }));
    let status = generate(&pod, &old, &View::default(), &Facts::default(), Timestamp::UNIX_EPOCH);
    let conditions = status.conditions.unwrap();
    assert!(conditions.iter().any(|condition| condition.type_ == "example.com/gate"));
    let kept = conditions
        .iter()
        .find(|condition| condition.type_ == "Initialized")
        .unwrap();
    assert_eq!(
        kept.last_transition_time.as_ref().unwrap().0.to_string(),
        "2001-01-01T00:00:00Z"
    );
}

#[test]
fn a_terminal_phase_is_never_left() {
    let old = PodStatus {
        phase: Some("Failed".into()),
        ..PodStatus::default()
    };
    let pod = pod(json!({ "containers": [{ "name": "a" }] }));
    let status = generate(
        &pod,
        &old,
        &view(vec![held("a", State::Running, 0)]),
        &Facts::default(),
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(status.phase.as_deref(), Some("Failed"));
}

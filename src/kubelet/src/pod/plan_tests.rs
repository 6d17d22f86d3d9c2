//! Given a spec and what the runtime holds, then these are the next steps.

use serde_json::json;

use super::*;
use crate::runtime::{Container as Held, Sandbox};

fn spec(value: serde_json::Value) -> PodSpec {
    serde_json::from_value(value).unwrap()
}

fn sandbox(ready: bool) -> Sandbox {
    Sandbox {
        id: "s".into(),
        ready,
        ..Sandbox::default()
    }
}

fn held(name: &str, state: State, exit_code: i32) -> Held {
    let hash = labels::container_hash(name, None);
    Held {
        id: format!("{name}-id"),
        name: name.into(),
        sandbox: "s".into(),
        state,
        exit_code,
        hash,
        ..Held::default()
    }
}

fn view(sandboxes: Vec<Sandbox>, containers: Vec<Held>) -> View {
    View { sandboxes, containers }
}

#[test]
fn a_new_pod_gets_a_sandbox_and_its_first_containers() {
    let plan = plan(
        &spec(json!({ "containers": [{ "name": "a" }, { "name": "b" }] })),
        &View::default(),
        &Known::default(),
    );
    assert_eq!(
        plan,
        Plan {
            sandbox: Some(0),
            start: vec!["a".into(), "b".into()],
            ..Plan::default()
        }
    );
}

#[test]
fn a_dead_sandbox_is_replaced_once_its_containers_have_stopped() {
    let spec = spec(json!({ "containers": [{ "name": "a" }] }));
    let running = plan(
        &spec,
        &view(vec![sandbox(false)], vec![held("a", State::Running, 0)]),
        &Known::default(),
    );
    assert_eq!((running.sandbox, running.stop.len()), (None, 1));
    let ended = plan(
        &spec,
        &view(vec![sandbox(false)], vec![held("a", State::Exited, 0)]),
        &Known::default(),
    );
    assert_eq!((ended.sandbox, ended.start), (Some(1), vec!["a".to_owned()]));
}

#[test]
fn a_pod_that_never_restarts_gets_no_second_sandbox() {
    let spec = spec(json!({ "restartPolicy": "Never", "containers": [{ "name": "a" }, { "name": "b" }] }));
    let plan = plan(
        &spec,
        &view(vec![sandbox(false)], vec![held("a", State::Exited, 1)]),
        &Known::default(),
    );
    assert!(plan.finish);
}

#[test]
fn init_containers_run_one_after_the_other() {
    let spec = spec(json!({ "initContainers": [{ "name": "i" }, { "name": "j" }], "containers": [{ "name": "a" }] }));
    let start = |containers| plan(&spec, &view(vec![sandbox(true)], containers), &Known::default()).start;
    assert_eq!(start(vec![]), ["i"]);
    assert!(start(vec![held("i", State::Running, 0)]).is_empty());
    assert_eq!(start(vec![held("i", State::Exited, 0)]), ["j"]);
    assert_eq!(start(vec![held("i", State::Exited, 1)]), ["i"]);
    assert_eq!(
        start(vec![held("i", State::Exited, 0), held("j", State::Exited, 0)]),
        ["a"]
    );
}

#[test]
fn a_failed_init_container_ends_a_pod_that_never_restarts() {
    let spec =
        spec(json!({ "restartPolicy": "Never", "initContainers": [{ "name": "i" }], "containers": [{ "name": "a" }] }));
    assert!(
        plan(
            &spec,
            &view(vec![sandbox(true)], vec![held("i", State::Exited, 1)]),
            &Known::default()
        )
        .finish
    );
}

#[test]
fn a_sidecar_must_have_started_before_what_follows_and_is_restarted_for_ever() {
    let spec = spec(json!({
        "initContainers": [{ "name": "s", "restartPolicy": "Always" }, { "name": "i" }], "containers": [{ "name": "a" }]
    }));
    let running = || view(vec![sandbox(true)], vec![held("s", State::Running, 0)]);
    assert!(plan(&spec, &running(), &Known::default()).start.is_empty());
    let started = Known {
        started: ["s-id".to_owned()].into(),
        ..Known::default()
    };
    assert_eq!(plan(&spec, &running(), &started).start, ["i"]);
    let ended = view(
        vec![sandbox(true)],
        vec![held("s", State::Exited, 0), held("a", State::Running, 0)],
    );
    assert_eq!(plan(&spec, &ended, &started).start, ["s"]);
}

#[test]
fn when_all_work_is_done_only_sidecars_left_the_pod_finishes() {
    let spec = spec(json!({ "restartPolicy": "OnFailure",
        "initContainers": [{ "name": "s", "restartPolicy": "Always" }], "containers": [{ "name": "a" }] }));
    let known = Known {
        started: ["s-id".to_owned()].into(),
        ..Known::default()
    };
    let done = view(
        vec![sandbox(true)],
        vec![held("s", State::Running, 0), held("a", State::Exited, 0)],
    );
    assert!(plan(&spec, &done, &known).finish);
    let failed = view(
        vec![sandbox(true)],
        vec![held("s", State::Running, 0), held("a", State::Exited, 1)],
    );
    assert_eq!(plan(&spec, &failed, &known).start, ["a"]);
}

#[test]
fn an_unhealthy_container_stops_and_a_changed_image_replaces_it() {
    let spec = spec(json!({ "containers": [{ "name": "a" }, { "name": "b", "image": "new" }] }));
    let both = view(
        vec![sandbox(true)],
        vec![held("a", State::Running, 0), held("b", State::Running, 0)],
    );
    let known = Known {
        unhealthy: [("a-id".to_owned(), "sick".to_owned())].into(),
        ..Known::default()
    };
    let stop = plan(&spec, &both, &known).stop;
    assert_eq!(stop[0], ("a-id".to_owned(), "sick".to_owned()));
    assert_eq!(stop[1].0, "b-id");
}

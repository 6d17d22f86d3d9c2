//! Order.

use serde_json::{Value, json};

use super::*;

fn set(spec: Value) -> StatefulSet {
    let mut object = json!({"metadata": {"name": "s", "namespace": "n"}, "spec": {"selector": {}, "template": {"spec": {"containers": []}}, "serviceName": "svc"}});
    for (name, value) in spec.as_object().expect("object") {
        object["spec"][name] = value.clone();
    }
    serde_json::from_value(object).expect("set")
}

fn pod(place: i32, revision: &str, ready: bool) -> Arc<Pod> {
    let ready = if ready { "True" } else { "False" };
    let object = json!({"metadata": {"name": format!("s-{place}"), "labels": {REVISION: revision}}, "status": {"phase": "Running",
        "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2024-01-01T00:00:00Z"}]}});
    Arc::new(serde_json::from_value(object).expect("pod"))
}

fn steps(set: &StatefulSet, pods: &[Arc<Pod>]) -> Vec<String> {
    let text = |step: Step| match step {
        Step::Create { ordinal, newest } => format!("create {ordinal} {}", if newest { "new" } else { "old" }),
        Step::Claims(ordinal) => format!("claims {ordinal}"),
        Step::Delete(pod) => format!("delete {}", pod.name_any()),
    };
    order::plan(set, pods, "old", "new", Timestamp::now())
        .into_iter()
        .map(text)
        .collect()
}

#[test]
fn pods_start_one_after_another() {
    let three = set(json!({"replicas": 3}));
    assert_eq!(steps(&three, &[]), ["create 0 new"]);
    assert_eq!(steps(&three, &[pod(0, "new", false)]), [""; 0]);
    assert_eq!(steps(&three, &[pod(0, "new", true)]), ["create 1 new"]);
    let parallel = set(json!({"replicas": 2, "podManagementPolicy": "Parallel"}));
    assert_eq!(steps(&parallel, &[]), ["create 0 new", "create 1 new"]);
    let from = set(json!({"replicas": 1, "ordinals": {"start": 5}}));
    assert_eq!(steps(&from, &[]), ["create 5 new"]);
}

#[test]
fn pods_stop_from_the_top() {
    let one = set(json!({"replicas": 1}));
    let all = [pod(0, "new", true), pod(1, "new", true), pod(2, "new", true)];
    assert_eq!(steps(&one, &all), ["delete s-2"]);
}

#[test]
fn updates_go_from_the_top_and_stop_at_the_partition() {
    let all = [pod(0, "old", true), pod(1, "old", true), pod(2, "new", true)];
    assert_eq!(steps(&set(json!({"replicas": 3})), &all), ["delete s-1"]);
    let partition =
        set(json!({"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}));
    assert_eq!(steps(&partition, &all), [""; 0]);
    assert_eq!(steps(&partition, &all[1..]), ["create 0 old"]);
    assert_eq!(
        steps(
            &set(json!({"replicas": 3, "updateStrategy": {"type": "OnDelete"}})),
            &all
        ),
        [""; 0]
    );
    let starting = [pod(0, "old", true), pod(1, "new", false)];
    assert_eq!(steps(&set(json!({"replicas": 2})), &starting), [""; 0]);
}

#[test]
fn a_place_has_its_own_name_host_and_claims() {
    let set = set(json!({"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}]}));
    let pod = identity::pod(&set, &set.spec.clone().expect("spec").template, 4, "r");
    let spec = pod.spec.clone().expect("spec");
    assert_eq!(
        (pod.name_any(), spec.hostname, spec.subdomain),
        ("s-4".to_owned(), Some("s-4".to_owned()), Some("svc".to_owned()))
    );
    let volume = &spec.volumes.expect("volumes")[0];
    assert_eq!(
        volume
            .persistent_volume_claim
            .as_ref()
            .map(|claim| claim.claim_name.as_str()),
        Some("data-s-4")
    );
    assert_eq!(identity::claims(&set, 4)[0].name_any(), "data-s-4");
    assert_eq!(identity::parent(&pod).as_deref(), Some("s"));
}

//! Taints and tolerations.

use k8s_openapi::api::core::v1::{Taint, Toleration};
use serde_json::{Value, json};

use super::evict::Stay;
use super::zones::Brake;
use super::*;

fn node(conditions: Value, taints: Value, unschedulable: bool) -> Node {
    serde_json::from_value(json!({"metadata": {"name": "n"}, "spec": {"taints": taints, "unschedulable": unschedulable}, "status": {"conditions": conditions}}))
        .expect("node")
}

fn keys(node: &Node) -> Vec<(String, String)> {
    taints::wanted(node, Brake::Off, Timestamp::now())
        .into_iter()
        .map(|taint| (taint.key, taint.effect))
        .collect()
}

#[test]
fn taints_follow_conditions_and_leave_others_alone() {
    let own = json!([{"key": "mine", "effect": "NoSchedule"}, {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]);
    let ready = node(json!([{"type": "Ready", "status": "True"}]), own.clone(), false);
    assert_eq!(keys(&ready), [("mine".to_owned(), "NoSchedule".to_owned())]);
    let unknown = node(
        json!([{"type": "Ready", "status": "Unknown"}, {"type": "DiskPressure", "status": "True"}]),
        own,
        true,
    );
    let found: Vec<_> = keys(&unknown)
        .into_iter()
        .map(|(key, effect)| format!("{key}:{effect}"))
        .collect();
    assert_eq!(
        found,
        [
            "mine:NoSchedule",
            "node.kubernetes.io/unreachable:NoSchedule",
            "node.kubernetes.io/unreachable:NoExecute",
            "node.kubernetes.io/disk-pressure:NoSchedule",
            "node.kubernetes.io/unschedulable:NoSchedule",
        ]
    );
    assert_eq!(keys(&node(json!([]), json!([]), false)).len(), 2);
}

#[test]
fn tolerations_give_time() {
    let taint: Taint = serde_json::from_value(json!({"key": "k", "effect": "NoExecute"})).expect("taint");
    let taints = std::slice::from_ref(&taint);
    let toleration = |seconds: Value| -> Toleration {
        let seconds = json!({"key": "k", "operator": "Exists", "tolerationSeconds": seconds});
        serde_json::from_value(seconds).expect("toleration")
    };
    let (forever, long, short) = (toleration(Value::Null), toleration(json!(300)), toleration(json!(5)));
    assert_eq!(evict::stay(&[], taints), Stay::NotAtAll);
    assert_eq!(evict::stay(std::slice::from_ref(&forever), taints), Stay::Forever);
    assert_eq!(evict::stay(&[long.clone(), short.clone()], taints), Stay::Seconds(300));
    assert_eq!(
        evict::stay(&[forever, short.clone()], taints),
        Stay::Forever,
        "the first counts"
    );
    assert_eq!(evict::stay(&[toleration(json!(0))], taints), Stay::NotAtAll);
    let other: Taint = serde_json::from_value(json!({"key": "k", "value": "v", "effect": "NoExecute"})).expect("taint");
    let exact: Toleration =
        serde_json::from_value(json!({"key": "k", "value": "v", "tolerationSeconds": 7})).expect("toleration");
    assert_eq!(
        evict::stay(&[exact, long], &[taint, other]),
        Stay::Seconds(7),
        "of several taints the least"
    );
}

#[test]
fn nobody_is_sent_away_when_there_is_nowhere_to_go() {
    let node = |zone: &str, ready: &str| {
        let node = json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}},
            "status": {"conditions": [{"type": "Ready", "status": ready}]}});
        Arc::new(serde_json::from_value::<Node>(node).expect("node"))
    };
    let brake = |all: &[(&str, &str)]| {
        let nodes: Vec<_> = all.iter().map(|(zone, ready)| node(zone, ready)).collect();
        zones::brake(&nodes, &nodes[0])
    };
    assert_eq!(brake(&[("x", "Unknown")]), Brake::None, "the only node");
    assert_eq!(brake(&[("x", "Unknown"), ("y", "False")]), Brake::None);
    assert_eq!(
        brake(&[("x", "Unknown"), ("y", "True")]),
        Brake::Off,
        "the other zone is well"
    );
    assert_eq!(brake(&[("x", "Unknown"), ("x", "True")]), Brake::Off);
    let three_of_five = [
        ("x", "False"),
        ("x", "False"),
        ("x", "Unknown"),
        ("x", "True"),
        ("x", "True"),
    ];
    assert_eq!(brake(&three_of_five), Brake::NoMore);
    let one = node("x", "Unknown");
    let effects = |brake: Brake, node: &Node| -> Vec<String> {
        let taints = taints::wanted(node, brake, Timestamp::now());
        taints.into_iter().map(|taint| taint.effect).collect()
    };
    assert_eq!(effects(Brake::Off, &one), ["NoSchedule", "NoExecute"]);
    assert_eq!(effects(Brake::NoMore, &one), ["NoSchedule"]);
    let mut tainted = Node::clone(&one);
    tainted.spec.get_or_insert_default().taints = Some(taints::wanted(&one, Brake::Off, Timestamp::now()));
    assert_eq!(effects(Brake::NoMore, &tainted), ["NoSchedule", "NoExecute"]);
    assert_eq!(effects(Brake::None, &tainted), ["NoSchedule"]);
    // its kubelet said that it is not ready, and now says nothing
    let before = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"});
    tainted.spec.get_or_insert_default().taints = Some(vec![serde_json::from_value(before).expect("taint")]);
    assert_eq!(effects(Brake::NoMore, &tainted), ["NoSchedule", "NoExecute"]);
}

#[test]
fn silence_makes_conditions_unknown_once() {
    let now = Timestamp::now();
    let mut node = node(
        json!([{"type": "Ready", "status": "True", "lastHeartbeatTime": "2024-01-01T00:00:00Z"}]),
        json!([]),
        false,
    );
    assert_eq!(last_heard(&node, None).to_string(), "2024-01-01T00:00:00Z");
    assert_eq!(last_heard(&node, Some(now)), now);
    assert!(make_unknown(&mut node, now));
    assert!(!make_unknown(&mut node, now));
    assert!(!nodes::is_ready(&node));
}

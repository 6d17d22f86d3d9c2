//! Taints and tolerations.

use k8s_openapi::api::core::v1::{Taint, Toleration};
use serde_json::{Value, json};

use super::*;

fn node(conditions: Value, taints: Value, unschedulable: bool) -> Node {
    serde_json::from_value(json!({"metadata": {"name": "n"}, "spec": {"taints": taints, "unschedulable": unschedulable}, "status": {"conditions": conditions}}))
        .expect("node")
}

fn keys(node: &Node) -> Vec<(String, String)> {
    taints::wanted(node, Timestamp::now())
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
    let now = Timestamp::now();
    let taint: Taint = serde_json::from_value(json!({"key": "k", "effect": "NoExecute"})).expect("taint");
    let toleration = |value: Value| -> Toleration { serde_json::from_value(value).expect("toleration") };
    assert_eq!(evict::stay(&[], std::slice::from_ref(&taint), now), Some(0));
    let forever = toleration(json!({"key": "k", "operator": "Exists"}));
    assert_eq!(
        evict::stay(std::slice::from_ref(&forever), std::slice::from_ref(&taint), now),
        None
    );
    let some = toleration(json!({"key": "k", "operator": "Exists", "tolerationSeconds": 300}));
    assert_eq!(
        evict::stay(std::slice::from_ref(&some), std::slice::from_ref(&taint), now),
        Some(300)
    );
    let old = Taint {
        time_added: Some(Time(now - jiff::SignedDuration::from_secs(400))),
        ..taint
    };
    assert_eq!(evict::stay(&[some], &[old], now), Some(0));
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

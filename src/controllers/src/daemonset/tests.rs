//! Where daemons fit and how they are replaced.

use serde_json::{Value, json};

use super::*;

fn set(template: Value, strategy: Value) -> DaemonSet {
    serde_json::from_value(json!({"metadata": {"name": "d"}, "spec": {"selector": {}, "template": {"spec": template}, "updateStrategy": strategy}}))
        .expect("set")
}

fn node(name: &str, taints: Value) -> Arc<Node> {
    Arc::new(
        serde_json::from_value(
            json!({"metadata": {"name": name, "labels": {"disk": "ssd"}}, "spec": {"taints": taints}}),
        )
        .expect("node"),
    )
}

fn pod(name: &str, hash: &str, ready: bool) -> Arc<Pod> {
    let ready = if ready { "True" } else { "False" };
    let object = json!({"metadata": {"name": name, "uid": name, "labels": {HASH: hash}}, "spec": {"containers": [], "nodeName": name},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2024-01-01T00:00:00Z"}]}});
    Arc::new(serde_json::from_value(object).expect("pod"))
}

#[test]
fn taints_keep_daemons_out_unless_tolerated() {
    let plain = set(json!({"containers": []}), json!({}));
    assert_eq!(nodes::should_run(&node("a", json!([])), &plain), (true, true));
    let taint = |effect: &str| json!([{"key": "k", "value": "v", "effect": effect}]);
    assert_eq!(
        nodes::should_run(&node("a", taint("NoSchedule")), &plain),
        (false, true)
    );
    assert_eq!(
        nodes::should_run(&node("a", taint("NoExecute")), &plain),
        (false, false)
    );
    let cordoned = json!([{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]);
    assert_eq!(nodes::should_run(&node("a", cordoned), &plain), (true, true));
    let tolerant = set(
        json!({"containers": [], "tolerations": [{"operator": "Exists"}]}),
        json!({}),
    );
    assert_eq!(
        nodes::should_run(&node("a", taint("NoExecute")), &tolerant),
        (true, true)
    );
}

#[test]
fn selectors_and_affinity_choose_nodes() {
    let on = |spec: Value| nodes::should_run(&node("a", json!([])), &set(spec, json!({}))).0;
    assert!(on(json!({"containers": [], "nodeSelector": {"disk": "ssd"}})));
    assert!(!on(json!({"containers": [], "nodeSelector": {"disk": "hdd"}})));
    let affinity = |values: Value| {
        json!({"containers": [], "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
        {"nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "NotIn", "values": values}]}]}}}})
    };
    assert!(on(affinity(json!(["hdd"]))) && !on(affinity(json!(["ssd"]))));
}

#[test]
fn pods_are_pinned_by_name() {
    let mut spec = k8s_openapi::api::core::v1::PodSpec::default();
    nodes::pin(&mut spec, "n1");
    let pinned = Pod {
        spec: Some(spec),
        ..Pod::default()
    };
    assert_eq!(nodes::target(&pinned), "n1");
}

#[test]
fn old_pods_are_replaced_within_bounds() {
    let nodes: Vec<_> = ["a", "b", "c"].iter().map(|name| node(name, json!([]))).collect();
    let by_node = |pods: Vec<Arc<Pod>>| -> ByNode {
        let mut out = ByNode::new();
        for pod in pods {
            out.entry(nodes::target(&pod)).or_default().push(pod);
        }
        out
    };
    let now = Timestamp::now();
    let rolling = set(
        json!({"containers": []}),
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}),
    );
    let all_old = by_node(vec![
        pod("a", "old", true),
        pod("b", "old", true),
        pod("c", "old", true),
    ]);
    assert_eq!(update::plan(&rolling, &nodes, &all_old, "new", now).1.len(), 1);
    let one_starting = by_node(vec![
        pod("a", "new", false),
        pod("b", "old", true),
        pod("c", "old", true),
    ]);
    assert!(update::plan(&rolling, &nodes, &one_starting, "new", now).1.is_empty());
    let one_broken = by_node(vec![
        pod("a", "new", true),
        pod("b", "old", false),
        pod("c", "old", true),
    ]);
    let names: Vec<_> = update::plan(&rolling, &nodes, &one_broken, "new", now)
        .1
        .iter()
        .map(|pod| pod.name_any())
        .collect();
    assert_eq!(names, ["b"]);
    let surging = set(
        json!({"containers": []}),
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}),
    );
    let (create, delete) = update::plan(&surging, &nodes, &all_old, "new", now);
    assert_eq!((create, delete.len()), (vec!["a".to_owned()], 0));
}

//! What objects hold, beyond their shape.

use serde_json::{Value, json};

use super::{errors, pod};

fn of_pod(spec: Value) -> Vec<String> {
    errors("", "v1", "Pod", pod(spec))
}

fn container(more: Value) -> Value {
    let mut container = json!({"name": "c", "image": "i"});
    for (field, value) in more.as_object().expect("fields") {
        container[field] = value.clone();
    }
    json!({"containers": [container]})
}

#[test]
fn a_pod_tells_its_containers_only_what_it_knows() {
    let env = |path: &str| {
        of_pod(container(
            json!({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}),
        ))
    };
    for known in [
        "metadata.name",
        "status.podIPs",
        "metadata.labels['a/b']",
        "metadata.annotations['A']",
    ] {
        assert_eq!(env(known), [""; 0], "{known}");
    }
    for (unknown, why) in [
        (
            "spec.containers",
            "error converting fieldPath: field label not supported: spec.containers",
        ),
        ("metadata.labels", "Unsupported value: \"metadata.labels\""),
        ("spec.nodeName['a']", "does not support subscript"),
    ] {
        let found = env(unknown);
        assert!(found.len() == 1 && found[0].contains(why), "{unknown}: {found:?}");
    }
    let file = |path: &str| {
        let mut spec = container(json!({}));
        spec["volumes"] =
            json!([{"name": "v", "downwardAPI": {"items": [{"path": "f", "fieldRef": {"fieldPath": path}}]}}]);
        of_pod(spec)
    };
    assert_eq!(file("metadata.labels"), [""; 0]);
    assert_eq!(file("status.podIP").len(), 1);
}

#[test]
fn a_port_of_the_node_is_one_containers() {
    let port = |ip: &str| json!({"containerPort": 80, "hostPort": 80, "hostIP": ip});
    let with = |ports: Value| of_pod(container(json!({"ports": ports})));
    assert_eq!(with(json!([port(""), port("127.0.0.1")])), [""; 0]);
    assert_eq!(
        with(json!([port(""), port("")])),
        ["spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//80\""]
    );
}

#[test]
fn a_container_is_restarted_by_rules_that_say_when() {
    assert_eq!(of_pod(container(json!({"restartPolicy": "Never"}))), [""; 0]);
    assert_eq!(of_pod(container(json!({"restartPolicy": "Sometimes"}))).len(), 1);
    let rule = json!([{"action": "Restart", "exitCodes": {"operator": "In", "values": [3]}}]);
    let with = |policy: Value| of_pod(container(json!({"restartPolicy": policy, "restartPolicyRules": rule})));
    assert_eq!(with("Never".into()), [""; 0]);
    assert_eq!(
        with(Value::Null),
        ["spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used"]
    );
}

#[test]
fn classes_of_priority_leave_the_highest_to_the_system() {
    let class = |name: &str, value: i64| {
        let class = json!({"metadata": {"name": name}, "value": value});
        errors("scheduling.k8s.io", "v1", "PriorityClass", class)
    };
    assert_eq!(class("mine", 1_000_000_000), [""; 0]);
    assert_eq!(class("system-node-critical", 2_000_001_000), [""; 0]);
    assert_eq!(
        class("mine", 1_000_000_001),
        ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"]
    );
    assert_eq!(class("system-mine", 1).len(), 1);
}

#[test]
fn limits_do_not_contradict_themselves() {
    let range = |limits: Value| {
        let range = json!({"metadata": {"name": "l", "namespace": "n"}, "spec": {"limits": limits}});
        errors("", "v1", "LimitRange", range)
    };
    let good = json!({"type": "Container", "min": {"cpu": "100m"}, "max": {"cpu": "2"},
        "default": {"cpu": "1"}, "defaultRequest": {"cpu": "500m"}});
    assert_eq!(range(json!([good])), [""; 0]);
    for (limit, why) in [
        (
            json!({"type": "Container", "min": {"cpu": "3"}, "max": {"cpu": "2"}}),
            "spec.limits[0].min[cpu]: Invalid value: \"3\": min value 3 is greater than max value 2",
        ),
        (
            json!({"type": "Pod", "default": {"cpu": "1"}}),
            "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
        ),
        (
            json!({"type": "PersistentVolumeClaim"}),
            "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided",
        ),
    ] {
        assert_eq!(range(json!([limit]))[0], why);
    }
    assert_eq!(range(json!([good, good])).len(), 1);
}

#[test]
fn quotas_are_amounts_of_what_exists() {
    let quota = |spec: Value| {
        let quota = json!({"metadata": {"name": "q", "namespace": "n"}, "spec": spec});
        errors("", "v1", "ResourceQuota", quota)
    };
    assert_eq!(
        quota(json!({"hard": {"pods": "10", "requests.cpu": "1"}, "scopes": ["BestEffort"]})),
        [""; 0]
    );
    for wrong in [
        json!({"hard": {"pods": "-1"}}),
        json!({"scopes": ["Any"]}),
        json!({"scopes": ["BestEffort", "NotBestEffort"]}),
        json!({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In"}]}}),
    ] {
        assert_eq!(quota(wrong.clone()).len(), 1, "{wrong}");
    }
}

#[test]
fn jobs_of_a_schedule_are_looked_at_before_they_are_due() {
    let cron = |spec: Value| {
        let mut whole = json!({"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}}});
        crate::patch::merge_patch(&mut whole, &spec);
        let object = json!({"metadata": {"name": "c", "namespace": "n"}, "spec": whole});
        errors("batch", "v1", "CronJob", object)
    };
    assert_eq!(cron(json!({"timeZone": "Europe/Berlin"})), [""; 0]);
    for wrong in [
        json!({"schedule": "61 * * * *"}),
        json!({"timeZone": "Local"}),
        json!({"timeZone": "../etc/passwd"}),
        json!({"jobTemplate": {"metadata": {"labels": {"a": "not allowed"}}}}),
        json!({"jobTemplate": {"spec": {"manualSelector": true}}}),
        json!({"jobTemplate": {"spec": {"selector": {"matchLabels": {"a": "b"}}}}}),
    ] {
        assert_eq!(cron(wrong.clone()).len(), 1, "{wrong}");
    }
}

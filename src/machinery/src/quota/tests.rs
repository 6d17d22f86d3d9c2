//! Usage, scopes and what quotas track.

use serde_json::json;

use super::*;

const PODS: ObjectKind<'static> = ObjectKind {
    group: "",
    plural: "pods",
};

fn used(plural: &str, object: &Value) -> Value {
    resources::to_value(&usage(ObjectKind { group: "", plural }, object, true))
}

#[test]
fn pods_use_what_they_request_and_may_use() {
    let pod = json!({"spec": {"containers": [{"name": "c", "resources": {
        "requests": {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "2Gi", "example.com/dongle": 2},
        "limits": {"cpu": "1", "example.com/dongle": 2}}}], "overhead": {"cpu": "100m", "memory": "1Gi"}}});
    assert_eq!(
        used("pods", &pod),
        json!({"count/pods": "1", "pods": "1", "cpu": "600m", "requests.cpu": "600m", "limits.cpu": "1100m",
            "memory": "2Gi", "requests.memory": "2Gi", "ephemeral-storage": "2Gi", "requests.ephemeral-storage": "2Gi",
            "requests.example.com/dongle": "2"})
    );
    assert_eq!(
        resources::to_value(&usage(PODS, &pod, false)),
        json!({"count/pods": "1"})
    );
}

#[test]
fn services_use_ports_by_their_type() {
    let of = |spec: Value| {
        let used = used("services", &json!({"spec": spec}));
        (
            used["services.nodeports"].clone(),
            used["services.loadbalancers"].clone(),
        )
    };
    assert_eq!(
        of(json!({"type": "NodePort", "ports": [{}, {}]})),
        (json!("2"), json!("0"))
    );
    assert_eq!(
        of(json!({"type": "LoadBalancer", "ports": [{}]})),
        (json!("1"), json!("1"))
    );
    let without =
        json!({"type": "LoadBalancer", "ports": [{"nodePort": 3}, {}], "allocateLoadBalancerNodePorts": false});
    assert_eq!(of(without), (json!("1"), json!("1")));
    assert_eq!(of(json!({"ports": [{}]})), (json!("0"), json!("0")));
}

#[test]
fn claims_count_for_their_class_too() {
    let claim = json!({"spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "1Gi"}}}});
    assert_eq!(
        used("persistentvolumeclaims", &claim),
        json!({"count/persistentvolumeclaims": "1", "persistentvolumeclaims": "1", "requests.storage": "1Gi",
            "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
            "gold.storageclass.storage.k8s.io/requests.storage": "1Gi"})
    );
}

#[test]
fn a_quota_is_about_what_it_bounds_within_its_scopes() {
    let quota = |spec: Value| json!({"spec": spec});
    let pod = json!({"spec": {"activeDeadlineSeconds": 5, "priorityClassName": "high", "containers": [{}]}});
    assert!(matches(&quota(json!({"hard": {"pods": "1"}})), PODS, &pod));
    assert!(!matches(&quota(json!({"hard": {"services": "1"}})), PODS, &pod));
    for (scope, holds) in [
        ("Terminating", true),
        ("NotTerminating", false),
        ("BestEffort", true),
        ("NotBestEffort", false),
        ("PriorityClass", true),
        ("CrossNamespacePodAffinity", false),
    ] {
        assert_eq!(
            matches(&quota(json!({"hard": {"pods": "1"}, "scopes": [scope]})), PODS, &pod),
            holds,
            "{scope}"
        );
    }
    for (operator, holds) in [
        ("In", true),
        ("NotIn", false),
        ("Exists", true),
        ("DoesNotExist", false),
    ] {
        let term = json!({"scopeName": "PriorityClass", "operator": operator, "values": ["high"]});
        let spec = json!({"hard": {"pods": "1"}, "scopeSelector": {"matchExpressions": [term]}});
        assert_eq!(matches(&quota(spec), PODS, &pod), holds, "{operator}");
    }
    let maps = ObjectKind {
        group: "",
        plural: "configmaps",
    };
    let scoped = quota(json!({"hard": {"configmaps": "1"}, "scopes": ["Terminating"]}));
    assert!(!matches(&scoped, maps, &json!({})), "only pods have scopes");
}

#[test]
fn extended_resources_are_bounded_by_request_only() {
    assert!(tracked(PODS, "requests.example.com/dongle"));
    assert!(!tracked(PODS, "limits.example.com/dongle"));
    assert!(!tracked(PODS, "example.com/dongle"));
    let jobs = ObjectKind {
        group: "batch",
        plural: "jobs",
    };
    assert!(tracked(jobs, "count/jobs.batch"));
    assert!(!tracked(jobs, "jobs"));
}

#[test]
fn bounded_compute_resources_must_be_named() {
    let pod = json!({"spec": {"containers": [{"name": "b"}, {"name": "a", "resources": {"limits": {"cpu": "1"}}}]}});
    let bounded =
        resources::list(&json!({"limits.cpu": "1", "requests.memory": "1", "requests.ephemeral-storage": "1"}));
    assert_eq!(
        missing(&pod, &bounded).as_deref(),
        Some("must specify limits.cpu for: b; requests.memory for: a,b")
    );
    assert_eq!(missing(&pod, &resources::list(&json!({"pods": "1"}))), None);
}

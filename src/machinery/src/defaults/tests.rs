//! Defaults as kubectl shows them on objects that upstream created.

use serde_json::json;

use super::*;

fn defaulted(group: &str, version: &str, kind: &str, object: Value) -> Value {
    let ty = schema::kind(group, version, kind).expect("kind").ty;
    let mut object = crate::decode::convert(object, ty).expect("document").value;
    apply(&mut object, ty);
    let once = object.clone();
    apply(&mut object, ty);
    assert_eq!(once, object, "defaulting is idempotent");
    assert_eq!(
        crate::decode::convert(once.clone(), ty).expect("document").value,
        once,
        "defaulting keeps the shape"
    );
    once
}

#[test]
fn pods() {
    let pod = json!({"metadata": {"name": "a"}, "spec": {
        "containers": [{"name": "c", "image": "nginx", "ports": [{"containerPort": 80}], "livenessProbe": {"httpGet": {"port": 80}},
            "resources": {"limits": {"cpu": "0.0005"}}}, {"name": "d", "image": "r:5000/a/b:1"}],
        "volumes": [{"name": "e"}, {"name": "s", "secret": {"secretName": "x"}}]}});
    let expected = json!({"metadata": {"name": "a"}, "status": {}, "spec": {
        "containers": [
            {"name": "c", "image": "nginx", "imagePullPolicy": "Always", "terminationMessagePath": "/dev/termination-log",
             "terminationMessagePolicy": "File", "ports": [{"containerPort": 80, "protocol": "TCP"}],
             "livenessProbe": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "failureThreshold": 3, "periodSeconds": 10,
                               "successThreshold": 1, "timeoutSeconds": 1},
             "resources": {"limits": {"cpu": "1m"}, "requests": {"cpu": "1m"}}},
            {"name": "d", "image": "r:5000/a/b:1", "imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log",
             "terminationMessagePolicy": "File", "resources": {}}],
        "volumes": [{"name": "e", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "x", "defaultMode": 420}}],
        "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler", "securityContext": {},
        "terminationGracePeriodSeconds": 30, "enableServiceLinks": true}});
    assert_eq!(defaulted("", "v1", "Pod", pod), expected);
}

#[test]
fn deployments_and_their_templates() {
    let found = defaulted(
        "apps",
        "v1",
        "Deployment",
        json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "a:b"}]}}}}),
    );
    let spec = &found["spec"];
    assert_eq!(spec["replicas"], 1);
    assert_eq!(
        spec["strategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}})
    );
    assert_eq!(spec["template"]["spec"]["restartPolicy"], "Always");
    assert_eq!(
        spec["template"]["spec"].get("enableServiceLinks"),
        None,
        "only pods themselves get service links"
    );
    let recreate = defaulted(
        "apps",
        "v1",
        "Deployment",
        json!({"spec": {"replicas": 0, "strategy": {"type": "Recreate"}}}),
    );
    assert_eq!(recreate["spec"]["strategy"], json!({"type": "Recreate"}));
    assert_eq!(recreate["spec"]["replicas"], 0);
}

#[test]
fn services() {
    let found = defaulted(
        "",
        "v1",
        "Service",
        json!({"spec": {"ports": [{"port": 80}, {"port": 81, "targetPort": "x"}]}}),
    );
    let ports =
        json!([{"port": 80, "protocol": "TCP", "targetPort": 80}, {"port": 81, "protocol": "TCP", "targetPort": "x"}]);
    let spec =
        json!({"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster", "ports": ports});
    assert_eq!(found["spec"], spec);
    let found = defaulted(
        "",
        "v1",
        "Service",
        json!({"spec": {"type": "LoadBalancer", "sessionAffinity": "ClientIP"}}),
    );
    assert_eq!(
        found["spec"]["sessionAffinityConfig"],
        json!({"clientIP": {"timeoutSeconds": 10800}})
    );
    assert_eq!(found["spec"]["externalTrafficPolicy"], "Cluster");
    assert_eq!(found["spec"]["allocateLoadBalancerNodePorts"], true);
}

#[test]
fn jobs_and_cron_jobs() {
    let found = defaulted(
        "batch",
        "v1",
        "Job",
        json!({"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}),
    );
    assert_eq!(found["metadata"]["labels"], json!({"a": "b"}));
    assert_eq!(
        (&found["spec"]["completions"], &found["spec"]["backoffLimit"]),
        (&json!(1), &json!(6))
    );
    let found = defaulted("batch", "v1", "Job", json!({"spec": {"parallelism": 2}}));
    assert_eq!(found["spec"].get("completions"), None);
    let found = defaulted("batch", "v1", "CronJob", json!({"spec": {"jobTemplate": {}}}));
    assert_eq!(found["spec"]["jobTemplate"]["spec"].get("backoffLimit"), None);
    assert_eq!(found["spec"]["successfulJobsHistoryLimit"], 3);
}

#[test]
fn the_rest_in_short() {
    assert_eq!(defaulted("", "v1", "Secret", json!({}))["type"], "Opaque");
    let namespace = defaulted("", "v1", "Namespace", json!({"metadata": {"name": "n"}}));
    assert_eq!(
        namespace["metadata"]["labels"],
        json!({"kubernetes.io/metadata.name": "n"})
    );
    assert_eq!(namespace["status"]["phase"], "Active");
    let policy = defaulted(
        "networking.k8s.io",
        "v1",
        "NetworkPolicy",
        json!({"spec": {"egress": [{}]}}),
    );
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    let set = defaulted("apps", "v1", "StatefulSet", json!({"spec": {}}));
    assert_eq!(
        set["spec"]["persistentVolumeClaimRetentionPolicy"],
        json!({"whenDeleted": "Retain", "whenScaled": "Retain"})
    );
    assert_eq!(
        set["spec"]["updateStrategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    );
    let binding = json!({"subjects": [{"kind": "User", "name": "u"}], "roleRef": {"kind": "Role", "name": "r"}});
    let binding = defaulted("rbac.authorization.k8s.io", "v1", "RoleBinding", binding);
    assert_eq!(binding["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(binding["roleRef"]["apiGroup"], "rbac.authorization.k8s.io");
    let quota = defaulted("", "v1", "PersistentVolumeClaim", json!({}));
    assert_eq!(
        (&quota["status"]["phase"], &quota["spec"]["volumeMode"]),
        (&json!("Pending"), &json!("Filesystem"))
    );
}

#[test]
fn both_fields_of_a_nodes_ranges_say_the_same() {
    let spec = |spec: Value| defaulted("", "v1", "Node", json!({"spec": spec}))["spec"].clone();
    let both = json!({"podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.0.0/24"]});
    assert_eq!(spec(json!({"podCIDR": "10.0.0.0/24"})), both);
    assert_eq!(spec(json!({"podCIDRs": ["10.0.0.0/24"]})), both);
    assert_eq!(
        spec(json!({"podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.1.0/24"]})),
        both
    );
    let two = json!({"podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.0.0/24", "fd00::/64"]});
    assert_eq!(spec(two.clone()), two);
    assert_eq!(spec(json!({})), json!({}));
}

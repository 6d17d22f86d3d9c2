//! What upstream says of wrong objects.

mod contents;
mod coordination;
mod csi;
mod nodes;
mod services;
mod subresources;
mod updates;

use serde_json::json;

use super::*;
use crate::field::aggregate;

fn prepared(group: &str, version: &str, kind: &str, object: Value) -> Value {
    let ty = schema::kind(group, version, kind).expect("kind").ty;
    let mut object = crate::decode::convert(object, ty).expect("document").value;
    crate::defaults::apply(&mut object, ty);
    object
}

fn errors(group: &str, version: &str, kind: &str, object: Value) -> Vec<String> {
    let object = prepared(group, version, kind, object);
    let resource = schema::resource_of_kind(group, version, kind).expect("resource");
    validate_create(group, kind, resource.namespaced, &object)
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn pod(spec: Value) -> Value {
    json!({"metadata": {"name": "p", "namespace": "n"}, "spec": spec})
}

fn deployment() -> Value {
    json!({"metadata": {"name": "d", "namespace": "n"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
        "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}})
}

#[test]
fn good_objects_pass() {
    assert_eq!(
        errors(
            "",
            "v1",
            "Pod",
            pod(
                json!({"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}],
        "volumeMounts": [{"name": "v", "mountPath": "/v"}], "livenessProbe": {"httpGet": {"port": "http"}}}], "volumes": [{"name": "v"}]})
            )
        ),
        [""; 0]
    );
    assert_eq!(errors("apps", "v1", "Deployment", deployment()), [""; 0]);
    assert_eq!(
        errors(
            "",
            "v1",
            "Service",
            json!({"metadata": {"name": "s", "namespace": "n"}, "spec": {"ports": [{"port": 80}]}})
        ),
        [""; 0]
    );
    let role = json!({"metadata": {"name": "system:x", "namespace": "n"}, "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]});
    assert_eq!(errors("rbac.authorization.k8s.io", "v1", "Role", role), [""; 0]);
    let job = json!({"metadata": {"name": "j", "namespace": "n"}, "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}});
    assert_eq!(errors("batch", "v1", "Job", job), [""; 0]);
    let set = json!({"metadata": {"name": "d", "namespace": "n"}, "spec": deployment()["spec"]});
    assert_eq!(errors("apps", "v1", "DaemonSet", set.clone()), [""; 0]);
    assert_eq!(errors("apps", "v1", "StatefulSet", set.clone()), [""; 0]);
    let mut with_claim = set;
    with_claim["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "data", "mountPath": "/d"}]);
    assert_eq!(errors("apps", "v1", "StatefulSet", with_claim.clone()).len(), 1);
    with_claim["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}}]);
    assert_eq!(errors("apps", "v1", "StatefulSet", with_claim), [""; 0]);
}

#[test]
fn pods_say_what_is_wrong() {
    let found = errors(
        "",
        "v1",
        "Pod",
        pod(json!({"containers": [
        {"image": "i", "ports": [{"containerPort": 0}, {"containerPort": 70000, "protocol": "X"}]},
        {"name": "c", "image": " i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}, {"name": "c", "image": "i", "livenessProbe": {}}]})),
    );
    assert_eq!(
        found,
        [
            "spec.containers[0].name: Required value",
            "spec.containers[0].ports[0].containerPort: Required value",
            "spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
            "spec.containers[0].ports[1].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
            "spec.containers[1].image: Invalid value: \" i\": must not have leading or trailing whitespace",
            "spec.containers[1].volumeMounts[0].name: Not found: \"v\"",
            "spec.containers[2].livenessProbe: Required value: must specify a handler type",
            "spec.containers[2].name: Duplicate value: \"c\"",
        ]
    );
    assert_eq!(
        errors("", "v1", "Pod", pod(json!({}))),
        ["spec.containers: Required value"]
    );
    let resources = json!({"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}]});
    assert_eq!(
        errors("", "v1", "Pod", pod(resources)),
        ["spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"]
    );
}

#[test]
fn metadata_is_checked_everywhere() {
    let found = errors(
        "",
        "v1",
        "ConfigMap",
        json!({"metadata": {"name": "A", "namespace": "n", "labels": {"a": "b c"}}, "data": {"../x": "y"}}),
    );
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[0].starts_with("metadata.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain"));
    assert!(found[1].starts_with("metadata.labels: Invalid value: \"b c\": a valid label must be"));
    assert!(found[2].starts_with("data[../x]: Invalid value: \"../x\": a valid config key"));
    assert_eq!(
        errors("", "v1", "Namespace", json!({"metadata": {}})),
        ["metadata.name: Required value: name or generateName is required"]
    );
    assert_eq!(
        errors(
            "",
            "v1",
            "ConfigMap",
            json!({"metadata": {"generateName": "a-", "namespace": "n", "name": "a-1"}})
        ),
        [""; 0]
    );
}

#[test]
fn deployments_must_select_their_pods() {
    let mut object = deployment();
    object["spec"]["selector"]["matchLabels"]["a"] = "c".into();
    assert_eq!(
        errors("apps", "v1", "Deployment", object),
        ["spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`"]
    );
    let mut object = deployment();
    object["spec"]["strategy"] = json!({"type": "Recreate", "rollingUpdate": {"maxSurge": 1}});
    assert_eq!(
        errors("apps", "v1", "Deployment", object),
        ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"]
    );
    let mut object = deployment();
    object["spec"].as_object_mut().expect("spec").remove("selector");
    assert_eq!(
        errors("apps", "v1", "Deployment", object),
        ["spec.selector: Required value"]
    );
}

#[test]
fn some_fields_stay() {
    let old = prepared("apps", "v1", "Deployment", deployment());
    let mut new = old.clone();
    new["spec"]["selector"]["matchLabels"]["x"] = "y".into();
    new["spec"]["template"]["metadata"]["labels"]["x"] = "y".into();
    let found = aggregate(&validate_update("apps", "Deployment", "", &new, &old));
    assert_eq!(
        found,
        "spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\",\"x\":\"y\"}}: field is immutable"
    );
    let old = prepared(
        "",
        "v1",
        "Pod",
        pod(json!({"containers": [{"name": "c", "image": "i"}]})),
    );
    let mut new = old.clone();
    new["spec"]["containers"][0]["image"] = "j".into();
    assert!(validate_update("", "Pod", "", &new, &old).is_empty());
    new["spec"]["nodeName"] = "x".into();
    let found = aggregate(&validate_update("", "Pod", "", &new, &old));
    assert!(
        found.starts_with("spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`"),
        "{found}"
    );
    let old = json!({"metadata": {"name": "m"}, "immutable": true, "data": {"a": "b"}});
    let mut new = old.clone();
    new["data"]["a"] = "c".into();
    assert_eq!(
        aggregate(&validate_update("", "ConfigMap", "", &new, &old)),
        "data: Forbidden: field is immutable when `immutable` is set"
    );
}

#[test]
fn the_rest_in_short() {
    let one = |group: &str, version: &str, kind: &str, object: Value| {
        aggregate(&{
            let object = prepared(group, version, kind, object);
            validate_create(group, kind, true, &object)
        })
    };
    let meta = json!({"name": "x", "namespace": "n"});
    let found = one(
        "",
        "v1",
        "Service",
        json!({"metadata": meta, "spec": {"type": "Odd", "ports": [{"port": 0}]}}),
    );
    assert_eq!(
        found,
        "[spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive, spec.type: Unsupported value: \"Odd\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"]"
    );
    let job = json!({"metadata": meta, "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    assert_eq!(
        one("batch", "v1", "Job", job),
        "spec.template.spec.restartPolicy: Unsupported value: \"Always\": supported values: \"OnFailure\", \"Never\""
    );
    let binding = json!({"metadata": meta, "roleRef": {"kind": "Odd", "name": "r"}});
    assert_eq!(
        one("rbac.authorization.k8s.io", "v1", "RoleBinding", binding),
        "roleRef.kind: Unsupported value: \"Odd\": supported values: \"Role\", \"ClusterRole\""
    );
    let budget = json!({"metadata": meta, "spec": {"minAvailable": "120%"}});
    assert_eq!(
        one("policy", "v1", "PodDisruptionBudget", budget),
        "spec.minAvailable: Invalid value: \"120%\": must not be greater than 100%"
    );
    let claim = json!({"metadata": meta, "spec": {"accessModes": ["ReadWriteOnce"]}});
    assert_eq!(
        one("", "v1", "PersistentVolumeClaim", claim),
        "spec.resources[storage]: Required value"
    );
    let ingress = json!({"metadata": meta, "spec": {"rules": [{"host": "1.2.3.4", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {}}]}}]}});
    assert_eq!(
        one("networking.k8s.io", "v1", "Ingress", ingress),
        "[spec.rules[0].host: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address, spec.rules[0].http.paths[0].backend: Required value: an ingress backend is required]"
    );
}

#[test]
fn what_a_priority_class_says_it_says_for_ever() {
    let class = |value: i32| json!({"metadata": {"name": "c"}, "value": value, "preemptionPolicy": "Never"});
    let said = |new: &Value| -> Vec<String> {
        let found = validate_update("scheduling.k8s.io", "PriorityClass", "", new, &class(1));
        found.iter().map(ToString::to_string).collect()
    };
    assert_eq!(said(&class(1)), [""; 0]);
    assert_eq!(said(&class(2)), ["value: Forbidden: may not be changed in an update."]);
}

#[test]
fn kernel_parameters_are_named_as_the_kernel_does() {
    let sysctls = |name: &str| {
        let context = json!({"sysctls": [{"name": name, "value": "1"}]});
        errors(
            "",
            "v1",
            "Pod",
            pod(json!({"containers": [{"name": "c", "image": "i"}], "securityContext": context})),
        )
        .len()
    };
    assert_eq!(
        (
            sysctls("kernel.shm_rmid_forced"),
            sysctls("net/ipv4/ip_local_port_range")
        ),
        (0, 0)
    );
    assert_eq!((sysctls("foo-"), sysctls("bar.."), sysctls("A")), (1, 1, 1));
}

#[test]
fn ephemeral_containers_only_become_more() {
    let given = |ephemeral: Value| {
        let spec = json!({"containers": [{"name": "c", "image": "i"}], "ephemeralContainers": ephemeral});
        prepared("", "v1", "Pod", pod(spec))
    };
    let change = |old: &Value, new: Value| {
        let errors = validate_update("", "Pod", "ephemeralcontainers", &given(new), old);
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let none = given(json!([]));
    assert_eq!(
        change(&none, json!([{"name": "e", "image": "i", "targetContainerName": "c"}])),
        ""
    );
    assert_eq!(
        change(&none, json!([{"name": "c", "image": "i"}])),
        "spec.ephemeralContainers[0].name: Duplicate value: \"c\""
    );
    assert_eq!(
        change(&none, json!([{"name": "e", "image": "i", "targetContainerName": "x"}])),
        "spec.ephemeralContainers[0].targetContainerName: Not found: \"x\""
    );
    assert_eq!(
        change(
            &none,
            json!([{"name": "e", "image": "i", "resources": {"requests": {"cpu": "1"}}}])
        ),
        "spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an Ephemeral Container"
    );
    let one = given(json!([{"name": "e", "image": "i"}]));
    assert_eq!(
        change(&one, json!([{"name": "f", "image": "i"}, {"name": "e", "image": "i"}])),
        ""
    );
    assert_eq!(
        change(&one, json!([{"name": "e", "image": "other"}])),
        "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not be changed\n"
    );
    assert_eq!(
        change(&one, json!([])),
        "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"e\" may not be removed\n"
    );
    let spec =
        json!({"containers": [{"name": "c", "image": "i"}], "ephemeralContainers": [{"name": "e", "image": "i"}]});
    assert_eq!(
        errors("", "v1", "Pod", pod(spec)),
        ["spec.ephemeralContainers: Forbidden: cannot be set on create"]
    );
}

//! Rows as kubectl shows them.

use serde_json::json;

use super::*;

fn now() -> Timestamp {
    "2024-01-02T00:00:00Z".parse().expect("time")
}

fn cells(group: &str, kind: &str, object: Value) -> Vec<Value> {
    let printer = printer(group, kind);
    let row = printer.row(&object, IncludeObject::None, now());
    let cells = row["cells"].as_array().expect("cells").clone();
    assert_eq!(cells.len(), printer.columns.len());
    cells
}

#[test]
fn every_printer_fills_its_columns() {
    for printer in [
        pod::PRINTERS,
        workload::PRINTERS,
        network::PRINTERS,
        storage::PRINTERS,
        cluster::PRINTERS,
        policy::PRINTERS,
    ]
    .into_iter()
    .flatten()
    {
        assert_eq!(
            cells(printer.group, printer.kind, json!({})).len(),
            printer.columns.len()
        );
        let known = schema::kinds()
            .iter()
            .any(|kind| kind.group == printer.group && kind.kind == printer.kind);
        assert!(known, "{}", printer.kind);
    }
}

#[test]
fn pods() {
    let meta = json!({"name": "p", "creationTimestamp": "2024-01-01T23:59:00Z"});
    let running = json!({"metadata": meta, "spec": {"containers": [{"name": "a"}, {"name": "b"}], "nodeName": "n"}, "status": {"phase": "Running",
        "podIPs": [{"ip": "10.0.0.1"}], "containerStatuses": [
            {"name": "a", "ready": true, "restartCount": 0, "state": {"running": {}}},
            {"name": "b", "ready": false, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"finishedAt": "2024-01-01T23:58:00Z"}}}]}});
    let expected = json!([
        "p",
        "1/2",
        "CrashLoopBackOff",
        "3 (2m ago)",
        "60s",
        "10.0.0.1",
        "n",
        "<none>",
        "<none>"
    ]);
    assert_eq!(Value::from(cells("", "Pod", running)), expected);
    let init = json!({"metadata": meta, "spec": {"containers": [{"name": "a"}], "initContainers": [{"name": "i"}, {"name": "j"}]},
        "status": {"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"terminated": {"exitCode": 0}}}, {"name": "j", "state": {"waiting": {"reason": "PodInitializing"}}}]}});
    assert_eq!(cells("", "Pod", init)[2], "Init:1/2");
    let done = json!({"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": {"containers": [{"name": "a"}]},
        "status": {"phase": "Succeeded", "containerStatuses": [{"name": "a", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}});
    assert_eq!(cells("", "Pod", done.clone())[2], "Completed");
    assert_eq!(
        printer("", "Pod").row(&done, IncludeObject::Metadata, now())["conditions"][0]["reason"],
        "Succeeded"
    );
    let deleting =
        json!({"metadata": {"name": "p", "deletionTimestamp": "2024-01-01T00:00:00Z"}, "status": {"phase": "Running"}});
    assert_eq!(cells("", "Pod", deleting)[2], "Terminating");
}

#[test]
fn services() {
    let service = json!({"metadata": {"name": "s"}, "spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.2"], "selector": {"a": "b"},
        "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}});
    let expected = json!([
        "s",
        "LoadBalancer",
        "10.96.0.2",
        "<pending>",
        "80:30080/TCP,53/UDP",
        "<unknown>",
        "a=b"
    ]);
    assert_eq!(Value::from(cells("", "Service", service)), expected);
}

#[test]
fn nodes_and_deployments() {
    let node = json!({"metadata": {"name": "n", "labels": {"node-role.kubernetes.io/control-plane": ""}}, "spec": {"unschedulable": true},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kernelVersion": "6.1", "architecture": "amd64"}}});
    let cells_of_node = cells("", "Node", node);
    assert_eq!(
        (&cells_of_node[1], &cells_of_node[2]),
        (&json!("Ready,SchedulingDisabled"), &json!("control-plane"))
    );
    assert_eq!(cells_of_node[8], "6.1 (amd64)");
    let deployment = json!({"metadata": {"name": "d"}, "spec": {"replicas": 3, "selector": {"matchLabels": {"a": "b"}}}, "status": {"readyReplicas": 1}});
    assert_eq!(cells("apps", "Deployment", deployment)[1], "1/3");
}

#[test]
fn tables_have_definitions_and_objects() {
    let object = json!({"metadata": {"name": "a", "namespace": "b"}, "data": {"x": "y"}});
    let table = printer("", "ConfigMap").table(
        json!({"resourceVersion": "5"}),
        [&object],
        IncludeObject::Metadata,
        now(),
    );
    assert_eq!(
        table["columnDefinitions"][0],
        json!({"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0})
    );
    assert_eq!(
        table["rows"][0]["object"],
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
    );
    assert_eq!(table["rows"][0]["cells"][1], 1);
    assert_eq!(IncludeObject::parse("Some"), None);
}

#[test]
fn policies_and_claims() {
    let binding = json!({"metadata": {"name": "b"}, "spec": {"policyName": "p", "paramRef": {"name": "c"}}});
    let found = cells(
        "admissionregistration.k8s.io",
        "MutatingAdmissionPolicyBinding",
        binding,
    );
    assert_eq!(found[1..3], [json!("p"), json!("*/c")]);
    for (object, state) in [
        (json!({}), "pending"),
        (
            json!({"status": {"allocation": {}, "reservedFor": [{}]}}),
            "allocated,reserved",
        ),
        (
            json!({"metadata": {"deletionTimestamp": "2024-01-01T00:00:00Z"}}),
            "deleted",
        ),
    ] {
        assert_eq!(cells("resource.k8s.io", "ResourceClaim", object)[1], state);
    }
}

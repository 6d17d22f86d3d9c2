//! What sends pods away: more important ones, taints, drains; and what keeps them.

use anyhow::{Context as _, ensure};
use e2e::{Cluster, until};
use serde_json::{Value, json};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "disruptions::an_important_pod_takes_the_place_of_another",
        an_important_pod_takes_the_place_of_another,
    ),
    (
        "disruptions::a_taint_sends_pods_away_in_their_time",
        a_taint_sends_pods_away_in_their_time,
    ),
    (
        "disruptions::a_drain_waits_for_what_a_budget_keeps",
        a_drain_waits_for_what_a_budget_keeps,
    ),
];

/// Applies a pod that does nothing and ends at once.
fn pod(cluster: &Cluster, namespace: &str, name: &str, spec: Value) -> anyhow::Result<()> {
    let mut whole = json!({
        "terminationGracePeriodSeconds": 0,
        "containers": [{ "name": "c", "image": "rkube.test/busybox:1", "command": ["sleep", "3600"] }],
    });
    if let (Some(whole), Value::Object(spec)) = (whole.as_object_mut(), spec) {
        whole.extend(spec);
    }
    let labels = json!({ "app": namespace });
    let pod =
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": labels }, "spec": whole });
    cluster.kubectl_with(&["-n", namespace, "apply", "-f", "-"], &pod.to_string())?;
    Ok(())
}

fn worker(cluster: &Cluster) -> String {
    format!("{}-m02", cluster.name)
}

fn message_of(cluster: &Cluster, namespace: &str, reason: &str) -> anyhow::Result<String> {
    until(&format!("an event {reason}"), 20, || {
        let selector = format!("--field-selector=reason={reason}");
        let said = ["-n", namespace, "get", "events", &selector, "-o"];
        let said = cluster.kubectl(&[&said[..], &["jsonpath={.items[*].message}"]].concat())?;
        ensure!(!said.is_empty(), "none yet");
        Ok(said)
    })
}

/// Runs a clean-up that is due in any case.
struct Finally<F: FnMut()>(F);

impl<F: FnMut()> Drop for Finally<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// One node has one seat, which is a resource that nobody else asks for.
fn an_important_pod_takes_the_place_of_another(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("rank")?;
    let worker = worker(cluster);
    let seats = |number: Value| {
        let seats = json!({ "example.com/seat": number });
        let status = json!({ "status": { "capacity": seats, "allocatable": seats } }).to_string();
        cluster.kubectl(&[
            "patch",
            "node",
            &worker,
            "--subresource=status",
            "--type=merge",
            "-p",
            &status,
        ])
    };
    let classes = [
        ("e2e-high", "--value=1000", "--preemption-policy=PreemptLowerPriority"),
        ("e2e-patient", "--value=2000", "--preemption-policy=Never"),
    ];
    let _after = Finally(|| {
        for (class, ..) in classes {
            let _ = cluster.kubectl(&["delete", "priorityclass", class]);
        }
        let _ = seats(Value::Null);
    });
    for (class, value, policy) in classes {
        cluster.kubectl(&["create", "priorityclass", class, value, policy])?;
    }
    seats(json!("1"))?;
    let seated = |name: &str, class: Option<&str>| {
        let limits = json!({ "limits": { "example.com/seat": "1" } });
        let container = json!([{ "name": "c", "image": "rkube.test/busybox:1", "command": ["sleep", "3600"],
            "resources": limits }]);
        pod(
            cluster,
            "rank",
            name,
            json!({ "containers": container, "priorityClassName": class }),
        )
    };
    seated("low", None)?;
    cluster.pod_ready("rank", "low")?;

    seated("patient", Some("e2e-patient"))?;
    let why = until("the reason why the patient pod waits", 20, || {
        let of = "jsonpath={.status.conditions[?(@.type==\"PodScheduled\")].message}";
        let said = cluster.kubectl(&["-n", "rank", "get", "pod", "patient", "-o", of])?;
        ensure!(said.contains("Insufficient example.com/seat"), "{said:?}");
        Ok(said)
    })?;
    ensure!(
        why.contains("preemption: not eligible due to preemptionPolicy=Never."),
        "{why}"
    );
    cluster.kubectl(&["-n", "rank", "delete", "pod", "patient"])?;

    seated("high", Some("e2e-high"))?;
    cluster.pod_ready("rank", "high")?;
    let gone = cluster.kubectl(&["-n", "rank", "get", "pod", "low", "--ignore-not-found", "-o", "name"])?;
    ensure!(gone.is_empty(), "both have the only seat");
    let said = message_of(cluster, "rank", "Preempted")?;
    ensure!(said.contains(&format!("on node {worker}")), "{said}");
    cluster.kubectl(&["delete", "namespace", "rank", "--timeout=300s"])?;
    Ok(())
}

fn a_taint_sends_pods_away_in_their_time(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("tainted")?;
    let worker = worker(cluster);
    let on_worker = |name: &str, tolerations: Value| {
        let place = json!({ "kubernetes.io/hostname": worker });
        pod(
            cluster,
            "tainted",
            name,
            json!({ "nodeSelector": place, "tolerations": tolerations }),
        )
    };
    let tolerated = json!({ "key": "e2e", "operator": "Exists", "effect": "NoExecute" });
    let mut for_a_while = tolerated.clone();
    // long enough to be seen without the others on a busy machine
    for_a_while["tolerationSeconds"] = json!(20);
    on_worker("leaves", json!([]))?;
    on_worker("lingers", json!([for_a_while]))?;
    on_worker("stays", json!([tolerated]))?;
    for name in ["leaves", "lingers", "stays"] {
        cluster.pod_ready("tainted", name)?;
    }
    let _after = Finally(|| drop(cluster.kubectl(&["taint", "node", &worker, "e2e-"])));
    cluster.kubectl(&["taint", "node", &worker, "e2e=now:NoExecute"])?;
    let there = || {
        cluster.kubectl(&[
            "-n",
            "tainted",
            "get",
            "pods",
            "-o",
            "jsonpath={.items[*].metadata.name}",
        ])
    };
    let left = |wanted: &str| {
        until(&format!("only {wanted} to be left"), 20, || {
            let names = there()?;
            ensure!(names == wanted, "{names}");
            Ok(())
        })
    };
    left("lingers stays")?;
    left("stays")?;
    let said = message_of(cluster, "tainted", "TaintManagerEviction")?;
    ensure!(said.contains("Marking for deletion Pod tainted/leaves"), "{said}");
    let phase = cluster.kubectl(&["-n", "tainted", "get", "pod", "stays", "-o", "jsonpath={.status.phase}"])?;
    ensure!(phase == "Running", "{phase}");
    cluster.kubectl(&["delete", "namespace", "tainted", "--wait=false"])?;
    Ok(())
}

const KEPT: &str = "
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: kept}
spec: {minAvailable: 2, selector: {matchLabels: {app: kept}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: kept}
spec:
  replicas: 2
  selector: {matchLabels: {app: kept}}
  template:
    metadata: {labels: {app: kept}}
    spec:
      terminationGracePeriodSeconds: 0
      tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists}]
      containers: [{name: c, image: 'rkube.test/busybox:1', command: [sleep, '3600']}]
";

fn a_drain_waits_for_what_a_budget_keeps(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("budget")?;
    let worker = worker(cluster);
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "budget"], args].concat());
    let _after = Finally(|| {
        for node in [&cluster.name, &worker] {
            let _ = cluster.kubectl(&["uncordon", node]);
        }
    });
    // both replicas on the node that is drained then
    cluster.kubectl(&["cordon", &cluster.name])?;
    cluster.kubectl_with(&["-n", "budget", "apply", "-f", "-"], KEPT)?;
    kubectl(&["rollout", "status", "deployment/kept", "--timeout=300s"])?;
    cluster.kubectl(&["uncordon", &cluster.name])?;
    until("the budget to count its pods", 20, || {
        let healthy = kubectl(&["get", "pdb", "kept", "-o", "jsonpath={.status.currentHealthy}"])?;
        ensure!(healthy == "2", "{healthy:?}");
        Ok(())
    })?;
    let drain = |timeout: &str| cluster.kubectl(&["drain", &worker, "--pod-selector=app=kept", timeout]);
    let refused = drain("--timeout=12s").err().context("a budget was not kept")?;
    let refused = format!("{refused:#}");
    ensure!(
        refused.contains("Cannot evict pod as it would violate the pod's disruption budget."),
        "{refused}"
    );
    let nodes = kubectl(&["get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}"])?;
    ensure!(nodes == format!("{worker} {worker}"), "{nodes}");

    kubectl(&[
        "patch",
        "pdb",
        "kept",
        "--type=merge",
        "-p",
        r#"{"spec":{"minAvailable":1}}"#,
    ])?;
    drain("--timeout=300s")?;
    kubectl(&["rollout", "status", "deployment/kept", "--timeout=300s"])?;
    let nodes = kubectl(&["get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}"])?;
    ensure!(!nodes.contains(&worker), "{nodes}");
    cluster.kubectl(&["delete", "namespace", "budget", "--timeout=300s"])?;
    Ok(())
}

//! Pods, deployments and jobs, as a user makes them with kubectl.

use anyhow::{bail, ensure};
use e2e::{Cluster, until};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    ("workloads::run_a_pod_and_read_its_log", run_a_pod_and_read_its_log),
    (
        "workloads::a_deployment_from_create_to_rollback",
        a_deployment_from_create_to_rollback,
    ),
    ("workloads::a_job_completes", a_job_completes),
    ("workloads::a_crash_loop_backs_off", a_crash_loop_backs_off),
    ("workloads::drain_moves_pods_away", drain_moves_pods_away),
    (
        "workloads::a_replication_controller_keeps_its_number",
        a_replication_controller_keeps_its_number,
    ),
    ("workloads::a_quota_counts_what_there_is", a_quota_counts_what_there_is),
];

fn run_a_pod_and_read_its_log(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.kubectl(&[
        "run",
        "hello",
        "--image=rkube.test/busybox:1",
        "--restart=Never",
        "--",
        "echo",
        "hello there",
    ])?;
    until("the pod's end", 60, || {
        let phase = cluster.kubectl(&["get", "pod", "hello", "-o", "jsonpath={.status.phase}"])?;
        if phase == "Succeeded" { Ok(()) } else { bail!("{phase}") }
    })?;
    ensure!(cluster.kubectl(&["logs", "hello"])? == "hello there\n");
    let described = cluster.kubectl(&["describe", "pod", "hello"])?;
    ensure!(
        described.contains("Exit Code:") && described.contains("Scheduled"),
        "{described}"
    );
    cluster.kubectl(&["delete", "pod", "hello"])?;
    Ok(())
}

fn a_deployment_from_create_to_rollback(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("deploy")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "deploy"], args].concat());
    kubectl(&[
        "create",
        "deployment",
        "web",
        "--image=rkube.test/nginx:1",
        "--replicas=2",
    ])?;
    kubectl(&["rollout", "status", "deployment/web", "--timeout=300s"])?;
    let wide = kubectl(&["get", "deployment", "web", "-o", "wide"])?;
    ensure!(wide.contains("2/2") && wide.contains("rkube.test/nginx:1"), "{wide}");
    kubectl(&["scale", "deployment", "web", "--replicas=3"])?;
    kubectl(&["rollout", "status", "deployment/web", "--timeout=300s"])?;

    kubectl(&["set", "image", "deployment/web", "nginx=rkube.test/no-such:1"])?;
    until("the new replica set's first pod to fail", 60, || {
        let reasons = kubectl(&["get", "pods", "-o", "jsonpath={..waiting.reason}"])?;
        if reasons.contains("ImagePull") {
            Ok(())
        } else {
            bail!("{reasons}")
        }
    })?;
    let ready = kubectl(&["get", "deployment", "web", "-o", "jsonpath={.status.readyReplicas}"])?;
    ensure!(ready == "3", "a bad image must not take away good pods: {ready}");
    let history = kubectl(&["rollout", "history", "deployment/web"])?;
    ensure!(history.contains('1') && history.contains('2'), "{history}");
    kubectl(&["rollout", "undo", "deployment/web"])?;
    kubectl(&["rollout", "status", "deployment/web", "--timeout=300s"])?;
    let image = kubectl(&["get", "deployment", "web", "-o", "jsonpath={..image}"])?;
    ensure!(image == "rkube.test/nginx:1", "{image}");
    cluster.kubectl(&["delete", "namespace", "deploy", "--timeout=300s"])?;
    Ok(())
}

fn a_job_completes(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.kubectl(&[
        "create",
        "job",
        "sum",
        "--image=rkube.test/busybox:1",
        "--",
        "sh",
        "-c",
        "echo $((6 * 7))",
    ])?;
    cluster.kubectl(&["wait", "--for=condition=complete", "job/sum", "--timeout=300s"])?;
    ensure!(cluster.kubectl(&["logs", "job/sum"])? == "42\n");
    cluster.kubectl(&["delete", "job", "sum"])?;
    Ok(())
}

const CRASH: &str = r"
apiVersion: v1
kind: Pod
metadata: {name: crash}
spec:
  containers:
  - name: crash
    image: rkube.test/busybox:1
    command: [sh, -c, 'echo no more bread; exit 3']
    terminationMessagePolicy: FallbackToLogsOnError
";

fn a_crash_loop_backs_off(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.kubectl_with(&["apply", "-f", "-"], CRASH)?;
    until("CrashLoopBackOff", 60, || {
        let status = cluster.kubectl(&["get", "pod", "crash", "-o", "jsonpath={.status.containerStatuses[0]}"])?;
        // what it said last stands for the message that it did not leave
        let told = status.contains("\"exitCode\":3") && status.contains("\"message\":\"no more bread\\n\"");
        if status.contains("CrashLoopBackOff") && told {
            Ok(())
        } else {
            bail!("{status}")
        }
    })?;
    cluster.kubectl(&["delete", "pod", "crash"])?;
    Ok(())
}

fn drain_moves_pods_away(cluster: &Cluster) -> anyhow::Result<()> {
    let worker = format!("{}-m02", cluster.name);
    cluster.namespace("drain")?;
    cluster.kubectl(&[
        "-n",
        "drain",
        "create",
        "deployment",
        "app",
        "--image=rkube.test/nginx:1",
        "--replicas=3",
    ])?;
    cluster.kubectl(&["-n", "drain", "rollout", "status", "deployment/app", "--timeout=300s"])?;
    cluster.kubectl(&[
        "drain",
        &worker,
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--timeout=300s",
    ])?;
    let nodes = cluster.kubectl(&["-n", "drain", "get", "pods", "-o", "jsonpath={..nodeName}"])?;
    let uncordoned = cluster.kubectl(&["uncordon", &worker]);
    ensure!(!nodes.contains(&worker), "{nodes}");
    uncordoned?;
    cluster.kubectl(&["delete", "namespace", "drain", "--timeout=300s"])?;
    Ok(())
}

const CONTROLLER: &str = "
apiVersion: v1
kind: ReplicationController
metadata: {name: old}
spec:
  replicas: 2
  selector: {app: old}
  template:
    metadata: {labels: {app: old}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: c, image: 'rkube.test/busybox:1', command: [sleep, '3600']}]
";

fn a_replication_controller_keeps_its_number(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("old")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "old"], args].concat());
    cluster.kubectl_with(&["-n", "old", "apply", "-f", "-"], CONTROLLER)?;
    let ready = |number: usize| {
        until(&format!("{number} ready replicas"), 30, || {
            let status = kubectl(&[
                "get",
                "rc",
                "old",
                "-o",
                "jsonpath={.status.replicas}/{.status.readyReplicas}",
            ])?;
            ensure!(status == format!("{number}/{number}"), "{status}");
            let names = kubectl(&["get", "pods", "-o", "jsonpath={.items[*].metadata.name}"])?;
            let names: Vec<String> = names.split(' ').map(str::to_owned).collect();
            ensure!(names.len() == number, "{names:?}");
            Ok(names)
        })
    };
    let first = ready(2)?;
    kubectl(&["delete", "pod", &first[0]])?;
    let second = ready(2)?;
    ensure!(second.contains(&first[1]) && !second.contains(&first[0]), "{second:?}");
    // one that bears the labels already is taken in, and one that loses them is let go
    kubectl(&["label", "pod", &first[1], "--overwrite", "app=freed"])?;
    let owner = ["get", "pod", &first[1], "-o", "jsonpath={.metadata.ownerReferences}"];
    until("the pod to be let go", 20, || {
        let owner = kubectl(&owner)?;
        ensure!(owner.is_empty(), "{owner}");
        Ok(())
    })?;
    until("three pods", 20, || {
        let pods = kubectl(&["get", "pods", "-o", "name"])?;
        ensure!(pods.lines().count() == 3, "{pods}");
        Ok(())
    })?;
    kubectl(&["label", "pod", &first[1], "--overwrite", "app=old"])?;
    ready(2)?;
    kubectl(&["scale", "rc", "old", "--replicas=1"])?;
    ready(1)?;
    kubectl(&["delete", "rc", "old"])?;
    until("its pods to go with it", 30, || {
        let pods = kubectl(&["get", "pods", "-o", "name"])?;
        ensure!(pods.is_empty(), "{pods}");
        Ok(())
    })?;
    cluster.kubectl(&["delete", "namespace", "old", "--timeout=300s"])?;
    Ok(())
}

fn a_quota_counts_what_there_is(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("quota")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "quota"], args].concat());
    kubectl(&["create", "quota", "few", "--hard=pods=1,requests.cpu=500m"])?;
    let used = |wanted: &str| {
        until(&format!("the quota to say {wanted}"), 20, || {
            let of = "jsonpath={.status.used.pods} {.status.used.requests\\.cpu}";
            let used = kubectl(&["get", "quota", "few", "-o", of])?;
            ensure!(used == wanted, "{used:?}");
            Ok(())
        })
    };
    used("0 0")?;
    let pod = |name: &str, requests: &str| {
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  terminationGracePeriodSeconds: 0\n  containers: \
             [{{name: c, image: 'rkube.test/busybox:1', command: [sleep, '3600'], resources: {{requests: {{{requests}}}}}}}]\n"
        );
        cluster.kubectl_with(&["-n", "quota", "create", "-f", "-"], &pod)
    };
    let refused = |name: &str, requests: &str, wanted: &str| {
        let said = pod(name, requests);
        let said = said.map_or_else(|error| format!("{error:#}"), |made| format!("was made: {made}"));
        ensure!(said.contains(wanted), "{said}");
        anyhow::Ok(())
    };
    refused("silent", "", "failed quota: few: must specify requests.cpu for: c")?;
    refused(
        "large",
        "cpu: 600m",
        "exceeded quota: few, requested: requests.cpu=600m, used: requests.cpu=0, limited: requests.cpu=500m",
    )?;
    pod("first", "cpu: 100m")?;
    used("1 100m")?;
    refused(
        "second",
        "cpu: 100m",
        "exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1",
    )?;
    kubectl(&["delete", "pod", "first"])?;
    used("0 0")?;
    pod("third", "cpu: 100m")?;
    cluster.kubectl(&["delete", "namespace", "quota", "--wait=false"])?;
    Ok(())
}

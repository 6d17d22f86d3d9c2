//! Fail-static and restart-proof: killing, freezing and restarting parts of the cluster.

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, Run as _, until};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "resilience::killing_the_agent_or_containerd_leaves_pods_alone",
        killing_the_agent_or_containerd_leaves_pods_alone,
    ),
    (
        "resilience::a_restart_of_the_nodes_brings_everything_back",
        a_restart_of_the_nodes_brings_everything_back,
    ),
    (
        "resilience::pods_go_on_while_the_control_plane_is_paused",
        pods_go_on_while_the_control_plane_is_paused,
    ),
    (
        "resilience::a_claims_data_outlives_its_node_and_the_cluster_being_stopped",
        a_claims_data_outlives_its_node_and_the_cluster_being_stopped,
    ),
];

const COUNTER: &str = "i=0; while true; do i=$((i+1)); echo $i > /tmp/next; mv /tmp/next /tmp/count; sleep 0.1; done";

/// A pod on the control plane that counts; gives its main process as the node sees it.
fn counting_pod(cluster: &Cluster, namespace: &str) -> anyhow::Result<String> {
    cluster.namespace(namespace)?;
    pod_on_control_plane(cluster, namespace, "counter", COUNTER)?;
    counter_process(cluster)
}

fn pod_on_control_plane(cluster: &Cluster, namespace: &str, name: &str, script: &str) -> anyhow::Result<()> {
    let overrides = format!(
        "{{\"spec\":{{\"nodeName\":\"{}\",\"terminationGracePeriodSeconds\":1}}}}",
        cluster.name
    );
    let image = "--image=rkube.test/busybox:1";
    let run = [
        "-n",
        namespace,
        "run",
        name,
        image,
        "--overrides",
        &overrides,
        "--",
        "sh",
        "-c",
        script,
    ];
    cluster.kubectl(&run)?;
    cluster.pod_ready(namespace, name)
}

fn counter_process(cluster: &Cluster) -> anyhow::Result<String> {
    process_of(cluster, "i=0")
}

/// The shell in the control plane's node whose script begins so.
fn process_of(cluster: &Cluster, script: &str) -> anyhow::Result<String> {
    let found = cluster.in_node(&cluster.name, &format!("pgrep -f '^sh -c {script}'"))?;
    let first = found.split_whitespace().next();
    Ok(first.with_context(|| format!("{script} does not run"))?.to_owned())
}

fn count(cluster: &Cluster, process: &str) -> anyhow::Result<u64> {
    Ok(cluster
        .in_node(&cluster.name, &format!("cat /proc/{process}/root/tmp/count"))?
        .trim()
        .parse()?)
}

fn goes_on(cluster: &Cluster, process: &str) -> anyhow::Result<()> {
    let before = until("the counter to begin", 10, || count(cluster, process))?;
    until("the counter to count", 10, || {
        let now = count(cluster, process)?;
        if now > before { Ok(()) } else { bail!("{now}") }
    })
}

fn killing_the_agent_or_containerd_leaves_pods_alone(cluster: &Cluster) -> anyhow::Result<()> {
    let process = counting_pod(cluster, "kill")?;
    for name in ["node", "containerd"] {
        let pid_file = format!("/run/rkube/{name}.pid");
        let old = cluster.in_node(&cluster.name, &format!("cat {pid_file}"))?;
        cluster.in_node(&cluster.name, &format!("kill -9 {}", old.trim()))?;
        until(&format!("{name} to be started again"), 10, || {
            let new = cluster.in_node(&cluster.name, &format!("cat {pid_file}"))?;
            ensure!(new != old, "still {new}");
            Ok(())
        })?;
        until("the API to answer", 10, || {
            cluster.kubectl(&["get", "--raw", "/readyz"])
        })?;
        ensure!(
            counter_process(cluster)? == process,
            "the pod's process changed when {name} was killed"
        );
        goes_on(cluster, &process)?;
    }
    until("exec to work again", 30, || {
        cluster.kubectl(&["-n", "kill", "exec", "counter", "--", "true"])
    })?;
    let restarts = "jsonpath={.status.containerStatuses[0].restartCount}";
    let restarts = cluster.kubectl(&["-n", "kill", "get", "pod", "counter", "-o", restarts])?;
    ensure!(restarts == "0", "{restarts} restarts");
    cluster.kubectl(&["delete", "namespace", "kill", "--timeout=300s"])?;
    Ok(())
}

fn pods_go_on_while_the_control_plane_is_paused(cluster: &Cluster) -> anyhow::Result<()> {
    let process = counting_pod(cluster, "pause")?;
    // the engine's own resolver knows the nodes, and is asked through the node-local forwarder
    let script = format!(
        "asking=1; while true; do nslookup kubernetes.default.svc.cluster.local > /tmp/next; mv /tmp/next /tmp/inside; \
         nslookup {}. 169.254.20.10 > /tmp/next; mv /tmp/next /tmp/outside; sleep 0.2; done",
        cluster.name
    );
    pod_on_control_plane(cluster, "pause", "asker", &script)?;
    let asker = process_of(cluster, "asking=1")?;
    resolving_goes_on(cluster, &asker)?;
    cluster.rkube(&["pause"])?.ok()?;
    let mut asked = cluster.kubectl_command(&["get", "nodes", "--request-timeout=2s"]);
    let answered = asked.run()?.code == 0;
    let counted = goes_on(cluster, &process);
    let resolved = resolving_goes_on(cluster, &asker);
    cluster.rkube(&["unpause"])?.ok()?;
    ensure!(!answered, "the API answered while paused");
    counted?;
    resolved?;
    until("the API to answer", 10, || {
        cluster.kubectl(&["get", "--raw", "/readyz"])
    })?;
    cluster.kubectl(&["delete", "namespace", "pause", "--timeout=300s"])?;
    Ok(())
}

/// Names of services and of the outside, as a pod resolves them; kubectl has no API to ask now, so the node looks into the pod.
fn resolving_goes_on(cluster: &Cluster, process: &str) -> anyhow::Result<()> {
    let folder = format!("/proc/{process}/root/tmp");
    cluster.in_node(&cluster.name, &format!("rm -f {folder}/inside {folder}/outside"))?;
    let address = cluster.rkube(&["ip"])?.ok()?;
    for (file, expected) in [("inside", "10.96.0.1"), ("outside", address.trim())] {
        until("a pod to resolve a name", 20, || {
            let answer = cluster.in_node(&cluster.name, &format!("cat {folder}/{file}"))?;
            ensure!(answer.contains(expected), "{answer}");
            Ok(())
        })?;
    }
    Ok(())
}

fn a_restart_of_the_nodes_brings_everything_back(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("restart")?;
    cluster.kubectl(&[
        "-n",
        "restart",
        "create",
        "deployment",
        "web",
        "--image=rkube.test/nginx:1",
        "--replicas=2",
    ])?;
    cluster.kubectl(&["-n", "restart", "rollout", "status", "deployment/web", "--timeout=300s"])?;
    let worker = format!("{}-m02", cluster.name);
    std::process::Command::new("docker")
        .args(["restart", &cluster.name, &worker])
        .run()?
        .ok()?;
    until("the API to answer", 30, || {
        cluster.kubectl(&["get", "--raw", "/readyz"])
    })?;
    // pods are new processes now; the kubelets must say so before the state counts
    until("the deployment's pods to be restarted and ready", 90, || {
        let pods = cluster.get(&["-n", "restart", "pods"])?;
        let items = pods["items"].as_array().context("items")?;
        let back = items
            .iter()
            .filter(|pod| pod["status"]["containerStatuses"][0]["ready"] == true)
            .count();
        if items.len() == 2 && back == 2 {
            Ok(())
        } else {
            bail!("{back} of {} ready", items.len())
        }
    })?;
    let restarted = cluster.rkube(&["start"])?.ok()?;
    ensure!(restarted.contains("nothing to do"), "{restarted}");
    cluster.kubectl(&["delete", "namespace", "restart", "--timeout=300s"])?;
    Ok(())
}

const DIARY: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: diary}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 16Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: writer}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: diary, persistentVolumeClaim: {claimName: diary}}]
  containers:
  - name: c
    image: rkube.test/busybox:1
    command: [sh, -c, 'echo begun >> /diary/starts; sleep 3600']
    volumeMounts: [{name: diary, mountPath: /diary}]
";

fn a_claims_data_outlives_its_node_and_the_cluster_being_stopped(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("diary")?;
    cluster.kubectl_with(&["-n", "diary", "apply", "-f", "-"], DIARY)?;
    let has_begun = |times: usize| {
        until(&format!("the writer to have begun {times} times"), 90, || {
            let diary = cluster.kubectl(&["-n", "diary", "exec", "writer", "--", "cat", "/diary/starts"])?;
            ensure!(diary.lines().count() == times, "{diary}");
            Ok(())
        })
    };
    has_begun(1)?;
    let node = ["-n", "diary", "get", "pod", "writer", "-o", "jsonpath={.spec.nodeName}"];
    let node = cluster.kubectl(&node)?;
    std::process::Command::new("docker")
        .args(["restart", &node])
        .run()?
        .ok()?;
    has_begun(2)?;
    cluster.rkube(&["stop"])?.ok()?;
    cluster.rkube(&["start"])?.ok()?;
    has_begun(3)?;
    cluster.kubectl(&["-n", "diary", "delete", "pod", "writer"])?;
    cluster.kubectl(&["delete", "namespace", "diary", "--timeout=300s"])?;
    Ok(())
}

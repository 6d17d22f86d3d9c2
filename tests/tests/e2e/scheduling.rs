//! Where pods go: near others, apart from them, spread, and not before their gates are open.

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, until};
use serde_json::{Value, json};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "scheduling::replicas_that_avoid_each_other",
        replicas_that_avoid_each_other,
    ),
    ("scheduling::pods_follow_and_spread", pods_follow_and_spread),
    ("scheduling::a_gated_pod_waits", a_gated_pod_waits),
    ("scheduling::a_profile_picks_its_nodes", a_profile_picks_its_nodes),
    (
        "scheduling::a_profile_that_makes_no_room_does_not_speak_of_it",
        a_profile_that_makes_no_room_does_not_speak_of_it,
    ),
];

/// What the shared cluster's scheduler is told: a profile whose pods go to labelled nodes only, and one whose pods send no others
/// away.
pub(crate) const PROFILES: &str = r"
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
- schedulerName: picky
  pluginConfig:
  - name: NodeAffinity
    args:
      addedAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms:
          - matchExpressions: [{key: picked, operator: Exists}]
- schedulerName: polite
  plugins: {postFilter: {disabled: [{name: DefaultPreemption}]}}
";

/// Applies a Deployment of pods that do nothing.
fn deploy(cluster: &Cluster, namespace: &str, name: &str, replicas: usize, spec: &Value) -> anyhow::Result<()> {
    let mut pod = json!({
        "terminationGracePeriodSeconds": 0,
        "containers": [{ "name": "c", "image": "rkube.test/busybox:1", "command": ["sleep", "3600"] }],
        // the control plane's node takes pods, too
        "tolerations": [{ "key": "node-role.kubernetes.io/control-plane", "operator": "Exists" }],
    });
    if let (Some(pod), Some(spec)) = (pod.as_object_mut(), spec.as_object()) {
        pod.extend(spec.clone());
    }
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } }, "spec": pod },
        },
    });
    cluster.kubectl_with(&["-n", namespace, "apply", "-f", "-"], &deployment.to_string())?;
    Ok(())
}

/// The nodes of an app's pods, sorted; those that have none yet are not among them.
fn places(cluster: &Cluster, namespace: &str, app: &str) -> anyhow::Result<Vec<String>> {
    let list = cluster.get(&["-n", namespace, "pods", "-l", &format!("app={app}")])?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let mut nodes: Vec<String> = items
        .iter()
        .filter_map(|pod| pod["spec"]["nodeName"].as_str().map(ToOwned::to_owned))
        .collect();
    nodes.sort();
    Ok(nodes)
}

fn placed(cluster: &Cluster, namespace: &str, app: &str, number: usize) -> anyhow::Result<Vec<String>> {
    until(&format!("{number} pods of {app} to have nodes"), 20, || {
        let nodes = places(cluster, namespace, app)?;
        ensure!(nodes.len() == number, "{nodes:?}");
        Ok(nodes)
    })
}

fn replicas_that_avoid_each_other(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("apart")?;
    let apart = |app: &str| {
        json!({ "affinity": { "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
        { "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": app } } }] } } })
    };
    deploy(cluster, "apart", "shy", 3, &apart("shy"))?;
    let nodes = placed(cluster, "apart", "shy", 2)?;
    ensure!(nodes[0] != nodes[1], "{nodes:?}");
    let wanted = "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules. \
                  preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.";
    until("an event that says why the third waits", 20, || {
        let filter = [
            "-n",
            "apart",
            "get",
            "events",
            "--field-selector=reason=FailedScheduling",
        ];
        let events = cluster.kubectl(&[&filter[..], &["-o", "jsonpath={.items[*].message}"]].concat())?;
        ensure!(events.contains(wanted), "{events}");
        Ok(())
    })?;
    // room that becomes free is taken
    let pod = until("a pod of shy that runs", 30, || {
        let running = [
            "-n",
            "apart",
            "get",
            "pods",
            "-l",
            "app=shy",
            "--field-selector=status.phase=Running",
        ];
        let names = cluster.kubectl(&[&running[..], &["-o", "jsonpath={.items[*].metadata.name}"]].concat())?;
        names.split_whitespace().next().map(str::to_owned).context("none runs")
    })?;
    cluster.kubectl(&["-n", "apart", "scale", "deployment", "shy", "--replicas=2"])?;
    cluster.kubectl(&["-n", "apart", "delete", "pod", &pod])?;
    placed(cluster, "apart", "shy", 2)?;
    cluster.kubectl(&["-n", "apart", "rollout", "status", "deployment/shy", "--timeout=300s"])?;
    cluster.kubectl(&["delete", "namespace", "apart", "--wait=false"])?;
    Ok(())
}

fn pods_follow_and_spread(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("near")?;
    deploy(cluster, "near", "leader", 1, &json!({}))?;
    let leader = placed(cluster, "near", "leader", 1)?;
    let near = json!({ "affinity": { "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
        { "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "leader" } } }] } } });
    deploy(cluster, "near", "follower", 3, &near)?;
    let followers = placed(cluster, "near", "follower", 3)?;
    ensure!(
        followers.iter().all(|node| *node == leader[0]),
        "{followers:?} of {leader:?}"
    );
    let spread = json!({ "topologySpreadConstraints": [{
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": { "matchLabels": { "app": "even" } } }] });
    deploy(cluster, "near", "even", 4, &spread)?;
    let even = placed(cluster, "near", "even", 4)?;
    ensure!(
        even[0] == even[1] && even[1] != even[2] && even[2] == even[3],
        "{even:?}"
    );
    cluster.kubectl(&["delete", "namespace", "near", "--wait=false"])?;
    Ok(())
}

fn a_gated_pod_waits(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("gated")?;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "gated" },
        "spec": {
            "schedulingGates": [{ "name": "example.com/quota" }], "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "c", "image": "rkube.test/busybox:1", "command": ["sleep", "3600"] }],
        },
    });
    cluster.kubectl_with(&["-n", "gated", "apply", "-f", "-"], &pod.to_string())?;
    let made = cluster.get(&["-n", "gated", "pod", "gated"])?;
    let Some(condition) = made["status"]["conditions"].get(0) else {
        bail!("{}", made["status"])
    };
    ensure!(condition["reason"] == "SchedulingGated", "{condition}");
    let row = cluster.kubectl(&["-n", "gated", "get", "pod", "gated", "--no-headers"])?;
    ensure!(row.contains("SchedulingGated"), "{row}");
    let open = r#"[{"op": "remove", "path": "/spec/schedulingGates"}]"#;
    cluster.kubectl(&["-n", "gated", "patch", "pod", "gated", "--type=json", "-p", open])?;
    cluster.pod_ready("gated", "gated")?;
    cluster.kubectl(&["delete", "namespace", "gated", "--wait=false"])?;
    Ok(())
}

fn a_profile_picks_its_nodes(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("picky")?;
    deploy(cluster, "picky", "fussy", 1, &json!({ "schedulerName": "picky" }))?;
    let events = |kind: &str, of: &str| {
        let selector = format!("--field-selector=reason={kind}");
        cluster.kubectl(&[
            "-n",
            "picky",
            "get",
            "events",
            &selector,
            "-o",
            &format!("jsonpath={{.items[*].{of}}}"),
        ])
    };
    let wanted = "0/2 nodes are available: 2 node(s) didn't match scheduler-enforced node affinity.";
    until("an event that says why the pod waits", 20, || {
        let said = events("FailedScheduling", "message")?;
        ensure!(said.contains(wanted), "{said}");
        Ok(())
    })?;
    let second = format!("{}-m02", cluster.name);
    cluster.kubectl(&["label", "node", &second, "picked=yes"])?;
    let nodes = placed(cluster, "picky", "fussy", 1)?;
    ensure!(nodes == [second.as_str()], "{nodes:?}");
    until("an event in the profile's name", 10, || {
        let source = events("Scheduled", "source.component")?;
        ensure!(source == "picky", "{source:?}");
        Ok(())
    })?;
    cluster.kubectl(&["label", "node", &second, "picked-"])?;
    cluster.kubectl(&["delete", "namespace", "picky", "--wait=false"])?;
    Ok(())
}

fn a_profile_that_makes_no_room_does_not_speak_of_it(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("polite")?;
    let volume = json!([{ "name": "v", "persistentVolumeClaim": { "claimName": "absent" } }]);
    let waits = |scheduler: &str, wanted: &str| {
        let spec = json!({ "schedulerName": scheduler, "volumes": volume });
        deploy(cluster, "polite", scheduler, 1, &spec)?;
        until("the reason why the pod waits", 30, || {
            let selector = format!("app={scheduler}");
            let of = "jsonpath={.items[0].status.conditions[?(@.type==\"PodScheduled\")].message}";
            let said = cluster.kubectl(&["-n", "polite", "get", "pods", "-l", &selector, "-o", of])?;
            ensure!(said == wanted, "{said:?}");
            Ok(())
        })
    };
    let why = "0/2 nodes are available: persistentvolumeclaim \"absent\" not found.";
    waits("polite", why)?;
    let more = "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
    waits("default-scheduler", &format!("{why} {more}"))?;
    cluster.kubectl(&["delete", "namespace", "polite", "--wait=false"])?;
    Ok(())
}

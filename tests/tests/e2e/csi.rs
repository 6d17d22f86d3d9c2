//! Volumes of a CSI driver: a small one of the tests' own on every node, with the tests as external attacher and resizer.

mod nodes;
mod together;

use std::process::Command;

use anyhow::{bail, ensure};
use e2e::{Cluster, Run as _, until};
use serde_json::{Value, json};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "csi::a_volume_is_attached_staged_grown_and_given_back",
        a_volume_is_attached_staged_grown_and_given_back,
    ),
    (
        "csi::volumes_may_live_and_die_with_their_pod",
        volumes_may_live_and_die_with_their_pod,
    ),
    (
        "csi::a_block_volume_is_a_device_in_the_container",
        a_block_volume_is_a_device_in_the_container,
    ),
    (
        "csi::a_claim_an_ephemeral_claim_and_an_inline_volume_in_one_pod",
        together::a_claim_an_ephemeral_claim_and_an_inline_volume_in_one_pod,
    ),
    (
        "csi::a_volume_moves_once_its_node_has_given_it_back",
        nodes::a_volume_moves_once_its_node_has_given_it_back,
    ),
    (
        "csi::from_a_node_out_of_service_a_volume_is_taken",
        nodes::from_a_node_out_of_service_a_volume_is_taken,
    ),
    (
        "csi::a_driver_that_leaves_is_no_longer_shown",
        a_driver_that_leaves_is_no_longer_shown,
    ),
];

const FOLDER: &str = "/var/lib/csi.rkube.test";

const DRIVER: &str = "
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {name: csi.rkube.test}
spec:
  podInfoOnMount: true
  fsGroupPolicy: File
  volumeLifecycleModes: [Persistent, Ephemeral]
  tokenRequests: [{audience: vault, expirationSeconds: 3600}]
---
apiVersion: v1
kind: Secret
metadata: {name: csi-test, namespace: kube-system}
stringData: {password: sesame}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: csi-test, namespace: kube-system}
spec:
  selector: {matchLabels: {app: csi-test}}
  template:
    metadata: {labels: {app: csi-test}}
    spec:
      terminationGracePeriodSeconds: 0
      tolerations: [{operator: Exists}]
      containers:
      - name: driver
        image: rkube.test/busybox:1
        command: [/var/lib/csi.rkube.test/csi-driver, $(NODE)]
        env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
        securityContext: {privileged: true}
        volumeMounts:
        - {name: kubelet, mountPath: /var/lib/kubelet, mountPropagation: Bidirectional}
        - {name: own, mountPath: /var/lib/csi.rkube.test}
      volumes:
      - {name: kubelet, hostPath: {path: /var/lib/kubelet}}
      - {name: own, hostPath: {path: /var/lib/csi.rkube.test}}
";

/// Runs the driver on all nodes, unless an earlier test did.
fn driver(cluster: &Cluster) -> anyhow::Result<()> {
    let nodes = cluster.get(&["nodes"])?;
    let names: Vec<&str> = nodes["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|node| node["metadata"]["name"].as_str())
        .collect();
    for name in &names {
        if cluster.in_node(name, &format!("test -x {FOLDER}/csi-driver")).is_ok() {
            continue;
        }
        cluster.in_node(name, &format!("mkdir -p {FOLDER}"))?;
        let to = format!("{name}:{FOLDER}/csi-driver");
        Command::new("docker")
            .args(["cp", env!("CARGO_BIN_EXE_csi-driver"), &to])
            .run()?
            .ok()?;
    }
    cluster.kubectl_with(&["apply", "-f", "-"], DRIVER)?;
    for name in names {
        until(&format!("the driver on {name}"), 60, || {
            let found = cluster.get(&["csinode", name])?;
            let wanted = json!([{"name": "csi.rkube.test", "nodeID": format!("id-of-{name}"),
                "topologyKeys": ["csi.rkube.test/node"], "allocatable": {"count": 7}}]);
            ensure!(found["spec"]["drivers"] == wanted, "{found}");
            Ok(())
        })?;
        let node = cluster.get(&["node", name])?;
        ensure!(
            node["metadata"]["labels"]["csi.rkube.test/node"] == name,
            "{}",
            node["metadata"]
        );
    }
    Ok(())
}

/// A volume named like its claim, bound to it.
fn claim(name: &str, mode: &str) -> String {
    format!(
        "
apiVersion: v1
kind: PersistentVolume
metadata: {{name: csi-{name}}}
spec:
  capacity: {{storage: 1Gi}}
  accessModes: [ReadWriteOnce]
  volumeMode: {mode}
  storageClassName: csi-test
  claimRef: {{namespace: csi, name: {name}}}
  csi:
    driver: csi.rkube.test
    volumeHandle: volume-{name}
    nodeStageSecretRef: {{name: csi-test, namespace: kube-system}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}, namespace: csi}}
spec:
  accessModes: [ReadWriteOnce]
  volumeMode: {mode}
  storageClassName: csi-test
  resources: {{requests: {{storage: 1Gi}}}}
"
    )
}

/// A pod that runs `command`; `volume` and `mount` as in its spec.
fn pod(name: &str, volume: &str, mount: &str, command: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: csi}}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {{runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000}}
  volumes: [{{name: data, {volume}}}]
  containers:
  - name: main
    image: rkube.test/busybox:1
    command: [sh, -c, '{command}; sleep 3600']
    {mount}
"
    )
}

/// Does what the external attacher of a driver does, on the node that the volume is wanted on.
fn attach(cluster: &Cluster, volume: &str) -> anyhow::Result<()> {
    attach_to(cluster, volume, None)
}

fn attach_to(cluster: &Cluster, volume: &str, node: Option<&str>) -> anyhow::Result<()> {
    let name = until("the attachment", 60, || {
        let all = attachments(cluster, volume)?;
        match all.iter().find(|(_, on)| node.is_none_or(|node| node == on)) {
            Some((name, _)) => Ok(name.clone()),
            None => bail!("{volume}: {all:?}"),
        }
    })?;
    let status = json!({"status": {"attached": true, "attachmentMetadata": {"disk": "sesame"}}}).to_string();
    let patch = [
        "patch",
        "volumeattachment",
        &name,
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ];
    cluster.kubectl(&patch)?;
    Ok(())
}

/// The volume's attachments, with their nodes.
fn attachments(cluster: &Cluster, volume: &str) -> anyhow::Result<Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = cluster.get(&["volumeattachments"])?;
    let all = all["items"].as_array().into_iter().flatten();
    Ok(all
        .filter(|one| one["spec"]["source"]["persistentVolumeName"] == volume)
        .map(|one| (text(&one["metadata"]["name"]), text(&one["spec"]["nodeName"])))
        .collect())
}

fn in_csi(cluster: &Cluster, args: &[&str]) -> anyhow::Result<String> {
    cluster.kubectl(&[&["-n", "csi"], args].concat())
}

fn begin(cluster: &Cluster, objects: &[String]) -> anyhow::Result<()> {
    driver(cluster)?;
    if in_csi(cluster, &["get", "serviceaccount", "default"]).is_err() {
        cluster.namespace("csi")?;
    }
    cluster.kubectl_with(&["apply", "-f", "-"], &objects.join("\n---\n"))?;
    Ok(())
}

fn node_of(cluster: &Cluster, pod: &str) -> anyhow::Result<String> {
    in_csi(cluster, &["get", "pod", pod, "-o", "jsonpath={.spec.nodeName}"])
}

/// What the driver of the node has been asked about a volume, in order.
fn journal(cluster: &Cluster, node: &str, volume: &str) -> anyhow::Result<Vec<String>> {
    let text = cluster.in_node(node, &format!("cat {FOLDER}/journal"))?;
    let about = text.lines().filter(|line| line.split(' ').nth(1) == Some(volume));
    Ok(about
        .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
        .collect())
}

fn a_volume_is_attached_staged_grown_and_given_back(cluster: &Cluster) -> anyhow::Result<()> {
    let volume = "persistentVolumeClaim: {claimName: disk}";
    let mount = "volumeMounts: [{name: data, mountPath: /data}, {name: data, mountPath: /part, subPath: part}]";
    let command = "echo kept > /data/note; echo part > /part/note";
    begin(
        cluster,
        &[claim("disk", "Filesystem"), pod("user", volume, mount, command)],
    )?;
    attach(cluster, "csi-disk")?;
    cluster.pod_ready("csi", "user")?;
    let node = node_of(cluster, "user")?;
    let files = format!("{FOLDER}/volumes/volume-disk");
    let seen = until("the pod's files", 10, || {
        cluster.in_node(
            &node,
            &format!("cat {files}/note {files}/part/note && stat -c %g {files}/note"),
        )
    })?;
    ensure!(seen == "kept\npart\n2000\n", "{seen}");
    let told = cluster.in_node(&node, &format!("grep publish {FOLDER}/journal"))?;
    ensure!(
        told.contains("publish volume-disk to user ephemeral=false tokens=true"),
        "{told}"
    );
    let shown = cluster.get(&["node", &node])?;
    let name = "kubernetes.io/csi/csi.rkube.test^volume-disk";
    ensure!(shown["status"]["volumesInUse"] == json!([name]), "{}", shown["status"]);
    ensure!(
        shown["status"]["volumesAttached"][0]["name"] == name,
        "{}",
        shown["status"]
    );

    // the resizer's part: the volume has grown, and the node has to follow
    let size = json!({"spec": {"capacity": {"storage": "2Gi"}}}).to_string();
    cluster.kubectl(&["patch", "pv", "csi-disk", "-p", &size])?;
    let pending = json!({"status": {"conditions": [{"type": "FileSystemResizePending", "status": "True"}],
        "allocatedResourceStatuses": {"storage": "NodeResizePending"}}})
    .to_string();
    let patch = [
        "patch",
        "pvc",
        "disk",
        "--subresource=status",
        "--type=merge",
        "-p",
        &pending,
    ];
    in_csi(cluster, &patch)?;
    until("the claim to have grown", 30, || {
        let claim = cluster.get(&["-n", "csi", "pvc", "disk"])?;
        let status = &claim["status"];
        let done = status["capacity"]["storage"] == "2Gi"
            && status["conditions"].as_array().is_none_or(Vec::is_empty)
            && status["allocatedResourceStatuses"]["storage"].is_null();
        ensure!(done, "{status}");
        Ok(())
    })?;
    until("the figures of the volume", 20, || {
        let path = format!("/api/v1/nodes/{node}/proxy/stats/summary");
        let summary: Value = serde_json::from_str(&cluster.kubectl(&["get", "--raw", &path])?)?;
        let pods = summary["pods"].as_array().into_iter().flatten();
        let mut volumes = pods.flat_map(|pod| pod["volume"].as_array().into_iter().flatten());
        let Some(found) = volumes.find(|volume| volume["pvcRef"]["name"] == "disk") else {
            bail!("no figures of the claim")
        };
        ensure!(
            found["capacityBytes"] == 2_147_483_648_u64 && found["usedBytes"] == 42,
            "{found}"
        );
        Ok(())
    })?;

    // an agent that knows nothing of it gives it back all the same
    let agent = cluster.in_node(&node, "cat /run/rkube/node.pid")?;
    cluster.in_node(&node, "kill -9 $(cat /run/rkube/node.pid)")?;
    until("a new agent", 30, || {
        let now = cluster.in_node(&node, "cat /run/rkube/node.pid")?;
        ensure!(now != agent, "{now}");
        cluster.kubectl(&["get", "--raw", "/readyz"])
    })?;
    until("the end of the pod", 60, || {
        in_csi(cluster, &["delete", "pod", "user", "--ignore-not-found"])
    })?;
    until("the volume to be given back", 60, || {
        let calls = journal(cluster, &node, "volume-disk")?;
        ensure!(
            calls.ends_with(&["unpublish".to_owned(), "unstage".to_owned()]),
            "{calls:?}"
        );
        let left = cluster.in_node(&node, "ls /var/lib/kubelet/plugins/kubernetes.io/csi/csi.rkube.test")?;
        ensure!(left.trim().is_empty(), "{left}");
        let shown = cluster.get(&["node", &node])?;
        let status = &shown["status"];
        let free = status["volumesInUse"].as_array().is_none_or(Vec::is_empty) && status["volumesAttached"].is_null();
        ensure!(free, "{status}");
        let all = cluster.kubectl(&["get", "volumeattachments", "-o", "name"])?;
        ensure!(all.is_empty(), "{all}");
        Ok(())
    })?;
    in_csi(cluster, &["delete", "pvc", "disk"])?;
    cluster.kubectl(&["delete", "pv", "csi-disk"])?;
    Ok(())
}

fn volumes_may_live_and_die_with_their_pod(cluster: &Cluster) -> anyhow::Result<()> {
    let mount = "volumeMounts: [{name: data, mountPath: /data}]";
    let command = "echo mine > /data/note";
    begin(
        cluster,
        &[pod("inline", "csi: {driver: csi.rkube.test}", mount, command)],
    )?;
    cluster.pod_ready("csi", "inline")?;
    let node = node_of(cluster, "inline")?;
    let told = cluster.in_node(&node, &format!("grep publish {FOLDER}/journal"))?;
    ensure!(told.contains("to inline ephemeral=true tokens=true"), "{told}");
    let notes = format!("cat {FOLDER}/volumes/csi-*/note");
    until("the pod's file", 10, || {
        let seen = cluster.in_node(&node, &notes)?;
        ensure!(seen == "mine\n", "{seen}");
        Ok(())
    })?;
    in_csi(cluster, &["delete", "pod", "inline"])?;
    until("the end of the volume", 20, || {
        ensure!(cluster.in_node(&node, &notes).is_err(), "it is still there");
        Ok(())
    })?;

    let absent = pod("absent", "csi: {driver: absent.example}", mount, "true");
    cluster.kubectl_with(&["apply", "-f", "-"], &absent)?;
    until("the reason why the pod waits", 30, || {
        let events = in_csi(cluster, &["events", "--for", "pod/absent"])?;
        let why = "driver name absent.example not found in the list of registered CSI drivers";
        ensure!(events.contains(why), "{events}");
        Ok(())
    })?;
    in_csi(cluster, &["delete", "pod", "absent"])?;
    Ok(())
}

fn a_block_volume_is_a_device_in_the_container(cluster: &Cluster) -> anyhow::Result<()> {
    let volume = "persistentVolumeClaim: {claimName: raw}";
    let devices = "volumeDevices: [{name: data, devicePath: /dev/xvda}]";
    begin(cluster, &[claim("raw", "Block"), pod("raw", volume, devices, "true")])?;
    attach(cluster, "csi-raw")?;
    cluster.pod_ready("csi", "raw")?;
    let node = node_of(cluster, "raw")?;
    let read = "stat -c %t:%T /dev/xvda && dd if=/dev/xvda bs=8 count=1 2>/dev/null | wc -c";
    let seen = in_csi(cluster, &["exec", "raw", "--", "sh", "-c", read])?;
    ensure!(seen == "1:5\n8\n", "{seen}");
    in_csi(cluster, &["delete", "pod", "raw"])?;
    until("the device to be given back", 30, || {
        let calls = journal(cluster, &node, "volume-raw")?;
        ensure!(calls == ["stage", "publish", "unpublish", "unstage"], "{calls:?}");
        let left = cluster.in_node(&node, "ls -R /var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices")?;
        ensure!(!left.contains("csi-raw"), "{left}");
        Ok(())
    })?;
    in_csi(cluster, &["delete", "pvc", "raw"])?;
    cluster.kubectl(&["delete", "pv", "csi-raw"])?;
    Ok(())
}

fn a_driver_that_leaves_is_no_longer_shown(cluster: &Cluster) -> anyhow::Result<()> {
    driver(cluster)?;
    cluster.kubectl(&["-n", "kube-system", "delete", "daemonset/csi-test", "secret/csi-test"])?;
    cluster.kubectl(&["delete", "csidriver", "csi.rkube.test"])?;
    cluster.kubectl(&["delete", "namespace", "csi", "--ignore-not-found"])?;
    for name in [cluster.name.clone(), format!("{}-m02", cluster.name)] {
        cluster.in_node(&name, "rm -f /var/lib/kubelet/plugins_registry/csi.rkube.test-reg.sock")?;
        until(&format!("the driver to be gone from {name}"), 20, || {
            let found = cluster.get(&["csinode", &name])?;
            ensure!(found["spec"]["drivers"] == json!([]), "{found}");
            let node = cluster.get(&["node", &name])?;
            let ids = &node["metadata"]["annotations"]["csi.volume.kubernetes.io/nodeid"];
            ensure!(ids.is_null(), "{ids}");
            Ok(())
        })?;
        cluster.in_node(&name, &format!("rm -rf {FOLDER}"))?;
    }
    Ok(())
}

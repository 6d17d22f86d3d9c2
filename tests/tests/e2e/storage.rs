//! Claims, the volumes made for them, and what becomes of the data.

use anyhow::{bail, ensure};
use e2e::{Cluster, until};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "storage::data_outlives_its_pod_and_goes_with_its_claim",
        data_outlives_its_pod_and_goes_with_its_claim,
    ),
    (
        "storage::a_stateful_set_keeps_one_volume_per_pod",
        a_stateful_set_keeps_one_volume_per_pod,
    ),
];

const CLAIM: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 64Mi}}
";

/// A pod of an ordinary user that runs `command` on the claim's volume.
fn pod(name: &str, command: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  restartPolicy: Never
  securityContext: {{runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000}}
  volumes: [{{name: data, persistentVolumeClaim: {{claimName: data}}}}]
  containers:
  - name: main
    image: rkube.test/busybox:1
    command: [sh, -c, '{command}']
    volumeMounts: [{{name: data, mountPath: /data}}]
"
    )
}

fn data_outlives_its_pod_and_goes_with_its_claim(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("storage")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "storage"], args].concat());
    let apply = |text: &str| cluster.kubectl_with(&["-n", "storage", "apply", "-f", "-"], text);
    let ends = |name: &str| {
        until(&format!("the end of pod {name}"), 60, || {
            let phase = kubectl(&["get", "pod", name, "-o", "jsonpath={.status.phase}"])?;
            if phase == "Succeeded" {
                Ok(())
            } else {
                bail!("{phase}: {}", kubectl(&["describe", "pod", name])?)
            }
        })
    };
    apply(CLAIM)?;
    until("the claim to wait for its pod", 20, || {
        let events = kubectl(&["events", "--for", "pvc/data"])?;
        ensure!(events.contains("WaitForFirstConsumer"), "{events}");
        Ok(())
    })?;
    apply(&pod("writer", "echo kept > /data/note"))?;
    ends("writer")?;
    let claim = kubectl(&["get", "pvc", "data"])?;
    ensure!(
        claim.contains("Bound") && claim.contains("64Mi") && claim.contains("standard"),
        "{claim}"
    );
    let volume = kubectl(&["get", "pvc", "data", "-o", "jsonpath={.spec.volumeName}"])?;
    let path = cluster.kubectl(&["get", "pv", &volume, "-o", "jsonpath={.spec.local.path}"])?;
    let node = kubectl(&["get", "pod", "writer", "-o", "jsonpath={.spec.nodeName}"])?;
    kubectl(&["delete", "pod", "writer"])?;

    apply(&pod("reader", "cat /data/note && sleep 1"))?;
    // in use: the claim stays until the pod is gone
    kubectl(&["delete", "pvc", "data", "--wait=false"])?;
    ends("reader")?;
    ensure!(kubectl(&["logs", "reader"])? == "kept\n");
    kubectl(&["delete", "pod", "reader"])?;
    cluster.kubectl(&["wait", "--for=delete", &format!("pv/{volume}"), "--timeout=60s"])?;
    let left = cluster.in_node(&node, &format!("test ! -e {path} && echo gone"))?;
    ensure!(left.trim() == "gone", "{path} is still on {node}");
    cluster.kubectl(&["delete", "namespace", "storage", "--timeout=60s"])?;
    Ok(())
}

const SET: &str = "
apiVersion: v1
kind: Service
metadata: {name: store}
spec: {clusterIP: None, selector: {app: store}, ports: [{port: 6379}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store}
spec:
  serviceName: store
  replicas: 2
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - name: main
        image: rkube.test/busybox:1
        command: [sh, -c, 'hostname >> /data/starts; trap exit TERM; while true; do sleep 0.1; done']
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 16Mi}}}
";

fn a_stateful_set_keeps_one_volume_per_pod(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("stateful")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "stateful"], args].concat());
    cluster.kubectl_with(&["-n", "stateful", "apply", "-f", "-"], SET)?;
    kubectl(&["rollout", "status", "statefulset/store", "--timeout=90s"])?;
    kubectl(&["delete", "pod", "store-1"])?;
    kubectl(&["rollout", "status", "statefulset/store", "--timeout=90s"])?;
    let starts = |pod: &str| kubectl(&["exec", pod, "--", "cat", "/data/starts"]);
    let seen = until("the pod's second start", 30, || starts("store-1"))?;
    ensure!(seen == "store-1\nstore-1\n", "{seen}");
    ensure!(starts("store-0")? == "store-0\n");
    cluster.kubectl(&["delete", "namespace", "stateful", "--timeout=90s"])?;
    until("the volumes to go with their claims", 60, || {
        let volumes = cluster.kubectl(&["get", "pv", "-o", "jsonpath={..claimRef.namespace}"])?;
        ensure!(!volumes.contains("stateful"), "{volumes}");
        Ok(())
    })
}

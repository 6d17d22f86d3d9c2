//! Claims, the volumes made for them, and what becomes of the data.

mod full_disk;
mod policies;

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
    (
        "storage::a_claim_grows_if_its_class_lets_it",
        a_claim_grows_if_its_class_lets_it,
    ),
    (
        "storage::a_local_block_volume_is_the_device_at_its_path",
        a_local_block_volume_is_the_device_at_its_path,
    ),
    (
        "storage::claims_go_with_their_set_if_it_says_so",
        claims_go_with_their_set_if_it_says_so,
    ),
    (
        "storage::a_full_disk_says_so_and_goes_on_when_there_is_room",
        full_disk::says_so_and_goes_on_when_there_is_room,
    ),
    (
        "storage::a_retained_volume_waits_for_its_next_claim",
        policies::a_retained_volume_waits_for_its_next_claim,
    ),
    (
        "storage::a_volume_for_one_pod_is_not_shared",
        policies::a_volume_for_one_pod_is_not_shared,
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
    until("the reader to have a node", 20, || {
        let node = kubectl(&["get", "pod", "reader", "-o", "jsonpath={.spec.nodeName}"])?;
        ensure!(!node.is_empty(), "none yet");
        Ok(())
    })?;
    // in use: the claim stays until the pod is gone
    kubectl(&["delete", "pvc", "data", "--wait=false"])?;
    ends("reader")?;
    ensure!(kubectl(&["logs", "reader"])? == "kept\n");
    kubectl(&["delete", "pod", "reader"])?;
    cluster.kubectl(&["wait", "--for=delete", &format!("pv/{volume}"), "--timeout=300s"])?;
    let left = cluster.in_node(&node, &format!("test ! -e {path} && echo gone"))?;
    ensure!(left.trim() == "gone", "{path} is still on {node}");
    cluster.kubectl(&["delete", "namespace", "storage", "--timeout=300s"])?;
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
    kubectl(&["rollout", "status", "statefulset/store", "--timeout=300s"])?;
    kubectl(&["delete", "pod", "store-1"])?;
    kubectl(&["rollout", "status", "statefulset/store", "--timeout=300s"])?;
    let starts = |pod: &str| kubectl(&["exec", pod, "--", "cat", "/data/starts"]);
    until("the pod's second start", 30, || {
        let seen = starts("store-1")?;
        ensure!(seen == "store-1\nstore-1\n", "{seen}");
        Ok(())
    })?;
    ensure!(starts("store-0")? == "store-0\n");
    cluster.kubectl(&["delete", "namespace", "stateful", "--timeout=300s"])?;
    until("the volumes to go with their claims", 60, || {
        let volumes = cluster.kubectl(&["get", "pv", "-o", "jsonpath={..claimRef.namespace}"])?;
        ensure!(!volumes.contains("stateful"), "{volumes}");
        Ok(())
    })
}

fn claims_go_with_their_set_if_it_says_so(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("retention")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "retention"], args].concat());
    let set = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: set}
spec:
  replicas: 2
  serviceName: set
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Delete}
  selector: {matchLabels: {app: set}}
  template:
    metadata: {labels: {app: set}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: main
        image: rkube.test/busybox:1
        command: [sleep, '3600']
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 16Mi}}}
";
    cluster.kubectl_with(&["-n", "retention", "apply", "-f", "-"], set)?;
    kubectl(&["rollout", "status", "statefulset/set", "--timeout=300s"])?;
    let claims = |wanted: &str| {
        until(&format!("the claims to be {wanted:?}"), 30, || {
            let names = kubectl(&["get", "pvc", "-o", "jsonpath={.items[*].metadata.name}"])?;
            ensure!(names == wanted, "{names}");
            Ok(())
        })
    };
    claims("data-set-0 data-set-1")?;
    kubectl(&["scale", "statefulset", "set", "--replicas=1"])?;
    claims("data-set-0")?;
    kubectl(&["delete", "statefulset", "set"])?;
    claims("")?;
    cluster.kubectl(&["delete", "namespace", "retention", "--wait=false"])?;
    Ok(())
}

fn a_claim_grows_if_its_class_lets_it(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("growing")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "growing"], args].concat());
    let apply = |text: &str| cluster.kubectl_with(&["-n", "growing", "apply", "-f", "-"], text);
    apply(CLAIM)?;
    let ask = |size: &str| {
        let patch = format!("{{\"spec\": {{\"resources\": {{\"requests\": {{\"storage\": \"{size}\"}}}}}}}}");
        kubectl(&["patch", "pvc", "data", "-p", &patch])
    };
    let early = ask("128Mi");
    ensure!(
        early.as_ref().is_err_and(
            |error| format!("{error:#}").contains("spec is immutable after creation except resources.requests")
        ),
        "{early:?}"
    );
    apply(&pod("user", "sleep 3600"))?;
    cluster.pod_ready("growing", "user")?;
    ask("128Mi")?;
    until("the claim to have grown", 20, || {
        let capacity = kubectl(&["get", "pvc", "data", "-o", "jsonpath={.status.capacity.storage}"])?;
        ensure!(capacity == "128Mi", "{capacity}");
        Ok(())
    })?;
    let volume = kubectl(&["get", "pvc", "data", "-o", "jsonpath={.spec.volumeName}"])?;
    let capacity = cluster.kubectl(&["get", "pv", &volume, "-o", "jsonpath={.spec.capacity.storage}"])?;
    ensure!(capacity == "128Mi", "{capacity}");
    let less = ask("64Mi");
    ensure!(less.is_err(), "a claim shrank");
    kubectl(&["delete", "pod", "user", "--grace-period=0", "--force"])?;
    cluster.kubectl(&["delete", "namespace", "growing", "--wait=false"])?;
    Ok(())
}

/// A volume in block mode, its claim, and a pod with it, all of one name.
fn block(node: &str, name: &str, source: &str) -> String {
    format!(
        "
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {name}}}
spec:
  capacity: {{storage: 1Gi}}
  accessModes: [ReadWriteOnce]
  volumeMode: Block
  storageClassName: by-hand
  claimRef: {{namespace: block, name: {name}}}
  {source}
  nodeAffinity:
    required:
      nodeSelectorTerms: [{{matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: [{node}]}}]}}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}, namespace: block}}
spec:
  accessModes: [ReadWriteOnce]
  volumeMode: Block
  storageClassName: by-hand
  resources: {{requests: {{storage: 1Gi}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: block}}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{{name: data, persistentVolumeClaim: {{claimName: {name}}}}}]
  containers:
  - name: main
    image: rkube.test/busybox:1
    command: [sleep, '3600']
    volumeDevices: [{{name: data, devicePath: /dev/xvda}}]
"
    )
}

fn a_local_block_volume_is_the_device_at_its_path(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("block")?;
    let node = &cluster.name;
    let apply = |text: &str| cluster.kubectl_with(&["apply", "-f", "-"], text);
    // of the number of /dev/zero, which every engine lets its containers open; hardened ones deny them real block devices
    cluster.in_node(
        node,
        "mkdir -p /var/disks && mknod /var/disks/zero c 1 5 && ln -s zero /var/disks/link",
    )?;
    apply(&block(node, "device", "local: {path: /var/disks/link}"))?;
    cluster.pod_ready("block", "device")?;
    let read = "stat -c %t:%T /dev/xvda && head -c 8 /dev/xvda | wc -c";
    let seen = cluster.kubectl(&["-n", "block", "exec", "device", "--", "sh", "-c", read])?;
    ensure!(seen == "1:5\n8\n", "{seen}");

    apply(&block(node, "folder", "local: {path: /var/disks}"))?;
    apply(&block(node, "host-path", "hostPath: {path: /var/disks/zero}"))?;
    for (pod, why) in [
        (
            "folder",
            "MapVolume.MapBlockVolume failed for volume \"data\" : /var/disks is not a device",
        ),
        (
            "host-path",
            "MapVolume.FindMapperPluginBySpec failed to find BlockVolumeMapper plugin. Volume plugin is nil.",
        ),
    ] {
        until("the reason why the pod waits", 60, || {
            let events = cluster.kubectl(&["-n", "block", "events", "--for", &format!("pod/{pod}")])?;
            ensure!(events.contains("FailedMapVolume") && events.contains(why), "{events}");
            Ok(())
        })?;
    }
    cluster.kubectl(&["delete", "namespace", "block", "--timeout=300s"])?;
    cluster.kubectl(&["delete", "pv", "device", "folder", "host-path"])?;
    cluster.in_node(node, "rm -r /var/disks")?;
    Ok(())
}

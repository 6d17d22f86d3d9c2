//! One pod with volumes of every kind that a driver can give, published anew while it runs.

use anyhow::{Context as _, ensure};
use e2e::{Cluster, until};
use serde_json::json;

use super::{FOLDER, attach, begin, claim, in_csi, journal, node_of};

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: three, namespace: csi}
spec:
  terminationGracePeriodSeconds: 0
  securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000, seLinuxOptions: {level: 's0:c1,c2'}}
  volumes:
  - {name: own, persistentVolumeClaim: {claimName: three}}
  - name: scratch
    ephemeral:
      volumeClaimTemplate:
        spec: {accessModes: [ReadWriteOnce], storageClassName: csi-test, resources: {requests: {storage: 1Gi}}}
  - {name: inline, csi: {driver: csi.rkube.test}}
  containers:
  - name: main
    image: rkube.test/busybox:1
    command: [sh, -c, 'echo own > /own/note; echo scratch > /scratch/note; echo inline > /inline/note; sleep 3600']
    volumeMounts:
    - {name: own, mountPath: /own}
    - {name: scratch, mountPath: /scratch}
    - {name: inline, mountPath: /inline}
";

pub(super) fn a_claim_an_ephemeral_claim_and_an_inline_volume_in_one_pod(cluster: &Cluster) -> anyhow::Result<()> {
    // the part of an external provisioner; the claim is the controller's to make
    let scratch = claim("three-scratch", "Filesystem");
    let (volume, _) = scratch.split_once("---").context("no volume")?;
    begin(cluster, &[claim("three", "Filesystem"), volume.to_owned()])?;
    // a kernel without SELinux is asked for no label
    driver_wants(cluster, &json!({"requiresRepublish": true, "seLinuxMount": true}))?;
    let done = in_one_pod(cluster);
    driver_wants(cluster, &json!({"requiresRepublish": false, "seLinuxMount": false}))?;
    done
}

fn driver_wants(cluster: &Cluster, spec: &serde_json::Value) -> anyhow::Result<()> {
    let patch = json!({ "spec": spec }).to_string();
    cluster.kubectl(&["patch", "csidriver", "csi.rkube.test", "--type=merge", "-p", &patch])?;
    Ok(())
}

fn in_one_pod(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.kubectl_with(&["apply", "-f", "-"], POD)?;
    attach(cluster, "csi-three")?;
    attach(cluster, "csi-three-scratch")?;
    cluster.pod_ready("csi", "three")?;
    let node = node_of(cluster, "three")?;
    let lines = cluster.in_node(&node, &format!("grep 'to three ephemeral=true' {FOLDER}/journal"))?;
    let inline = lines.split(' ').nth(1).context("no inline volume")?.to_owned();
    until("the pod's files", 10, || {
        let volumes = format!("{FOLDER}/volumes");
        let seen = cluster.in_node(
            &node,
            &format!("cd {volumes} && cat volume-three/note volume-three-scratch/note {inline}/note"),
        )?;
        ensure!(seen == "own\nscratch\ninline\n", "{seen}");
        Ok(())
    })?;
    let staged = cluster.in_node(&node, &format!("grep '^stage volume-three ' {FOLDER}/journal"))?;
    ensure!(staged == "stage volume-three flags=[]\n", "{staged}");

    until("all three to be published anew", 150, || {
        for volume in ["volume-three", "volume-three-scratch", &inline] {
            let calls = journal(cluster, &node, volume)?;
            let published = calls.iter().filter(|call| *call == "publish").count();
            let staged = calls.iter().filter(|call| *call == "stage").count();
            ensure!(published >= 2, "{volume}: {calls:?}");
            ensure!(staged == usize::from(volume != inline), "{volume}: {calls:?}");
        }
        Ok(())
    })?;
    let restarts = "jsonpath={.status.containerStatuses[0].restartCount}";
    let restarts = in_csi(cluster, &["get", "pod", "three", "-o", restarts])?;
    ensure!(restarts == "0", "{restarts} restarts");

    in_csi(cluster, &["delete", "pod", "three"])?;
    until("all three to be given back", 60, || {
        for volume in ["volume-three", "volume-three-scratch"] {
            let calls = journal(cluster, &node, volume)?;
            ensure!(
                calls.ends_with(&["unpublish".to_owned(), "unstage".to_owned()]),
                "{volume}: {calls:?}"
            );
        }
        let calls = journal(cluster, &node, &inline)?;
        ensure!(calls.last().is_some_and(|call| call == "unpublish"), "{calls:?}");
        let claims = in_csi(cluster, &["get", "pvc", "-o", "name"])?;
        ensure!(claims == "persistentvolumeclaim/three\n", "{claims}");
        Ok(())
    })?;
    in_csi(cluster, &["delete", "pvc", "three"])?;
    cluster.kubectl(&["delete", "pv", "csi-three", "csi-three-scratch"])?;
    Ok(())
}

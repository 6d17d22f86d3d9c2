//! Volumes that stay, and volumes for one pod alone.

use anyhow::ensure;
use e2e::{Cluster, until};

use super::{CLAIM, pod};

const KEEP: &str = "
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: e2e-keep}
provisioner: rkube.io/host-path
reclaimPolicy: Retain
volumeBindingMode: WaitForFirstConsumer
";

/// A claim of the class, or of one volume of it.
fn claim(volume: &str) -> String {
    let class = "  storageClassName: e2e-keep\n";
    let volume = if volume.is_empty() {
        String::new()
    } else {
        format!("  volumeName: {volume}\n")
    };
    format!("{}{class}{volume}", CLAIM.trim_start())
}

/// What its class tells to retain outlives its claim, and another claim has the data once somebody has released the volume by hand.
pub(super) fn a_retained_volume_waits_for_its_next_claim(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("keep")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "keep"], args].concat());
    let apply = |text: &str| cluster.kubectl_with(&["-n", "keep", "apply", "-f", "-"], text);
    let done = |name: &str| {
        kubectl(&[
            "wait",
            "--for=jsonpath={.status.phase}=Succeeded",
            name,
            "--timeout=300s",
        ])
    };
    apply(KEEP)?;
    apply(&claim(""))?;
    apply(&pod("writer", "echo kept > /data/note"))?;
    done("pod/writer")?;
    let volume = kubectl(&["get", "pvc", "data", "-o", "jsonpath={.spec.volumeName}"])?;
    kubectl(&["delete", "pod/writer", "pvc/data", "--timeout=300s"])?;
    let phase = |wanted: &str| {
        until(&format!("the volume to be {wanted}"), 20, || {
            let phase = cluster.kubectl(&["get", "pv", &volume, "-o", "jsonpath={.status.phase}"])?;
            ensure!(phase == wanted, "{phase}");
            Ok(())
        })
    };
    phase("Released")?;
    cluster.kubectl(&[
        "patch",
        "pv",
        &volume,
        "--type=json",
        "-p",
        r#"[{"op":"remove","path":"/spec/claimRef"}]"#,
    ])?;
    phase("Available")?;
    apply(&claim(&volume))?;
    phase("Bound")?;
    apply(&pod("reader", "cat /data/note"))?;
    done("pod/reader")?;
    ensure!(kubectl(&["logs", "reader"])? == "kept\n");

    // told to go with its claim after all
    let patch = r#"{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}"#;
    cluster.kubectl(&["patch", "pv", &volume, "-p", patch])?;
    kubectl(&["delete", "pod/reader", "pvc/data", "--timeout=300s"])?;
    cluster.kubectl(&["wait", "--for=delete", &format!("pv/{volume}"), "--timeout=300s"])?;
    cluster.kubectl(&["delete", "storageclass", "e2e-keep"])?;
    cluster.kubectl(&["delete", "namespace", "keep", "--timeout=300s"])?;
    Ok(())
}

pub(super) fn a_volume_for_one_pod_is_not_shared(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("alone")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "alone"], args].concat());
    let apply = |text: &str| cluster.kubectl_with(&["-n", "alone", "apply", "-f", "-"], text);
    apply(&CLAIM.replace("ReadWriteOnce]", "ReadWriteOncePod]"))?;
    apply(&pod("first", "sleep 3600"))?;
    cluster.pod_ready("alone", "first")?;
    apply(&pod("second", "sleep 3600"))?;
    until("the reason why the second pod waits", 20, || {
        let of = "jsonpath={.status.conditions[?(@.type==\"PodScheduled\")].message}";
        let said = kubectl(&["get", "pod", "second", "-o", of])?;
        let wanted =
            "unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";
        ensure!(said.contains(wanted), "{said:?}");
        Ok(())
    })?;
    kubectl(&["delete", "pod", "first", "--grace-period=1"])?;
    cluster.pod_ready("alone", "second")?;
    kubectl(&["delete", "pod", "second", "--grace-period=1"])?;
    cluster.kubectl(&["delete", "namespace", "alone", "--timeout=300s"])?;
    Ok(())
}

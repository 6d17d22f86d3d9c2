//! Volumes that go from one node to another: given back, or taken from a node that cannot answer.

use std::process::Command;

use anyhow::ensure;
use e2e::{Cluster, Run as _, until};

use super::{FOLDER, attach_to, attachments, begin, claim, in_csi, journal, pod};

const MOUNT: &str = "volumeMounts: [{name: data, mountPath: /data}]";

/// A pod of the claim that runs on one node only.
fn pod_on(node: &str, name: &str, claim: &str) -> String {
    let volume = format!("persistentVolumeClaim: {{claimName: {claim}}}");
    let selector = format!("spec:\n  nodeSelector: {{kubernetes.io/hostname: {node}}}\n");
    pod(name, &volume, MOUNT, "true").replacen("spec:\n", &selector, 1)
}

/// The nodes that have the volume.
fn holders(cluster: &Cluster, volume: &str) -> anyhow::Result<Vec<String>> {
    let all = attachments(cluster, volume)?;
    Ok(all.into_iter().map(|(_, node)| node).collect())
}

pub(super) fn a_volume_moves_once_its_node_has_given_it_back(cluster: &Cluster) -> anyhow::Result<()> {
    let (here, there) = (cluster.name.clone(), format!("{}-m02", cluster.name));
    begin(
        cluster,
        &[claim("moving", "Filesystem"), pod_on(&here, "first", "moving")],
    )?;
    attach_to(cluster, "csi-moving", Some(&here))?;
    cluster.pod_ready("csi", "first")?;
    cluster.kubectl_with(&["apply", "-f", "-"], &pod_on(&there, "second", "moving"))?;
    until("the second pod to be told that it waits", 60, || {
        let events = in_csi(cluster, &["events", "--for", "pod/second"])?;
        let why = "Multi-Attach error for volume \"csi-moving\" Volume is already used by pod(s) first";
        ensure!(events.contains(why), "{events}");
        Ok(())
    })?;

    cluster.in_node(&here, &format!("touch {FOLDER}/fail-unstage"))?;
    in_csi(cluster, &["delete", "pod", "first"])?;
    let calls = |what: &str| -> anyhow::Result<usize> {
        let calls = journal(cluster, &here, "volume-moving")?;
        Ok(calls.iter().filter(|call| *call == what).count())
    };
    until("unstaging to be tried again", 60, || {
        let failed = calls("fail-unstage")?;
        ensure!(failed >= 2, "tried {failed} times");
        Ok(())
    })?;
    // what is staged may not be taken away
    let now = holders(cluster, "csi-moving")?;
    ensure!(now == [here.as_str()], "{now:?}");
    let shown = cluster.get(&["node", &here])?;
    ensure!(
        shown["status"]["volumesInUse"]
            .as_array()
            .is_some_and(|names| names.contains(&"kubernetes.io/csi/csi.rkube.test^volume-moving".into())),
        "{}",
        shown["status"]
    );
    cluster.in_node(&here, &format!("rm {FOLDER}/fail-unstage"))?;

    attach_to(cluster, "csi-moving", Some(&there))?;
    let now = holders(cluster, "csi-moving")?;
    ensure!(now == [there.as_str()], "{now:?}");
    ensure!(
        calls("unstage")? == 1,
        "{:?}",
        journal(cluster, &here, "volume-moving")?
    );
    cluster.pod_ready("csi", "second")?;
    in_csi(cluster, &["delete", "pod", "second"])?;
    until("the volume to be given back", 60, || {
        let now = holders(cluster, "csi-moving")?;
        ensure!(now.is_empty(), "{now:?}");
        Ok(())
    })?;
    in_csi(cluster, &["delete", "pvc", "moving"])?;
    cluster.kubectl(&["delete", "pv", "csi-moving"])?;
    Ok(())
}

pub(super) fn from_a_node_out_of_service_a_volume_is_taken(cluster: &Cluster) -> anyhow::Result<()> {
    let (here, there) = (cluster.name.clone(), format!("{}-m02", cluster.name));
    begin(
        cluster,
        &[claim("taken", "Filesystem"), pod_on(&there, "lost", "taken")],
    )?;
    attach_to(cluster, "csi-taken", Some(&there))?;
    cluster.pod_ready("csi", "lost")?;
    let engine = |command: &str| Command::new("docker").args([command, &there]).run()?.ok();
    engine("pause")?;
    let seen = taken(cluster, &here, &there);
    engine("unpause")?;
    let end = cluster.kubectl(&["taint", "node", &there, "node.kubernetes.io/out-of-service-"]);
    seen?;
    end?;
    cluster.kubectl(&[
        "wait",
        "--for=condition=Ready",
        &format!("node/{there}"),
        "--timeout=300s",
    ])?;
    until("the node to give back what is not its own any more", 90, || {
        let calls = journal(cluster, &there, "volume-taken")?;
        ensure!(
            calls.ends_with(&["unpublish".to_owned(), "unstage".to_owned()]),
            "{calls:?}"
        );
        Ok(())
    })?;
    in_csi(cluster, &["delete", "pod", "found"])?;
    in_csi(cluster, &["delete", "pvc", "taken"])?;
    cluster.kubectl(&["delete", "pv", "csi-taken"])?;
    Ok(())
}

/// While the one node is silent, the other gets the volume.
fn taken(cluster: &Cluster, here: &str, there: &str) -> anyhow::Result<()> {
    // with some grace, its object stays until the node says that the pod has ended
    in_csi(cluster, &["delete", "pod", "lost", "--wait=false", "--grace-period=5"])?;
    until("the node to be missed", 120, || {
        let ready = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
        let ready = cluster.kubectl(&["get", "node", there, "-o", ready])?;
        ensure!(ready == "Unknown", "{ready}");
        Ok(())
    })?;
    let now = holders(cluster, "csi-taken")?;
    ensure!(now == [there], "a silent node may have it mounted: {now:?}");
    let taint = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute";
    cluster.kubectl(&["taint", "node", there, taint])?;
    cluster.kubectl_with(&["apply", "-f", "-"], &pod_on(here, "found", "taken"))?;
    attach_to(cluster, "csi-taken", Some(here))?;
    cluster.pod_ready("csi", "found")
}

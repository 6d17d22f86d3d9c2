//! A node whose disk for volumes has no room left.

use anyhow::ensure;
use e2e::{Cluster, until};

use super::{CLAIM, pod};

/// Where a node keeps the volumes that are made on demand.
const VOLUMES: &str = "/var/lib/rkube/volumes";

/// A small disk of its own in the place of a node's volumes, taken away in any case.
struct Disk<'c> {
    cluster: &'c Cluster,
    /// The one where pods go.
    node: String,
}

impl<'c> Disk<'c> {
    /// With room for one file besides its root.
    fn insert(cluster: &'c Cluster) -> anyhow::Result<Self> {
        let mount = format!("mkdir -p {VOLUMES} && mount -t tmpfs -o size=256k,nr_inodes=2,mode=755 tmpfs {VOLUMES}");
        let node = format!("{}-m02", cluster.name);
        cluster.in_node(&node, &mount)?;
        let disk = Self { cluster, node };
        disk.run(&format!("touch {VOLUMES}/filler"))?;
        Ok(disk)
    }

    fn make_room(&self) -> anyhow::Result<()> {
        let grow = format!("mount -o remount,nr_inodes=100 {VOLUMES} && rm {VOLUMES}/filler");
        self.run(&grow).map(drop)
    }

    fn run(&self, command: &str) -> anyhow::Result<String> {
        self.cluster.in_node(&self.node, command)
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = self.run(&format!("umount -l {VOLUMES}"));
    }
}

/// No pod starts on a volume that is not there; each says why and starts when there is room. A volume that its pod has filled up
/// harms nobody else, and goes as any other does.
pub(super) fn says_so_and_goes_on_when_there_is_room(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("full")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "full"], args].concat());
    let apply = |text: &str| cluster.kubectl_with(&["-n", "full", "apply", "-f", "-"], text);
    let disk = Disk::insert(cluster)?;
    apply(CLAIM)?;
    let place = format!("spec:\n  nodeSelector: {{kubernetes.io/hostname: {}}}\n", disk.node);
    let writer = pod(
        "writer",
        "dd if=/dev/zero of=/data/all bs=64k count=64 || echo full >&2; sleep 3600",
    );
    apply(&writer.replacen("spec:\n", &place, 1))?;
    until("the event about the full disk", 60, || {
        let events = kubectl(&["events", "--for", "pod/writer"])?;
        let said = events.contains("FailedMount") && events.contains("No space left on device");
        ensure!(said && events.contains(VOLUMES), "{events}");
        Ok(())
    })?;
    let phase = kubectl(&["get", "pod", "writer", "-o", "jsonpath={.status.phase}"])?;
    ensure!(phase == "Pending", "{phase}");

    disk.make_room()?;
    cluster.pod_ready("full", "writer")?;
    until("the writer to have filled its volume", 30, || {
        let said = kubectl(&["logs", "writer"])?;
        ensure!(
            said.contains("No space left on device") && said.contains("full"),
            "{said}"
        );
        Ok(())
    })?;
    let ready = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
    let ready = cluster.kubectl(&["get", "node", &disk.node, "-o", ready])?;
    ensure!(ready == "True", "the node is not ready: {ready}");

    let volume = kubectl(&["get", "pvc", "data", "-o", "jsonpath={.spec.volumeName}"])?;
    kubectl(&["delete", "pod", "writer", "--grace-period=1"])?;
    kubectl(&["delete", "pvc", "data", "--timeout=300s"])?;
    cluster.kubectl(&["wait", "--for=delete", &format!("pv/{volume}"), "--timeout=300s"])?;
    let left = disk.run(&format!("find {VOLUMES} -mindepth 1"))?;
    ensure!(left.trim().is_empty(), "left on the disk: {left}");
    cluster.kubectl(&["delete", "namespace", "full", "--timeout=300s"])?;
    Ok(())
}

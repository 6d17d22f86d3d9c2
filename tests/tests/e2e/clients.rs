//! Clients that we did not write.

use anyhow::ensure;
use e2e::Cluster;

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[("clients::the_kubectl_that_rkube_finds", the_kubectl_that_rkube_finds)];

fn the_kubectl_that_rkube_finds(cluster: &Cluster) -> anyhow::Result<()> {
    let nodes = cluster.rkube(&["kubectl", "--", "get", "nodes", "-o", "wide"])?.ok()?;
    ensure!(
        nodes.contains("containerd://") && nodes.contains("control-plane"),
        "{nodes}"
    );
    // kubectl's own exit code comes through
    ensure!(cluster.rkube(&["kubectl", "--", "get", "pod", "no-such-pod"])?.code == 1);
    Ok(())
}

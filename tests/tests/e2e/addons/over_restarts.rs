//! What was said of addons while their cluster was stopped or paused, and before.

use anyhow::{Context as _, ensure};
use e2e::{Cluster, Run as _};

use super::{INFO, NAMESPACE, forget, map, write};

/// Names in the order in which they must not be taken away: the first one is what the second one needs.
pub(super) fn what_a_stopped_cluster_was_told_is_done_at_its_start(cluster: &Cluster) -> anyhow::Result<()> {
    let info = format!("{INFO}dependencies: [dashboard]\n");
    write(cluster, "mine", &info, &[NAMESPACE, &map("one")].concat())?;
    cluster.rkube(&["addons", "enable", "mine"])?.ok()?;
    cluster.rkube(&["addons", "disable", "default-storageclass"])?.ok()?;
    cluster.rkube(&["stop"])?.ok()?;
    for name in ["mine", "dashboard"] {
        cluster.rkube(&["addons", "disable", name])?.ok()?;
    }
    // the record in the cluster says that it is not to come by itself
    cluster.rkube(&["addons", "enable", "default-storageclass"])?.ok()?;
    for _ in 0..2 {
        cluster.rkube(&["start"])?.ok()?;
        for namespace in ["mine", "kubernetes-dashboard"] {
            let gone = ["wait", "--for=delete", "--timeout=300s"];
            cluster.kubectl(&[&gone[..], &[&format!("namespace/{namespace}")]].concat())?;
        }
        cluster.get(&["storageclass", "standard"])?;
    }
    fs_err::remove_dir_all(cluster.sandbox.home().join("addons"))?;
    Ok(())
}

pub(super) fn a_default_one_stays_disabled_over_a_restart(cluster: &Cluster) -> anyhow::Result<()> {
    let classes = || cluster.kubectl(&["get", "storageclasses", "-o", "jsonpath={.items[*].metadata.name}"]);
    cluster.rkube(&["addons", "disable", "default-storageclass"])?.ok()?;
    ensure!(classes()?.is_empty(), "{}", classes()?);
    cluster.rkube(&["stop"])?.ok()?;
    // asked for while the cluster is stopped, done when it starts
    let said = cluster.rkube(&["addons", "enable", "default-storageclass"])?.ok()?;
    ensure!(said.contains("will be enabled when the cluster starts"), "{said}");
    cluster.rkube(&["addons", "disable", "default-storageclass"])?.ok()?;
    cluster.rkube(&["start"])?.ok()?;
    ensure!(classes()?.is_empty(), "{}", classes()?);
    cluster.rkube(&["addons", "enable", "default-storageclass"])?.ok()?;
    let now = classes()?;
    (now == "standard").then_some(()).with_context(|| now)
}

/// Its API does not answer, and nothing is put off that could be done once it does.
pub(super) fn a_paused_cluster_is_told_nothing(cluster: &Cluster) -> anyhow::Result<()> {
    write(cluster, "mine", INFO, &[NAMESPACE, &map("one")].concat())?;
    cluster.rkube(&["pause"])?.ok()?;
    let told = ["enable", "disable"].map(|verb| cluster.rkube(&["addons", verb, "mine"]));
    // whatever was said, the next tests want their cluster
    cluster.rkube(&["unpause"])?.ok()?;
    for said in told {
        let said = said?.failed(11)?;
        ensure!(said.contains("is paused") && said.contains("rkube unpause"), "{said}");
    }
    let found = cluster.kubectl_command(&["get", "namespace", "mine"]).run()?;
    ensure!(found.code != 0, "a refusal did something");
    cluster.rkube(&["addons", "enable", "mine"])?.ok()?;
    cluster.kubectl(&["-n", "mine", "get", "configmap", "one"])?;
    forget(cluster)
}

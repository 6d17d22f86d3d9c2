//! A cluster that serves versions which are not stable, and the controllers that come with them; and what becomes of a node
//! whose object somebody deletes.

use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, Run as _, Sandbox, until};
use serde_json::{Value, json};

use crate::Own;

pub(crate) const TESTS: &[(&str, Own)] = &[(
    "apis::versions_that_are_not_stable_work",
    versions_that_are_not_stable_work,
)];

fn versions_that_are_not_stable_work(_: &Sandbox) -> anyhow::Result<()> {
    let settings = ["apiserver.runtime-config=api/beta=true,internal.apiserver.k8s.io/v1alpha1=true"];
    let cluster = Cluster::start_set("apis", 1, &settings)?;
    kubectl_knows_the_kinds(&cluster)?;
    a_migration_succeeds(&cluster)?;
    the_server_says_how_it_stores(&cluster)?;
    an_elected_candidate_holds_its_lease(&cluster)?;
    a_deleted_node_comes_back(&cluster)
}

fn kubectl_knows_the_kinds(cluster: &Cluster) -> anyhow::Result<()> {
    let all = cluster.kubectl(&["api-resources", "-o", "name"])?;
    for name in [
        "leasecandidates.coordination.k8s.io",
        "storageversions.internal.apiserver.k8s.io",
        "storageversionmigrations.storagemigration.k8s.io",
    ] {
        ensure!(all.lines().any(|line| line == name), "{name}: {all}");
    }
    let explain = [
        "explain",
        "leasecandidate.spec",
        "--api-version=coordination.k8s.io/v1beta1",
    ];
    let explained = cluster.kubectl(&explain)?;
    ensure!(explained.contains("emulationVersion"), "{explained}");
    Ok(())
}

fn a_migration_succeeds(cluster: &Cluster) -> anyhow::Result<()> {
    let migration = |name: &str, resource: Value| {
        json!({"apiVersion": "storagemigration.k8s.io/v1beta1", "kind": "StorageVersionMigration",
            "metadata": {"name": name}, "spec": {"resource": resource}})
    };
    let secrets = migration("maps", json!({"group": "", "resource": "configmaps"}));
    cluster.kubectl_with(&["create", "-f", "-"], &secrets.to_string())?;
    until("the migration", 60, || {
        let shown = cluster.kubectl(&["get", "storageversionmigration", "maps"])?;
        ensure!(shown.contains("Succeeded") && shown.contains("configmaps"), "{shown}");
        Ok(())
    })?;
    let unnamed = migration("nothing", json!({"group": "", "resource": ""}));
    let error = cluster
        .kubectl_command(&["create", "-f", "-"])
        .run_with(&unnamed.to_string())?
        .failed(1)?;
    ensure!(error.contains("resource is required to be set"), "{error}");
    Ok(())
}

fn the_server_says_how_it_stores(cluster: &Cluster) -> anyhow::Result<()> {
    until("a storage version", 60, || {
        let shown = cluster.kubectl(&["get", "storageversion", "apps.deployments"])?;
        ensure!(shown.contains("=apps/v1"), "{shown}");
        Ok(())
    })?;
    let leases = cluster.kubectl(&[
        "get",
        "leases",
        "-n",
        "kube-system",
        "-l",
        "apiserver.kubernetes.io/identity=kube-apiserver",
        "-o",
        "name",
    ])?;
    ensure!(leases.contains("lease.coordination.k8s.io/apiserver-"), "{leases}");
    Ok(())
}

fn now() -> anyhow::Result<String> {
    let text = Command::new("date")
        .args(["-u", "+%Y-%m-%dT%H:%M:%S.000000Z"])
        .run()?
        .ok()?;
    Ok(text.trim().to_owned())
}

fn an_elected_candidate_holds_its_lease(cluster: &Cluster) -> anyhow::Result<()> {
    for (name, emulation) in [("newer", "1.36.0"), ("older", "1.35.0")] {
        let candidate = json!({"apiVersion": "coordination.k8s.io/v1beta1", "kind": "LeaseCandidate",
            "metadata": {"name": name}, "spec": {"leaseName": "work", "binaryVersion": "1.36.0",
                "emulationVersion": emulation, "strategy": "OldestEmulationVersion", "renewTime": now()?}});
        cluster.kubectl_with(&["create", "-f", "-"], &candidate.to_string())?;
    }
    until("the election", 90, || {
        // what candidates do: they say that they are there, and a holder whom another is preferred to lets go
        let renewed = json!({"spec": {"renewTime": now()?}}).to_string();
        for name in ["newer", "older"] {
            cluster.kubectl(&["patch", "leasecandidate", name, "--type=merge", "-p", &renewed])?;
        }
        let spec = cluster.get(&["lease", "work"])?["spec"].take();
        if spec["holderIdentity"] == "older" {
            return Ok(());
        }
        if spec["preferredHolder"] == "older" {
            let released = json!({"spec": {"holderIdentity": ""}}).to_string();
            cluster.kubectl(&["patch", "lease", "work", "--type=merge", "-p", &released])?;
        }
        bail!("{spec}")
    })
}

/// The node registers again and has the range of pods' addresses that its runtime hands out.
fn a_deleted_node_comes_back(cluster: &Cluster) -> anyhow::Result<()> {
    let node = || cluster.get(&["node", &cluster.name]);
    let before = node()?;
    let range = before["spec"]["podCIDR"].as_str().context("no range")?.to_owned();
    // one that comes without a range gets another
    let other = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "simulated"}});
    cluster.kubectl_with(&["create", "-f", "-"], &other.to_string())?;
    until("a range for another node", 60, || {
        let given = cluster.get(&["node", "simulated"])?["spec"]["podCIDR"].take();
        let given = given.as_str().context("none yet")?.to_owned();
        ensure!(given != range && given.ends_with(".0/24"), "{given}");
        Ok(())
    })?;
    cluster.kubectl(&["delete", "node", &cluster.name, "simulated"])?;
    until("the node", 90, || {
        let now = node()?;
        ensure!(now["metadata"]["uid"] != before["metadata"]["uid"], "it is still there");
        ensure!(now["spec"]["podCIDR"] == before["spec"]["podCIDR"], "{}", now["spec"]);
        let conditions = now["status"]["conditions"].as_array().context("no conditions yet")?;
        let is_ready = conditions
            .iter()
            .any(|one| one["type"] == "Ready" && one["status"] == "True");
        ensure!(is_ready, "{conditions:?}");
        Ok(())
    })
}

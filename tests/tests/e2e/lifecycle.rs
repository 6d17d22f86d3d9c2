//! One cluster from start to delete.

use anyhow::ensure;
use e2e::{Cluster, Run as _, Sandbox};

use crate::Own;

pub(crate) const TESTS: &[(&str, Own)] = &[("lifecycle::from_start_to_delete", from_start_to_delete)];

fn from_start_to_delete(_: &Sandbox) -> anyhow::Result<()> {
    let cluster = Cluster::start("life", 1)?;
    let again = cluster.rkube(&["start"])?.ok()?;
    ensure!(
        again.contains("nothing to do"),
        "a second start changed something: {again}"
    );
    let status = cluster.rkube(&["status"])?.ok()?;
    ensure!(
        status.contains("apiserver: Running") && status.contains("kubeconfig: Configured"),
        "{status}"
    );
    cluster.kubectl(&["create", "configmap", "kept", "--from-literal=a=b"])?;

    cluster.rkube(&["stop"])?.ok()?;
    ensure!(cluster.rkube(&["status"])?.code == 7, "status of a stopped cluster");
    cluster.rkube(&["ssh", "true"])?.failed(83)?;
    cluster.rkube(&["start"])?.ok()?;
    let kept = cluster.kubectl(&["get", "configmap", "kept", "-o", "jsonpath={.data.a}"])?;
    ensure!(kept == "b", "{kept}");

    cluster.rkube(&["pause"])?.ok()?;
    ensure!(cluster.rkube(&["status"])?.code == 2, "status of a paused cluster");
    cluster.rkube(&["unpause"])?.ok()?;
    cluster.kubectl(&["get", "nodes"])?;

    cluster.rkube(&["delete"])?.ok()?;
    let label = format!("label=io.rkube.cluster={}", cluster.name);
    for what in ["container ls --all", "network ls", "volume ls"] {
        let args: Vec<&str> = what.split(' ').chain(["--quiet", "--filter", &label]).collect();
        let left = std::process::Command::new("docker").args(&args).run()?.ok()?;
        ensure!(left.trim().is_empty(), "docker {what}: {left}");
    }
    let kubeconfig = fs_err::read_to_string(cluster.sandbox.path("kubeconfig"))?;
    ensure!(!kubeconfig.contains(&cluster.name), "{kubeconfig}");
    cluster.rkube(&["status"])?.failed(85)?;
    Ok(())
}

//! Prometheus, deployed with the manifests of its tour.

use anyhow::{Context as _, ensure};
use e2e::{Cluster, until};
use serde_json::Value;

use crate::Shared;
use crate::network::nodes;

pub(crate) const TESTS: &[(&str, Shared)] = &[(
    "prometheus::prometheus_finds_and_scrapes_the_cluster",
    prometheus_finds_and_scrapes_the_cluster,
)];

/// An answer of Prometheus' own API, by way of the API server's service proxy.
fn ask(cluster: &Cluster, path: &str) -> anyhow::Result<Value> {
    let path = format!("/api/v1/namespaces/monitoring/services/prometheus:web/proxy/api/v1/{path}");
    let answer: Value = serde_json::from_str(&cluster.kubectl(&["get", "--raw", &path])?)?;
    ensure!(answer["status"] == "success", "{answer}");
    Ok(answer["data"].clone())
}

/// How many series a query finds.
fn series(cluster: &Cluster, query: &str) -> anyhow::Result<usize> {
    let data = ask(cluster, &format!("query?query={query}"))?;
    Ok(data["result"].as_array().context("no result")?.len())
}

fn prometheus_finds_and_scrapes_the_cluster(cluster: &Cluster) -> anyhow::Result<()> {
    for recipe in ["prometheus", "node-exporter"] {
        cluster.load(recipe)?;
    }
    let manifest = include_str!("../../../docs/tour/prometheus.yaml");
    cluster.kubectl_with(&["apply", "-f", "-"], manifest)?;
    let rollout = |what: &str| cluster.kubectl(&["-n", "monitoring", "rollout", "status", what, "--timeout=300s"]);
    rollout("deployment/prometheus")?;
    rollout("daemonset/node-exporter")?;
    let count = nodes(cluster)?.len();
    let wanted = [
        ("apiserver", 1),
        ("kubelet", count),
        ("cadvisor", count),
        ("pods", count),
    ];
    until("all targets to be up", 60, || {
        let data = ask(cluster, "targets?state=active")?;
        let targets = data["activeTargets"].as_array().context("no targets")?;
        for (job, count) in wanted {
            let own = targets.iter().filter(|target| target["labels"]["job"] == job);
            let up = own.filter(|target| target["health"] == "up").count();
            ensure!(up == count, "{job}: {up} of {count} up: {data}");
        }
        Ok(())
    })?;
    until("queries to answer", 30, || {
        ensure!(series(cluster, "up==1")? == 1 + 3 * count);
        ensure!(series(cluster, "count(node_cpu_seconds_total)by(node)")? == count);
        let own = "container_memory_working_set_bytes%7Bcontainer=%22prometheus%22%7D";
        ensure!(series(cluster, own)? == 1);
        ensure!(
            series(
                cluster,
                "rate(container_cpu_usage_seconds_total%7Bcontainer=%22prometheus%22%7D%5B1m%5D)"
            )? == 1
        );
        ensure!(series(cluster, "apiserver_storage_revision%3E0")? == 1);
        Ok(())
    })?;
    cluster.kubectl(&["delete", "namespace", "monitoring", "--wait=false"])?;
    cluster.kubectl(&["delete", "clusterrole,clusterrolebinding", "prometheus"])?;
    Ok(())
}

//! Clients that we did not write.

use anyhow::ensure;
use e2e::{Cluster, Run as _};

use crate::Shared;
use crate::streams::Forward;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    ("clients::the_kubectl_that_rkube_finds", the_kubectl_that_rkube_finds),
    ("clients::kubectl_tells_what_there_is", kubectl_tells_what_there_is),
    ("clients::kubectl_debugs_a_pod", kubectl_debugs_a_pod),
];

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

fn kubectl_tells_what_there_is(cluster: &Cluster) -> anyhow::Result<()> {
    for (args, wanted) in [
        (&["auth", "whoami"][..], &["kubernetes-admin", "system:masters"][..]),
        (&["cluster-info"], &["control plane", "CoreDNS"]),
        (&["api-resources", "--categories=all"], &["deploy", "DaemonSet"]),
        (&["api-versions"], &["apps/v1", "resource.k8s.io/v1"]),
        (&["get", "componentstatuses"], &["STATUS", "Healthy"]),
        (&["get", "--raw", "/openapi/v2"], &["\"swagger\":\"2.0\""]),
        (&["explain", "pod.spec.containers.resizePolicy"], &["restartPolicy"]),
        (
            &["explain", "job.spec", "--output=plaintext-openapiv2"],
            &["backoffLimit"],
        ),
        (&["events", "-A", "--types=Normal"], &["REASON", "Starting"]),
        (&["describe", "nodes"], &["Allocated resources", "PodCIDR"]),
        (
            &["cluster-info", "dump", "-n", "kube-system"],
            &["PodList", "==== START logs"],
        ),
    ] {
        let said = cluster.kubectl(args)?;
        for wanted in wanted {
            ensure!(said.contains(wanted), "{args:?}: no {wanted:?} in {said}");
        }
    }
    // every kind that can be listed has a table, and every object there is a description
    let kinds = cluster.kubectl(&["api-resources", "--verbs=list", "-o", "name"])?;
    for kind in kinds.lines() {
        cluster.kubectl(&["get", kind, "-A", "-o", "wide"])?;
    }
    for kind in [
        "pods",
        "services",
        "deployments.apps",
        "configmaps",
        "endpointslices.discovery.k8s.io",
    ] {
        let described = cluster.kubectl(&["describe", kind, "-n", "kube-system"])?;
        ensure!(described.contains("Namespace:"), "{kind}: {described}");
    }
    Ok(())
}

fn kubectl_debugs_a_pod(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("debug")?;
    let kubectl = |args: &[&str]| cluster.kubectl(&[&["-n", "debug"], args].concat());
    kubectl(&["run", "web", "--image=rkube.test/nginx:1", "--port=80", "--expose"])?;
    cluster.pod_ready("debug", "web")?;
    let image = "--image=rkube.test/busybox:1";
    let debug = ["debug", "web", "-i", "--profile=general", image];
    let script = ["--", "sh", "-c", "ps"];
    let said = kubectl(&[&debug[..], &["--target=web"], &script].concat())?;
    ensure!(said.contains("nginx: master"), "{said}");
    let mut lost = cluster.kubectl_command(&[&["-n", "debug"], &debug[..], &["--target=nobody"], &script].concat());
    let refused = lost.run()?.failed(1)?;
    ensure!(refused.contains("targetContainerName: Not found"), "{refused}");

    let forward = Forward::open(cluster.kubectl_command(&["-n", "debug", "port-forward", "service/web", ":80"]))?;
    ensure!(forward.page("/")?.contains("200 OK"));
    cluster.kubectl(&["delete", "namespace", "debug", "--timeout=300s"])?;
    Ok(())
}

//! The addon `registry`: one name for an image on this machine and in every node; and the cache of another registry.

use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, Registry, Run as _, until};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "registry::what_is_pushed_here_runs_on_every_node",
        what_is_pushed_here_runs_on_every_node,
    ),
    (
        "registry::a_cache_keeps_what_nodes_pulled",
        a_cache_keeps_what_nodes_pulled,
    ),
    (
        "registry::a_cache_of_a_silent_registry_fails_no_pull",
        a_cache_of_a_silent_registry_fails_no_pull,
    ),
];

const BOX: &str = "rkube.test/busybox:1";

/// `localhost:PORT`, as tools that build images find it (KEP-1755).
fn host(cluster: &Cluster) -> anyhow::Result<String> {
    let map = cluster.get(&["-n", "kube-public", "configmap", "local-registry-hosting"])?;
    let text = map["data"]["localRegistryHosting.v1"].as_str().context("no entry")?;
    let host = text
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("no host")?;
    Ok(host.trim_matches('"').to_owned())
}

fn docker(args: &[&str]) -> anyhow::Result<String> {
    Command::new("docker").args(args).run()?.ok()
}

fn push(image: &str) -> anyhow::Result<()> {
    docker(&["tag", BOX, image])?;
    let pushed = docker(&["push", image]);
    docker(&["rmi", image])?;
    pushed.map(drop)
}

/// Runs an image on a node until it is ready.
fn runs(cluster: &Cluster, pod: &str, image: &str, node: &str) -> anyhow::Result<()> {
    let overrides = format!("--overrides={{\"spec\":{{\"nodeName\":\"{node}\"}}}}");
    let image = format!("--image={image}");
    cluster.kubectl(&["run", pod, &image, &overrides, "--command", "--", "sleep", "3600"])?;
    cluster.pod_ready("default", pod)?;
    cluster.kubectl(&["delete", "pod", pod, "--grace-period=0", "--force"])?;
    Ok(())
}

fn what_is_pushed_here_runs_on_every_node(cluster: &Cluster) -> anyhow::Result<()> {
    let worker = format!("{}-m02", cluster.name);
    let said = cluster.rkube(&["addons", "enable", "registry"])?.ok()?;
    let host = host(cluster)?;
    ensure!(said.contains(&format!("docker push {host}/")), "{host}: {said}");
    cluster.rkube(&["image", "compose", "busybox"])?.ok()?;
    push(&format!("{host}/e2e/one:1"))?;
    push(&format!("{host}/e2e/two:1"))?;
    runs(cluster, "pushed-1", &format!("{host}/e2e/one:1"), &cluster.name)?;
    runs(cluster, "pushed-2", &format!("{host}/e2e/one:1"), &worker)?;
    // the other name of this machine
    let numeric = host.replace("localhost", "127.0.0.1");
    runs(cluster, "pushed-3", &format!("{numeric}/e2e/one:1"), &worker)?;
    cluster.rkube(&["stop"])?.ok()?;
    cluster.rkube(&["start"])?.ok()?;
    runs(cluster, "kept", &format!("{host}/e2e/two:1"), &worker)?;
    // what was pushed is the user's: it stays, and is there again
    cluster.rkube(&["addons", "disable", "registry"])?.ok()?;
    cluster.kubectl(&[
        "-n",
        "kube-system",
        "wait",
        "--for=delete",
        "deployment/registry",
        "--timeout=300s",
    ])?;
    cluster.rkube(&["addons", "enable", "registry"])?.ok()?;
    runs(cluster, "again", &format!("{host}/e2e/two:1"), &cluster.name)
}

fn a_cache_keeps_what_nodes_pulled(cluster: &Cluster) -> anyhow::Result<()> {
    let worker = format!("{}-m02", cluster.name);
    let upstream = Registry::open(cluster, "upstream")?;
    let digest = upstream.push(&cluster.sandbox.path("busybox.tar"), "a/app", "1")?;
    let image = format!("{}/a/app:1", upstream.host());
    cluster.rkube(&["addons", "enable", "registry"])?.ok()?;
    let remote = format!("proxyRemoteURL={}", upstream.url);
    cluster.rkube(&["addons", "configure", "registry", &remote])?.ok()?;
    // nodes may not speak plain HTTP to that registry: it comes by way of the cache
    runs(cluster, "cached-1", &image, &cluster.name)?;
    runs(cluster, "cached-2", &image, &worker)?;
    drop(upstream);
    let repository = format!("http://{}/v2/a/app", host(cluster)?);
    let status = |args: &[&str]| -> anyhow::Result<String> {
        let usual = ["-sS", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}"];
        Command::new("curl").args(usual).args(args).run()?.ok()
    };
    let accept = "Accept: application/vnd.oci.image.manifest.v1+json";
    let kept = status(&["-H", accept, &format!("{repository}/manifests/{digest}")])?;
    ensure!(kept == "200", "the cache has it no more: {kept}");
    let refused = status(&["-X", "POST", &format!("{repository}/blobs/uploads/")])?;
    ensure!(refused == "405", "a cache took a push: {refused}");
    cluster
        .rkube(&["addons", "configure", "registry", "proxyRemoteURL="])?
        .ok()?;
    let list = cluster.rkube(&["mirrors", "list"])?.ok()?;
    ensure!(
        !list.contains("a/app") && !list.contains(image.split('/').next().unwrap_or_default()),
        "{list}"
    );
    without_registry(cluster)
}

fn a_cache_of_a_silent_registry_fails_no_pull(cluster: &Cluster) -> anyhow::Result<()> {
    let (upstream, spare) = (Registry::open(cluster, "mute")?, Registry::open(cluster, "spare")?);
    let archive = cluster.sandbox.path("busybox.tar");
    upstream.push(&archive, "a/app", "1")?;
    spare.push(&archive, "a/mirrored", "1")?;
    let host = upstream.host();
    cluster.rkube(&["addons", "enable", "registry"])?.ok()?;
    let remote = format!("proxyRemoteURL={}", upstream.url);
    cluster.rkube(&["addons", "configure", "registry", &remote])?.ok()?;
    cluster
        .rkube(&["mirrors", "set", "--cluster", host, &spare.url])?
        .ok()?;
    runs(cluster, "by-the-cache", &format!("{host}/a/app:1"), &cluster.name)?;

    upstream.fall_silent()?;
    runs(cluster, "by-the-mirror", &format!("{host}/a/mirrored:1"), &cluster.name)?;
    let (image, file) = (format!("{host}/a/loaded:1"), cluster.sandbox.path("loaded.tar"));
    let file = file.to_string_lossy();
    cluster
        .rkube(&["image", "compose", "busybox", "--tag", &image, "--to", &file])?
        .ok()?;
    cluster.rkube(&["image", "load", &file])?.ok()?;
    let image = format!("--image={image}");
    let run = ["run", "loaded", &image, "--image-pull-policy=Always", "--command", "--"];
    cluster.kubectl(&[&run[..], &["sleep", "3600"]].concat())?;
    cluster.pod_ready("default", "loaded")?;
    cluster.kubectl(&["delete", "pod", "loaded", "--grace-period=0", "--force"])?;

    cluster.rkube(&["mirrors", "set", "--cluster", host])?.ok()?;
    cluster
        .rkube(&["addons", "configure", "registry", "proxyRemoteURL="])?
        .ok()?;
    without_registry(cluster)
}

/// Takes the addon away, and what was pushed.
fn without_registry(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.rkube(&["addons", "disable", "registry"])?.ok()?;
    cluster.kubectl(&["-n", "kube-system", "delete", "pvc", "registry", "--wait=false"])?;
    until("the registry's end", 30, || {
        let pods = cluster.kubectl(&[
            "-n",
            "kube-system",
            "get",
            "pods",
            "-l",
            "app.kubernetes.io/name=registry",
            "-o",
            "name",
        ])?;
        if pods.is_empty() { Ok(()) } else { bail!("{pods}") }
    })
}

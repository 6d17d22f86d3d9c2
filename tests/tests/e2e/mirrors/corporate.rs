//! Networks of companies: a proxy for what is outside, and an authority of their own that looks into TLS.

use anyhow::ensure;
use e2e::{Cluster, Registry, Run as _, Sandbox, cluster_name};

use super::{addresses, archive, certificate, pod, set};

/// Its certificate alone is there, in the folder, and no registry's settings name it.
pub(super) fn an_authority_for_every_host(cluster: &Cluster) -> anyhow::Result<()> {
    let made = certificate(&cluster.sandbox, "corporate", &addresses(cluster)?)?;
    let registry = Registry::private(cluster, "corporate", &made, false)?;
    registry.push(&archive(cluster), "ns/app", "1")?;
    let folder = cluster.sandbox.home().join("certs");
    let test = |code: i32| -> anyhow::Result<()> {
        cluster.rkube(&["start"])?.ok()?;
        let tested = cluster.rkube(&["mirrors", "test", "corporate.test/ns/app:1"])?;
        ensure!(tested.code == code, "{tested:?}");
        Ok(())
    };
    set(cluster, &["corporate.test", &registry.url, "--upstream", "never"])?;
    test(49)?;
    fs_err::create_dir_all(&folder)?;
    fs_err::copy(made.join("ca.pem"), folder.join("corporate.pem"))?;
    let trusted = test(0).and_then(|()| {
        cluster.kubectl_with(&["apply", "-f", "-"], &pod("corporate", "corporate.test/ns/app:1"))?;
        cluster.pod_ready("default", "corporate")?;
        cluster.kubectl(&["delete", "pod", "corporate"])?;
        fs_err::write(folder.join("other.crt"), "no certificate")?;
        let refused = cluster.rkube(&["start"])?.failed(18)?;
        ensure!(refused.contains("other.crt"), "{refused}");
        Ok(())
    });
    fs_err::remove_dir_all(&folder)?;
    trusted?;
    test(49)?;
    set(cluster, &["corporate.test"])
}

/// One proxy that no node can reach is left out, one that answers nobody is not asked for what is in the cluster's own network.
pub(super) fn proxies_are_for_what_is_outside(sandbox: &Sandbox) -> anyhow::Result<()> {
    let cluster = Cluster {
        sandbox: Sandbox::new()?,
        name: cluster_name("proxied"),
    };
    cluster.rkube(&["delete"])?.ok()?;
    // composed before: the proxies below lead nowhere
    let node = sandbox.path("node.tar").to_string_lossy().into_owned();
    cluster.rkube(&["image", "compose", "node", "--to", &node])?.ok()?;
    let mut start = cluster.sandbox.rkube(&["--profile", &cluster.name, "start"]);
    let (outside, loopback) = ("http://192.0.2.1:3128", "http://127.0.0.1:9");
    for name in ["http_proxy", "HTTPS_PROXY", "NO_PROXY"] {
        start.env_remove(name);
    }
    start.env("HTTP_PROXY", outside).env("https_proxy", loopback);
    let started = start.env("no_proxy", "intranet.example").run()?;
    ensure!(started.code == 0 && started.stderr.contains(loopback), "{started:?}");
    let told = cluster.in_node(&cluster.name, "tr '\\0' '\\n' < /proc/1/environ")?;
    for part in [
        "HTTP_PROXY=http://192.0.2.1:3128",
        "http_proxy=",
        "NO_PROXY=intranet.example,localhost,",
    ] {
        ensure!(told.contains(part), "no {part} in {told}");
    }
    ensure!(!told.contains("127.0.0.1:9"), "{told}");
    let image = sandbox.path("busybox.tar").to_string_lossy().into_owned();
    cluster.rkube(&["image", "compose", "busybox", "--to", &image])?.ok()?;
    let registry = Registry::open(&cluster, "direct")?;
    registry.push(&sandbox.path("busybox.tar"), "ns/app", "1")?;
    set(&cluster, &["direct.test", &registry.url, "--upstream", "never"])?;
    cluster.kubectl_with(&["apply", "-f", "-"], &pod("direct", "direct.test/ns/app:1"))?;
    cluster.pod_ready("default", "direct")
}

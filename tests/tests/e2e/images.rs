//! Images in the nodes.

use anyhow::ensure;
use e2e::{Cluster, Run as _, Sandbox, until};
use serde_json::Value;

use crate::{Own, Shared};

pub(crate) const OWN: &[(&str, Own)] = &[(
    "images::a_load_names_the_node_that_is_stopped",
    a_load_names_the_node_that_is_stopped,
)];

pub(crate) const TESTS: &[(&str, Shared)] = &[
    ("images::listed_after_loading", listed_after_loading),
    ("images::nothing_travels_twice", nothing_travels_twice),
    ("images::two_loads_at_once", two_loads_at_once),
    ("images::a_bad_archive_is_refused", a_bad_archive_is_refused),
];

fn listed_after_loading(cluster: &Cluster) -> anyhow::Result<()> {
    let list = cluster.rkube(&["image", "ls"])?.ok()?;
    ensure!(
        list.contains("rkube.test/busybox:1") && list.contains("rkube.test/nginx:1"),
        "{list}"
    );
    Ok(())
}

fn nothing_travels_twice(cluster: &Cluster) -> anyhow::Result<()> {
    let archive = cluster.sandbox.path("busybox.tar");
    let output = cluster
        .rkube(&["-o", "json", "image", "load", &archive.to_string_lossy()])?
        .ok()?;
    let value: Value = serde_json::from_str(&output)?;
    ensure!(value["loaded"][0]["sentBytes"] == 0, "{value}");
    Ok(())
}

/// Neither takes the other's layers away.
fn two_loads_at_once(cluster: &Cluster) -> anyhow::Result<()> {
    let images = ["one", "other"].map(|which| format!("rkube.test/{}-{which}:1", cluster.name));
    for image in &images {
        // layers that no node has, and that take a while to travel
        let script = "cd $1 && head -c 30000000 /dev/urandom > noise && tar c noise | docker import - $2 && rm noise";
        let folder = cluster.sandbox.path("").display().to_string();
        let mut import = std::process::Command::new("sh");
        import.args(["-c", script, "sh", &folder, image]).run()?.ok()?;
    }
    let load = |image: &str| cluster.rkube(&["image", "load", image])?.ok();
    let loaded = std::thread::scope(|threads| {
        let first = threads.spawn(|| load(&images[0]));
        [
            load(&images[1]),
            first.join().unwrap_or_else(|_| Err(anyhow::anyhow!("panicked"))),
        ]
    });
    for image in &images {
        std::process::Command::new("docker")
            .args(["image", "rm", image])
            .run()?
            .ok()?;
    }
    loaded.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let list = cluster.rkube(&["image", "ls"])?.ok()?;
    ensure!(images.iter().all(|image| list.contains(image)), "{list}");
    Ok(())
}

fn a_bad_archive_is_refused(cluster: &Cluster) -> anyhow::Result<()> {
    let file = cluster.sandbox.file("no-archive.tar", "just text")?;
    let error = cluster.rkube(&["image", "load", &file.to_string_lossy()])?.failed(80)?;
    ensure!(error.contains("not an image archive"), "{error}");
    let error = cluster.rkube(&["image", "load", "no-such-image:1"])?.failed(80)?;
    ensure!(error.contains("neither a file nor an image"), "{error}");
    Ok(())
}

/// Half of the nodes would have it, so nobody is told that all do.
fn a_load_names_the_node_that_is_stopped(_: &Sandbox) -> anyhow::Result<()> {
    let cluster = Cluster::start("halved", 2)?;
    let stopped = format!("{}-m02", cluster.name);
    cluster.load("busybox")?;
    let archive = cluster.sandbox.path("busybox.tar");
    let load = || cluster.rkube(&["image", "load", &archive.to_string_lossy()]);
    docker(&["stop", &stopped])?;
    let error = load()?.failed(83)?;
    ensure!(
        error.contains(&format!("not running: {stopped}")) && error.contains("rkube start"),
        "{error}"
    );
    docker(&["start", &stopped])?;
    until("the load into both again", 120, || load()?.ok())?;
    docker(&["stop", &stopped, &cluster.name])?;
    let error = load()?.failed(83)?;
    ensure!(
        error.contains(&format!("cluster {:?} is not running", cluster.name)),
        "{error}"
    );
    Ok(())
}

fn docker(args: &[&str]) -> anyhow::Result<String> {
    std::process::Command::new("docker").args(args).run()?.ok()
}

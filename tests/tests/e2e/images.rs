//! Images in the nodes.

use anyhow::ensure;
use e2e::Cluster;
use serde_json::Value;

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    ("images::listed_after_loading", listed_after_loading),
    ("images::nothing_travels_twice", nothing_travels_twice),
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

fn a_bad_archive_is_refused(cluster: &Cluster) -> anyhow::Result<()> {
    let file = cluster.sandbox.file("no-archive.tar", "just text")?;
    let error = cluster.rkube(&["image", "load", &file.to_string_lossy()])?.failed(80)?;
    ensure!(error.contains("not an image archive"), "{error}");
    let error = cluster.rkube(&["image", "load", "no-such-image:1"])?.failed(80)?;
    ensure!(error.contains("neither a file nor an image"), "{error}");
    Ok(())
}

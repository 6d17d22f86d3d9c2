//! What `start` and the commands on this machine get by way of mirrors.

use std::process::Command;

use anyhow::{Context as _, ensure};
use e2e::{Cluster, Fault, Faulty, Registry, Run as _, cluster_name};
use serde_json::Value;

use super::{archive, pod, set};

pub(super) fn what_start_is_told(cluster: &Cluster) -> anyhow::Result<()> {
    let registry = Registry::open(cluster, "flags")?;
    let host = registry.host().to_owned();
    for repository in ["library/hub", "ns/flat", "ns/deep/whole", "b/direct", "c/file"] {
        registry.push(&archive(cluster), repository, "1")?;
    }
    let file = format!("mirrors:\n  quay.io: {{endpoint: ['{}']}}\n", registry.url);
    let file = cluster.sandbox.file("registries.yaml", &file)?;
    let repository = format!("{}/ns", registry.url);
    let flags = [
        "start",
        "--registry-mirror",
        &registry.url,
        "--image-repository",
        &repository,
        "--insecure-registry",
        &host,
        "--registries",
        &file.to_string_lossy(),
        "--image-mirror-country",
        "cn",
    ];
    cluster.rkube(&flags)?.ok()?;
    for (pod, image) in [
        ("registry-mirror", "hub:1"),
        ("repository-flat", "registry.k8s.io/some/where/flat:1"),
        ("repository-whole", "gcr.io/deep/whole:1"),
        ("insecure", &format!("{host}/b/direct:1")),
        ("registries", "quay.io/c/file:1"),
    ] {
        cluster.kubectl_with(&["apply", "-f", "-"], &self::pod(pod, image))?;
        cluster
            .pod_ready("default", pod)
            .with_context(|| format!("{image}: {:?}", cluster.kubectl(&["describe", "pod", pod])))?;
        cluster.kubectl(&["delete", "pod", pod])?;
    }
    // what the node was told, in this order: the mirror, those of the country, the repository, the registry itself
    let told: Value = serde_json::from_str(&cluster.rkube(&["-o", "json", "mirrors", "list"])?.ok()?)?;
    let hub = told
        .as_array()
        .into_iter()
        .flatten()
        .find(|row| row["registry"] == "docker.io");
    let sources: Vec<&str> = hub.context("no docker.io")?["sources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|source| source["source"].as_str())
        .collect();
    let expected = [
        format!("{}/PATH", registry.url),
        "https://docker.m.daocloud.io/PATH".to_owned(),
        format!("{}/ns/PATH", registry.url),
        "https://registry-1.docker.io/PATH".to_owned(),
    ];
    ensure!(sources == expected, "{sources:?}");
    let table = cluster.in_node(&cluster.name, "cat /etc/rkube/mirrors.json")?;
    ensure!(table.contains("k8s.m.daocloud.io") && table.contains(&host), "{table}");
    // what was set for the cluster otherwise stands beside what a start is told
    set(cluster, &["ghcr.io", &registry.url])?;
    cluster.rkube(&["start", "--insecure-registry", "plain.test"])?.ok()?;
    let both = cluster.in_node(&cluster.name, "cat /etc/rkube/mirrors.json")?;
    for said in ["ghcr.io", "plain.test", &host, "k8s.m.daocloud.io"] {
        ensure!(both.contains(said), "no {said} in {both}");
    }
    set(cluster, &["ghcr.io"])?;
    let table = cluster.in_node(&cluster.name, "cat /etc/rkube/mirrors.json")?;
    // without them, what was said stands; the file is the record of it
    cluster.rkube(&["start"])?.ok()?;
    ensure!(cluster.in_node(&cluster.name, "cat /etc/rkube/mirrors.json")? == table);
    let own = cluster
        .sandbox
        .home()
        .join("profiles")
        .join(&cluster.name)
        .join("mirrors.yaml");
    fs_err::remove_file(own)?;
    cluster.rkube(&["start"])?.ok()?;
    let table = cluster.in_node(&cluster.name, "cat /etc/rkube/mirrors.json")?;
    ensure!(!table.contains(&host), "{table}");
    Ok(())
}

pub(super) fn a_node_image_of_a_registry(cluster: &Cluster) -> anyhow::Result<()> {
    let (archive, name) = (cluster.sandbox.path("node.tar"), cluster_name("base"));
    cluster
        .rkube(&["image", "compose", "node", "--to", &archive.to_string_lossy()])?
        .ok()?;
    let registry = Registry::open(cluster, "nodes")?;
    registry.push(&archive, "ns/rkube-node", "1")?;
    let start = |image: &str| {
        let flags = [
            "--profile",
            &name,
            "start",
            "--base-image",
            image,
            "--insecure-registry",
            registry.host(),
        ];
        cluster.sandbox.rkube(&flags).run()
    };
    let said = start(&format!("{}/ns/rkube-node:none", registry.host()))?.failed(49)?;
    ensure!(
        said.contains(&format!("{}/ns/rkube-node: 404 Not Found", registry.url)),
        "{said}"
    );
    let image = format!("{}/ns/rkube-node:1", registry.host());
    let started = start(&image)?.ok();
    let docker = |args: &[&str]| Command::new("docker").args(args).run()?.ok();
    let used = docker(&["inspect", "-f", "{{.Config.Image}}", &name]);
    cluster.sandbox.rkube(&["--profile", &name, "delete"]).run()?.ok()?;
    started?;
    docker(&["rmi", &image])?;
    let used = used?;
    ensure!(used.trim() == image, "{used}");
    Ok(())
}

/// As somebody does it for machines that cannot compose: made here, pushed under the tag that was told, found by every `start`.
pub(super) fn the_node_image_of_a_repository_is_found_by_its_tag(cluster: &Cluster) -> anyhow::Result<()> {
    let name = cluster_name("mirrored");
    // another program, whose image the engine cannot have
    let program = cluster.sandbox.path("rkube-of-another-build");
    let mut bytes = fs_err::read(cluster.sandbox.binary())?;
    bytes.extend_from_slice(name.as_bytes());
    fs_err::write(&program, bytes)?;
    fs_err::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let archive = cluster.sandbox.path("mirrored.tar");
    let mut compose = Command::new(&program);
    compose
        .args(["-o", "json", "image", "compose", "node", "--to"])
        .arg(&archive);
    let made: Value = serde_json::from_str(&compose.env("RKUBE_HOME", cluster.sandbox.home()).run()?.ok()?)?;
    let image = made["image"].as_str().context("no image")?;
    let tag = image.strip_prefix("rkube/node:").context("an odd name")?;
    let registry = Registry::open(cluster, "mirrored-nodes")?;
    registry.push(&archive, "ns/rkube-node", tag)?;
    // a machine that has nothing, and whose only way is the repository
    let home = cluster.sandbox.path("mirrored-home");
    let rkube = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.args(["--profile", &name]).args(args).env("RKUBE_HOME", &home);
        command
            .env("KUBECONFIG", cluster.sandbox.path("mirrored-kubeconfig"))
            .run()
    };
    let repository = format!("{}/ns", registry.url);
    let flags = [
        "--image-repository",
        &repository,
        "--insecure-registry",
        registry.host(),
    ];
    let started = rkube(&[&["start"], &flags[..]].concat())?.ok();
    let docker = |args: &[&str]| Command::new("docker").args(args).run()?.ok();
    let used = docker(&["inspect", "-f", "{{.Config.Image}}", &name]);
    rkube(&["delete"])?.ok()?;
    started?;
    let used = used?;
    ensure!(used.trim() == image, "{used} instead of {image}");
    docker(&["rmi", image])?;
    let layers = home.join("cache/layers");
    ensure!(!layers.exists(), "it was composed: {}", layers.display());
    Ok(())
}

/// A machine without kubectl, and a mirror of what Kubernetes publishes; before it one that says nothing.
pub(super) fn kubectl_of_a_mirror(cluster: &Cluster) -> anyhow::Result<()> {
    let version: Value = serde_json::from_str(&cluster.rkube(&["-o", "json", "version"])?.ok()?)?;
    let version = version["kubernetesVersion"].as_str().unwrap_or_default();
    let version = version.split('+').next().unwrap_or_default();
    let machine = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    let published = cluster.sandbox.path("published");
    let folder = published.join(format!("{version}/bin/linux/{machine}"));
    fs_err::create_dir_all(&folder)?;
    let program = "#!/bin/sh\necho \"from the mirror: $*\"\n";
    fs_err::write(folder.join("kubectl"), program)?;
    Command::new("sh")
        .args(["-ec", "sha256sum < kubectl > kubectl.sha256"])
        .current_dir(&folder)
        .run()?
        .ok()?;
    let silent = Faulty::start(cluster, Fault::Silent)?;
    let mut server = Command::new("python3");
    server
        .args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0"])
        .current_dir(&published);
    let (_server, said) = crate::dashboard::start(&mut server, "Serving HTTP on")?;
    let port = said
        .split(" port ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .context("a port")?;
    let mirror = format!("http://127.0.0.1:{port}");
    let binaries = format!("binaries: ['{}', '{mirror}']\n", silent.url);
    let own = cluster
        .sandbox
        .home()
        .join("profiles")
        .join(&cluster.name)
        .join("mirrors.yaml");
    fs_err::write(&own, binaries)?;
    // without what earlier runs have kept, of which kubectl could be composed
    let cache = cluster.sandbox.home().join("cache");
    let aside = cluster.sandbox.home().join("cache.aside");
    if aside.exists() {
        // a killed run's
        drop(fs_err::remove_dir_all(&cache));
        fs_err::rename(&aside, &cache)?;
    }
    fs_err::rename(&cache, &aside)?;
    let mut command = cluster.sandbox.rkube(&["--profile", &cluster.name]);
    // nothing to compose with, and nothing on the path
    command.args(["kubectl", "--", "get", "nodes"]).env("PATH", "/nowhere");
    command
        .env("http_proxy", "http://127.0.0.1:9")
        .env("no_proxy", "127.0.0.1,172.0.0.0/8,192.168.0.0/16,10.0.0.0/8");
    let said = command.run();
    fs_err::remove_file(&own)?;
    let theirs = fs_err::read_to_string(cache.join("kubectl")).unwrap_or_default() == program;
    if cache.exists() {
        fs_err::remove_dir_all(&cache)?;
    }
    fs_err::rename(&aside, &cache)?;
    let said = said?.ok()?;
    ensure!(
        theirs && said.starts_with("from the mirror: ") && said.contains("get nodes"),
        "{said}"
    );
    Ok(())
}

//! The commands and flags that minikube's users bring along.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use e2e::{Cluster, Output, Run as _, Sandbox, cluster_name};
use serde_json::{Value, json};

use crate::{Own, Shared};

pub(crate) const TESTS: &[(&str, Own)] = &[
    (
        "surface::what_makes_no_sense_is_refused",
        what_makes_no_sense_is_refused,
    ),
    ("surface::a_dry_run_makes_nothing", a_dry_run_makes_nothing),
    (
        "surface::a_cluster_as_minikubes_users_have_it",
        a_cluster_as_minikubes_users_have_it,
    ),
];

pub(crate) const IN_NODES: &[(&str, Shared)] = &[(
    "surface::a_tag_that_one_node_has_is_listed",
    a_tag_that_one_node_has_is_listed,
)];

/// A user with profiles of their own: `stop --all` must not meet other tests' clusters.
struct User<'a> {
    sandbox: &'a Sandbox,
    name: String,
}

impl<'a> User<'a> {
    /// Downloads are shared.
    fn new(sandbox: &'a Sandbox, name: &str) -> anyhow::Result<Self> {
        let user = Self {
            sandbox,
            name: cluster_name(name),
        };
        let cache = sandbox.home().join("cache");
        fs_err::create_dir_all(&cache)?;
        fs_err::create_dir_all(user.home())?;
        fs_err::os::unix::fs::symlink(&cache, user.home().join("cache"))?;
        Ok(user)
    }

    fn home(&self) -> std::path::PathBuf {
        self.sandbox.path(&format!("{}-home", self.name))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.sandbox.rkube(args);
        command.env("RKUBE_HOME", self.home());
        command
    }

    fn rkube(&self, args: &[&str]) -> anyhow::Result<Output> {
        self.command(args)
            .run()
            .with_context(|| format!("rkube {}", args.join(" ")))
    }

    /// Files of the user's, the cache's aside.
    fn files(&self) -> anyhow::Result<Vec<String>> {
        let names = fs_err::read_dir(self.home())?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let names: anyhow::Result<Vec<String>> = names.collect();
        Ok(names?.into_iter().filter(|name| name != "cache").collect())
    }

    fn broken_profile(&self, name: &str) -> anyhow::Result<()> {
        let folder = self.home().join("profiles").join(name);
        fs_err::create_dir_all(&folder)?;
        fs_err::write(folder.join("profile.json"), "{ \"name\": ")?;
        Ok(())
    }
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        drop(self.rkube(&["delete", "--profile", &self.name]));
    }
}

fn what_makes_no_sense_is_refused(sandbox: &Sandbox) -> anyhow::Result<()> {
    let user = User::new(sandbox, "refused")?;
    for (args, code, expected) in [
        (&["status", "-f", "{{.Hots}}"][..], 14, "{{.Host}}, {{.Kubelet}}"),
        (&["status", "--layout=cluster"], 14, "-o json"),
        (&["status", "-o", "json", "-f", "{{.Host}}"], 14, "choose one"),
        (&["profile", "nothing"], 85, "rkube profile list"),
        (
            &["start", "--dry-run", "--kubernetes-version=v1.30.0"],
            14,
            "has Kubernetes v1.36.",
        ),
        (&["start", "--dry-run", "--cpus=0.5"], 29, "a node needs 1"),
        (&["start", "--dry-run", "--cpus=9999"], 29, "the container engine has"),
        (&["start", "--dry-run", "--memory=256m"], 23, "512 MiB"),
        (
            &["start", "--dry-run", "--memory=9999g"],
            23,
            "the container engine has",
        ),
        (&["start", "--dry-run", "--addons=nothing"], 115, "nothing"),
        (&["start", "--dry-run", "--subnet=172.17.0.0/24"], 71, "overlaps"),
        (&["start", "--dry-run", "--profile=logs"], 14, "name of a command"),
    ] {
        // this machine may have a cluster of the usual name
        let refused = user.command(args).env("RKUBE_PROFILE", &user.name).run()?;
        let error = refused.failed(code).with_context(|| args.join(" "))?;
        ensure!(error.contains(expected), "{args:?}: {error}");
    }
    for (flag, expected) in [
        ("--driver=kvm2", "docker, podman"),
        ("--container-runtime=cri-o", "containerd"),
        ("--cpus=two", "such as 2"),
        ("--memory=lots", "such as 4g"),
        ("--wait-timeout=soon", "such as 6m"),
    ] {
        let refused = user.rkube(&["start", "--dry-run", flag])?.failed(14)?;
        ensure!(refused.contains(expected), "{flag}: {refused}");
    }
    user.broken_profile("broken")?;
    let listed = user.rkube(&["profile", "list", "--light"])?;
    ensure!(
        listed.code == 0 && listed.stderr.contains("broken/profile.json"),
        "{listed:?}"
    );
    Ok(())
}

fn a_dry_run_makes_nothing(sandbox: &Sandbox) -> anyhow::Result<()> {
    let user = User::new(sandbox, "dry")?;
    let profile = format!("--profile={}", user.name);
    let said = user
        .rkube(&[
            "start",
            &profile,
            "--dry-run",
            "--nodes=2",
            "--addons=dashboard",
            "--wait-timeout=1m30s",
        ])?
        .ok()?;
    ensure!(
        said.contains(&format!("{}-m02", user.name)) && said.contains("addons dashboard"),
        "{said}"
    );
    ensure!(user.files()?.is_empty(), "{:?}", user.files());
    let left = crate::interrupts::left(&user.name)?;
    ensure!(left.is_empty(), "{left}");
    user.rkube(&["status", &profile])?.failed(85)?;
    Ok(())
}

const KUBECONFIG: &str =
    "apiVersion: v1\nkind: Config\ncurrent-context: mine\ncontexts:\n- name: mine\n  context: {}\n";

fn a_cluster_as_minikubes_users_have_it(sandbox: &Sandbox) -> anyhow::Result<()> {
    let user = User::new(sandbox, "surface")?;
    let kubeconfig = sandbox.file("kubeconfig", KUBECONFIG)?;
    let name = user.name.as_str();
    let profile = format!("--profile={name}");
    let asked = [
        "start",
        &profile,
        "--keep-context",
        "--cpus=1",
        "--memory=1g",
        "--wait-timeout=3m",
        "--kubernetes-version=v1.36",
        "--container-runtime=containerd",
    ];
    user.rkube(&asked)?.ok()?;
    let text = fs_err::read_to_string(kubeconfig)?;
    ensure!(text.contains("current-context: mine") && text.contains(name), "{text}");
    limits(&user)?;
    let chosen = user.rkube(&["profile", name])?.ok()?;
    ensure!(chosen.contains(name), "{chosen}");
    let text = fs_err::read_to_string(user.sandbox.path("kubeconfig"))?;
    ensure!(text.contains(&format!("current-context: {name}")), "{text}");
    status(&user)?;
    lists(&user)?;
    let file = user.sandbox.path("node.log");
    let file = file.to_string_lossy();
    let printed = user.rkube(&["logs", "--length=5", "--file", &file])?.ok()?;
    let written = fs_err::read_to_string(&*file)?;
    ensure!(
        printed.is_empty() && written.lines().count() >= 5,
        "{printed}\n{written}"
    );
    called_kubectl(&user)?;

    // one that cannot be stopped does not keep the other from it
    user.broken_profile("broken")?;
    let error = user.rkube(&["stop", "--all"])?.failed(38)?;
    ensure!(error.contains("broken/profile.json"), "{error}");
    ensure!(user.rkube(&["status"])?.code == 7, "the cluster runs");
    user.rkube(&["delete", "--profile=broken"])?.ok()?;
    let all = user.rkube(&["stop", "--all"])?.ok()?;
    ensure!(all.contains(name), "{all}");
    let dry = user.rkube(&["start", "--dry-run"])?.ok()?;
    ensure!(dry.contains("Would start") && dry.contains(name), "{dry}");
    user.rkube(&["delete"])?.ok()?;
    let text = fs_err::read_to_string(user.sandbox.path("kubeconfig"))?;
    ensure!(text.contains("current-context: mine"), "{text}");
    let now = user.rkube(&["profile"])?.ok()?;
    ensure!(now.trim() == "rkube", "{now}");
    Ok(())
}

/// The engine keeps them, the node tells them, and a cluster that exists keeps its own.
fn limits(user: &User<'_>) -> anyhow::Result<()> {
    let format = "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}";
    let set = Command::new("docker")
        .args(["inspect", &user.name, "--format", format])
        .run()?
        .ok()?;
    ensure!(set.trim() == "1000000000 1073741824 1073741824", "{set}");
    let path = "jsonpath={.items[*].status.capacity.cpu} {.items[*].status.capacity.memory}";
    let get = ["kubectl", "--profile", &user.name, "--", "get", "nodes", "-o", path];
    let capacity = user.rkube(&get)?.ok()?;
    ensure!(capacity == "1 1Gi" || capacity == "1 1048576Ki", "{capacity}");
    let again = user.rkube(&[
        "start",
        "--profile",
        &user.name,
        "--keep-context",
        "--cpus=2",
        "--memory=1024",
    ])?;
    ensure!(
        again.code == 0 && again.stderr.contains("--cpus is for new clusters") && !again.stderr.contains("--memory"),
        "{again:?}"
    );
    let listed = user.rkube(&["profile", "list", "--light", "-o", "json"])?.ok()?;
    let listed: Value = serde_json::from_str(&listed)?;
    let other = match listed["valid"][0]["Config"]["Driver"].as_str() {
        Some("docker") => "--driver=podman",
        _ => "--driver=docker",
    };
    let start = ["start", "--profile", &user.name, "--dry-run", other];
    let refused = user.rkube(&start)?.failed(14)?;
    ensure!(refused.contains("was made with"), "{refused}");
    Ok(())
}

/// Of the active profile: no command names it.
fn status(user: &User<'_>) -> anyhow::Result<()> {
    let line = user
        .rkube(&["status", "--format", "{{.Name}} {{ .Host }} {{.APIServer}} {{.Worker}}"])?
        .ok()?;
    ensure!(
        line.trim_end() == format!("{} Running Running false", user.name),
        "{line}"
    );
    let state = || -> anyhow::Result<Value> {
        let output = user.rkube(&["status", "-o", "json", "--layout=cluster"])?;
        Ok(serde_json::from_str(&output.stdout)?)
    };
    let running = state()?;
    ensure!(
        running["StatusCode"] == 200 && running["Nodes"][0]["Components"]["kubelet"]["StatusName"] == "OK",
        "{running}"
    );
    user.rkube(&["pause"])?.ok()?;
    let paused = state()?;
    ensure!(paused["StatusCode"] == 418, "{paused}");
    let listed = user.rkube(&["profile", "list"])?.ok()?;
    ensure!(listed.contains("Paused"), "{listed}");
    user.rkube(&["unpause"])?.ok()?;
    let mut watch = user
        .command(&["status", "--watch=100ms", "--format={{.Host}}"])
        .stdout(Stdio::piped())
        .spawn()?;
    let lines = BufReader::new(watch.stdout.take().context("no output")?).lines();
    let lines: Result<Vec<String>, _> = lines.take(3).collect();
    // nobody reads any more, so it ends by itself
    let ended = watch.wait()?;
    ensure!(lines? == ["Running"; 3] && ended.success(), "{ended}");
    Ok(())
}

fn lists(user: &User<'_>) -> anyhow::Result<()> {
    let listed = user.rkube(&["profile", "list"])?.ok()?;
    for expected in [
        user.name.as_str(),
        "containerd",
        "v1.36.",
        "Running",
        "ACTIVE KUBECONTEXT",
        " * ",
    ] {
        ensure!(listed.contains(expected), "no {expected} in {listed}");
    }
    let nowhere = |args: &[&str]| {
        user.command(args)
            .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
            .run()
    };
    let blind = nowhere(&["profile", "list"])?;
    ensure!(
        blind.code == 0 && blind.stdout.contains("Unknown") && blind.stderr.contains("/nowhere/docker.sock"),
        "{blind:?}"
    );
    let light = nowhere(&["profile", "list", "--light", "-o", "json"])?.ok()?;
    let light: Value = serde_json::from_str(&light)?;
    ensure!(
        light["valid"][0]["Status"] == "Skipped" && light["valid"][0]["Active"] == true,
        "{light}"
    );
    Ok(())
}

/// Also where it is the only kubectl on the PATH, or the first of several.
fn called_kubectl(user: &User<'_>) -> anyhow::Result<()> {
    let folder = user.sandbox.path("bin");
    fs_err::create_dir_all(&folder)?;
    let link = folder.join("kubectl");
    fs_err::os::unix::fs::symlink(user.sandbox.binary(), &link)?;
    let mut path = folder.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut kubectl = Command::new(link);
    kubectl.args(["get", "nodes", "-o", "name"]).env("PATH", path);
    kubectl.env("RKUBE_HOME", user.home()).env_remove("RKUBE_PROFILE");
    let nodes = kubectl.run()?.ok()?;
    ensure!(nodes.trim() == format!("node/{}", user.name), "{nodes}");
    Ok(())
}

/// The first node gets another tag for an image that both have; the second one's list is read last.
fn a_tag_that_one_node_has_is_listed(cluster: &Cluster) -> anyhow::Result<()> {
    let images = cluster.rkube(&["image", "ls", "--format=json"])?.ok()?;
    let images: Value = serde_json::from_str(&images)?;
    let own = "rkube.local/rkube";
    let digests = images.as_array().context("no list")?.iter();
    let mut digests = digests.filter_map(|image| image["repoDigests"][0].as_str()?.strip_prefix(own));
    let digest = digests
        .next()
        .context("no image of rkube's own")?
        .trim_start_matches("@sha256:");
    let blob = format!("/var/lib/containerd/io.containerd.content.v1.content/blobs/sha256/{digest}");
    let manifest = cluster.in_node(&cluster.name, &format!("cat {blob}"))?;
    let parsed: Value = serde_json::from_str(&manifest)?;
    let tag = "rkube.test/only-here:1";
    let said = [
        json!({ "type": "blobs", "digests": [] }),
        json!({ "type": "image", "reference": tag, "mediaType": parsed["mediaType"], "manifest": manifest }),
        json!({ "type": "end" }),
    ];
    let said = said.map(|line| line.to_string()).join("\n") + "\n";
    let load = [
        "exec",
        "--interactive",
        &cluster.name,
        "/usr/bin/rkube",
        "node",
        "image-load",
    ];
    Command::new("docker").args(load).run_with(&said)?.ok()?;

    let list = cluster.rkube(&["image", "ls"])?.ok()?;
    ensure!(list.contains(tag) && list.contains(own), "{list}");
    let table = cluster.rkube(&["image", "ls", "--format=table"])?.ok()?;
    ensure!(table.contains("rkube.test/only-here"), "{table}");
    let yaml = cluster.rkube(&["image", "ls", "--format=yaml"])?.ok()?;
    ensure!(yaml.contains("repoTags:") && yaml.contains(tag), "{yaml}");
    Ok(())
}

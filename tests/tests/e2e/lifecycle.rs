//! One cluster from start to delete.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use e2e::{Cluster, Output, Run as _, Sandbox, cluster_name};
use serde_json::{Value, json};

use crate::Own;

pub(crate) const TESTS: &[(&str, Own)] = &[
    ("lifecycle::from_start_to_delete", from_start_to_delete),
    ("lifecycle::json_for_programs", json_for_programs),
    ("lifecycle::two_clusters_made_at_once", two_clusters_made_at_once),
    (
        "lifecycle::a_name_that_somebody_else_has",
        a_name_that_somebody_else_has,
    ),
    (
        "lifecycle::two_users_make_one_name_at_once",
        two_users_make_one_name_at_once,
    ),
];

/// The port under which the kubeconfig finds the API.
fn server_port(cluster: &Cluster) -> anyhow::Result<u16> {
    let path = "jsonpath={.clusters[0].cluster.server}";
    let server = cluster.kubectl(&["config", "view", "--minify", "-o", path])?;
    let (_, port) = server.rsplit_once(':').context("a server without a port")?;
    Ok(port.parse()?)
}

/// Checks that every line of an output is an event; gives steps' names and the result.
fn events(output: &str) -> anyhow::Result<(Vec<String>, Value)> {
    let (mut steps, mut result) = (Vec::new(), Value::Null);
    let mut before = -1;
    for line in output.lines() {
        let mut event: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        ensure!(event["specversion"] == "1.0" && event["id"].is_string(), "{event}");
        match event["type"].as_str() {
            Some("io.k8s.sigs.minikube.step") => {
                let number = |key: &str| event["data"][key].as_str().unwrap_or_default().parse::<i32>();
                let (current, total) = (number("currentstep")?, number("totalsteps")?);
                ensure!(before < current && current < total, "{event} after step {before}");
                before = current;
                steps.push(event["data"]["name"].as_str().unwrap_or_default().to_owned());
            }
            Some("io.rkube.result") => result = event["data"].take(),
            _ => {}
        }
    }
    Ok((steps, result))
}

/// What programs read: events of long commands, documents of short ones.
fn json_for_programs(_: &Sandbox) -> anyhow::Result<()> {
    let cluster = Cluster::start("json", 1)?;
    let name = cluster.name.as_str();
    let json = |args: &[&str]| -> anyhow::Result<Value> {
        let output = cluster.rkube(&[&["-o", "json"], args].concat())?;
        Ok(serde_json::from_str(&output.ok()?)?)
    };
    let (steps, result) = events(&cluster.rkube(&["start", "-o", "json"])?.ok()?)?;
    ensure!(steps.last().is_some_and(|last| last == "Done"), "{steps:?}");
    ensure!(result["name"] == name && result["changed"] == false, "{result}");

    let status = json(&["status"])?;
    let expected = json!({
        "Name": name, "Host": "Running", "Kubelet": "Running", "APIServer": "Running", "Kubeconfig": "Configured",
        "Worker": false,
    });
    ensure!(status == expected, "{status}");
    let profiles = json(&["profile", "list"])?;
    let all = profiles["valid"].as_array().context("valid")?;
    let ours = all.iter().find(|one| one["Name"] == name).context("not listed")?;
    ensure!(
        ours["Status"] == "Running" && ours["ActiveKubeContext"] == true,
        "{ours}"
    );
    let node = &ours["Config"]["Nodes"][0];
    ensure!(node["ControlPlane"] == true && node["Name"] == name, "{ours}");
    let ip = json(&["ip"])?;
    ensure!(ip["ip"] == node["IP"], "{ip}");
    let listed = cluster.rkube(&["node", "list"])?.ok()?;
    ensure!(
        listed.trim_end() == format!("{name}\t{}", ip["ip"].as_str().unwrap_or_default()),
        "{listed}"
    );
    let images = json(&["image", "ls"])?;
    let has_embedded = |image: &Value| image["repoTags"].to_string().contains("rkube.local/rkube");
    ensure!(
        images.as_array().context("images")?.iter().any(has_embedded),
        "{images}"
    );

    for (command, step) in [
        ("pause", "Pausing"),
        ("unpause", "Unpausing"),
        ("stop", "Stopping"),
        ("delete", "Deleting"),
    ] {
        let (steps, result) = events(&cluster.rkube(&["-o", "json", command])?.ok()?)?;
        ensure!(
            steps == [step, "Done"] && result.is_object(),
            "{command}: {steps:?} {result}"
        );
    }
    let failed = cluster.rkube(&["-o", "json", "pause"])?;
    ensure!(failed.code == 85, "{failed:?}");
    let event: Value = serde_json::from_str(&failed.stdout)?;
    ensure!(event["type"] == "io.k8s.sigs.minikube.error", "{event}");
    let data = &event["data"];
    ensure!(
        data["exitcode"] == "85" && data["name"] == "GUEST_PROFILE_NOT_FOUND" && data["advice"].is_string(),
        "{event}"
    );
    Ok(())
}

fn from_start_to_delete(_: &Sandbox) -> anyhow::Result<()> {
    let cluster = Cluster::start("life", 1)?;
    let again = cluster.rkube(&["start"])?.ok()?;
    ensure!(
        again.contains("nothing to do"),
        "a second start changed something: {again}"
    );
    let config = ["inspect", &cluster.name, "--format", "{{json .HostConfig.LogConfig}}"];
    let config: Value = serde_json::from_str(&std::process::Command::new("docker").args(config).run()?.ok()?)?;
    let bounded = config["Config"]["max-size"] == "10m" && config["Config"]["max-file"] == "3";
    ensure!(
        bounded || !["json-file", "local"].iter().any(|driver| config["Type"] == *driver),
        "{config}"
    );
    let status = cluster.rkube(&["status"])?.ok()?;
    ensure!(
        status.contains("apiserver: Running") && status.contains("kubeconfig: Configured"),
        "{status}"
    );
    cluster.kubectl(&["create", "configmap", "kept", "--from-literal=a=b"])?;

    cluster.rkube(&["stop"])?.ok()?;
    let log = std::process::Command::new("docker")
        .args(["logs", &cluster.name])
        .run()?;
    ensure!(
        log.stdout.contains("init: node ended with exit code 0")
            || log.stderr.contains("init: node ended with exit code 0"),
        "the agent was not asked to end, or did not: {log:?}"
    );
    ensure!(cluster.rkube(&["status"])?.code == 7, "status of a stopped cluster");
    cluster.rkube(&["ssh", "true"])?.failed(83)?;
    let port = server_port(&cluster)?;
    let other = TcpListener::bind(("127.0.0.1", port))?;
    let error = cluster.rkube(&["start"])?.failed(71)?;
    ensure!(error.contains(&format!("port {port}")), "{error}");
    drop(other);
    cluster.rkube(&["start"])?.ok()?;
    let kept = cluster.kubectl(&["get", "configmap", "kept", "-o", "jsonpath={.data.a}"])?;
    ensure!(kept == "b", "{kept}");

    cluster.rkube(&["pause"])?.ok()?;
    ensure!(cluster.rkube(&["status"])?.code == 2, "status of a paused cluster");
    cluster.rkube(&["unpause"])?.ok()?;
    cluster.kubectl(&["get", "nodes"])?;

    let init = ["inspect", &cluster.name, "--format", "{{.State.Pid}}"];
    let init = std::process::Command::new("docker").args(init).run()?.ok()?;
    let processes = || Path::new("/proc").join(init.trim()).join("task");
    ensure!(processes().exists(), "no process {init}");
    cluster.rkube(&["delete"])?.ok()?;
    ensure!(!processes().exists(), "process {init} is still there");
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

/// Two users, who know nothing of each other's clusters, want the same ports at the same time.
fn two_clusters_made_at_once(sandbox: &Sandbox) -> anyhow::Result<()> {
    let cache = sandbox.home().join("cache");
    fs_err::create_dir_all(&cache)?;
    let user = |name: &str| -> anyhow::Result<_> {
        let home = sandbox.path(&format!("{name}-home"));
        fs_err::create_dir_all(&home)?;
        fs_err::os::unix::fs::symlink(&cache, home.join("cache"))?;
        let profile = cluster_name(name);
        Ok(move |args: &[&str]| {
            let mut command = sandbox.rkube(&[&["--profile", profile.as_str()], args].concat());
            command.env("RKUBE_HOME", &home).run()
        })
    };
    let (one, other) = (user("one")?, user("other")?);
    let started = std::thread::scope(|threads| {
        let first = threads.spawn(|| one(&["start"]));
        (other(&["start"]), first.join())
    });
    let deleted = [one(&["delete"]), other(&["delete"])];
    let (second, first) = started;
    first.map_err(|_| anyhow::anyhow!("panicked"))??.ok()?;
    second?.ok()?;
    for outcome in deleted {
        outcome?.ok()?;
    }
    Ok(())
}

/// A user whose profiles do not know a cluster can neither use nor harm it by starting one of the same name.
fn a_name_that_somebody_else_has(sandbox: &Sandbox) -> anyhow::Result<()> {
    let cluster = Cluster::start("taken", 1)?;
    cluster.kubectl(&["create", "configmap", "kept"])?;
    let home = sandbox.path("somebody-else");
    fs_err::create_dir_all(&home)?;
    let mut start = sandbox.rkube(&["--profile", &cluster.name, "start"]);
    let refused = start.env("RKUBE_HOME", &home).run()?.failed(51)?;
    ensure!(
        refused.contains(&format!("{:?} exists already", cluster.name)) && refused.contains(&*home.to_string_lossy()),
        "{refused}"
    );
    cluster.rkube(&["status"])?.ok()?;
    cluster.kubectl(&["get", "configmap", "kept"])?;
    // stopped, it is no more to be had
    cluster.rkube(&["stop"])?.ok()?;
    let mut start = sandbox.rkube(&["--profile", &cluster.name, "start"]);
    start.env("RKUBE_HOME", &home).run()?.failed(51)?;
    cluster.rkube(&["start"])?.ok()?;
    cluster.kubectl(&["get", "configmap", "kept"])?;
    Ok(())
}

/// Of two users who make a cluster of one name at the same time, one has it, and the other takes nothing away.
fn two_users_make_one_name_at_once(sandbox: &Sandbox) -> anyhow::Result<()> {
    let name = cluster_name("raced");
    let homes = ["one-user", "other-user"].map(|home| sandbox.path(home));
    let as_user = |home: &Path, args: &[&str]| {
        let mut command = sandbox.rkube(&["--profile", &name]);
        command.args(args).env("RKUBE_HOME", home);
        command.env("KUBECONFIG", home.join("kubeconfig")).run()
    };
    let started = std::thread::scope(|scope| {
        let start = |home: &PathBuf| as_user(home, &["start"]);
        let starts: Vec<_> = homes.iter().map(|home| scope.spawn(move || start(home))).collect();
        starts
            .into_iter()
            .map(|start| start.join().map_err(|_| anyhow::anyhow!("panicked"))?)
            .collect::<anyhow::Result<Vec<Output>>>()
    })?;
    let won = usize::from(started[0].code != 0);
    let status = as_user(&homes[won], &["status"]);
    as_user(&homes[won], &["delete"])?.ok()?;
    status?.ok()?;
    started[1 - won].clone().failed(51)?;
    Ok(())
}

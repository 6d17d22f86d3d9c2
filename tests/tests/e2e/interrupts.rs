//! Ctrl-C while a cluster is made.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use e2e::{Cluster, Run as _, Sandbox, cluster_name, until};

use crate::Own;
use crate::addons::write;

pub(crate) const TESTS: &[(&str, Own)] = &[
    ("interrupts::nothing_is_left", nothing_is_left),
    (
        "interrupts::what_was_made_is_kept_on_demand",
        what_was_made_is_kept_on_demand,
    ),
    ("interrupts::addons_are_not_waited_for", addons_are_not_waited_for),
];

/// How an interrupted `rkube start` ended.
struct Interrupted {
    code: Option<i32>,
    stderr: String,
}

/// Runs a start, and interrupts it once `when` is over.
fn interrupt(
    command: &mut Command,
    log: PathBuf,
    when: impl FnOnce(&PathBuf) -> anyhow::Result<()>,
) -> anyhow::Result<Interrupted> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs_err::File::create(&log)?.into_parts().0)
        .spawn()?;
    let said = when(&log);
    Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
    let ended = until("the command to end", 60, || child.try_wait()?.context("it runs"));
    if ended.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let stderr = fs_err::read_to_string(&log)?;
    said.with_context(|| stderr.clone())?;
    Ok(Interrupted {
        code: ended?.code(),
        stderr,
    })
}

const KINDS: [&[&str]; 3] = [&["volume", "ls"], &["network", "ls"], &["ps", "--all"]];

/// What the engine has of a cluster, of one kind.
fn list(cluster: &str, kind: &[&str]) -> anyhow::Result<String> {
    let label = format!("label=io.rkube.cluster={cluster}");
    let mut docker = Command::new("docker");
    docker.args(kind).args(["--quiet", "--filter", &label]).run()?.ok()
}

/// Everything that the engine has of it.
pub(crate) fn left(cluster: &str) -> anyhow::Result<String> {
    KINDS.into_iter().map(|kind| list(cluster, kind)).collect()
}

/// Takes a test's cluster away, whatever becomes of the test.
struct Gone<'a>(&'a Sandbox, &'a str);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        drop(self.0.rkube(&["--profile", self.1, "delete"]).run());
    }
}

/// At whatever moment. Two nodes, so that requests are on their way side by side.
fn nothing_is_left(sandbox: &Sandbox) -> anyhow::Result<()> {
    let name = cluster_name("interrupted");
    let _gone = Gone(sandbox, &name);
    let rkube = |args: &[&str]| sandbox.rkube(&[&["--profile", &name], args].concat());
    rkube(&["delete"]).run()?.ok()?;
    let mut rolled_back = 0;
    for tenths in [1, 2, 3, 4, 5, 6, 8, 10, 14] {
        let mut start = rkube(&["start", "--nodes=2"]);
        let ended = interrupt(&mut start, sandbox.path("log"), |_| {
            std::thread::sleep(Duration::from_millis(100 * tenths));
            Ok(())
        })?;
        match ended.code {
            // before anything was made
            None => {}
            // it was quicker
            Some(0) => drop(rkube(&["delete"]).run()?.ok()?),
            Some(code) => {
                ensure!(
                    code == 2 && ended.stderr.contains("interrupted"),
                    "{code}: {}",
                    ended.stderr
                );
                rolled_back += 1;
            }
        }
        let left = left(&name)?;
        ensure!(
            left.is_empty(),
            "after {tenths} tenths of a second: {left}; {}",
            ended.stderr
        );
        rkube(&["status"]).run()?.failed(85)?;
    }
    ensure!(rolled_back > 0, "none was in time");
    Ok(())
}

/// As soon as there is a volume, a network, a container: whatever it lacks is made by the next start.
fn what_was_made_is_kept_on_demand(sandbox: &Sandbox) -> anyhow::Result<()> {
    let name = cluster_name("kept");
    let _gone = Gone(sandbox, &name);
    let rkube = |args: &[&str]| sandbox.rkube(&[&["--profile", &name], args].concat());
    for kind in KINDS {
        rkube(&["delete"]).run()?.ok()?;
        let mut start = rkube(&["start", "--delete-on-failure=false"]);
        let ended = interrupt(&mut start, sandbox.path("log"), |_| {
            until("the first of them", 60, || {
                ensure!(!list(&name, kind)?.is_empty(), "nothing yet");
                Ok(())
            })
        })?;
        ensure!(ended.code == Some(2), "{:?}: {}", ended.code, ended.stderr);
        let kept = left(&name)?;
        let outcome = rkube(&["start"]).run();
        let status = rkube(&["status"]).run();
        rkube(&["delete"]).run()?.ok()?;
        ensure!(!kept.is_empty(), "nothing was kept");
        outcome?.ok().with_context(|| format!("interrupted at {kind:?}"))?;
        status?.ok()?;
        ensure!(left(&name)?.is_empty());
    }
    Ok(())
}

const INFO: &str = "
name: never
title: {en: Never, zh: 从不}
summary: {en: Does not come up, zh: 无法启动}
version: 0.1.0
images: {Server: {registry: registry.invalid, image: 'nobody/has-this:1'}}
ready: [{kind: Deployment, namespace: default, name: never}]
";

const SERVER: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: never, namespace: default}
spec:
  selector: {matchLabels: {app: never}}
  template:
    metadata: {labels: {app: never}}
    spec: {containers: [{name: server, image: '${images.Server}'}]}
";

/// The cluster is there then, and stays.
fn addons_are_not_waited_for(_: &Sandbox) -> anyhow::Result<()> {
    let cluster = Cluster::start("waiting", 1)?;
    let folder = write(&cluster, "never", INFO, SERVER)?;
    let mut start = cluster
        .sandbox
        .rkube(&["--profile", &cluster.name, "start", "--addons=never"]);
    let ended = interrupt(&mut start, cluster.sandbox.path("log"), |_| {
        until("the addon's Deployment", 30, || {
            cluster.kubectl(&["get", "deployment", "never"])
        })?;
        Ok(())
    });
    fs_err::remove_dir_all(&folder)?;
    let ended = ended?;
    ensure!(ended.code == Some(2), "{:?}: {}", ended.code, ended.stderr);
    cluster.rkube(&["status"])?.ok()?;
    Ok(())
}

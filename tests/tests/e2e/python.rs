//! The official Python client, installed into an environment of the tests' own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use e2e::{Cluster, Run as _, Sandbox};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[("python::the_official_client", the_official_client)];

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/python.py");

/// The interpreter of an environment with the client in it, kept from run to run.
fn interpreter(sandbox: &Sandbox) -> anyhow::Result<PathBuf> {
    let folder = sandbox.home().join("python");
    let python = folder.join("bin/python");
    let works = |python: &PathBuf| {
        let imported = Command::new(python).args(["-c", "import kubernetes.stream"]).run();
        imported.is_ok_and(|output| output.code == 0)
    };
    if works(&python) {
        return Ok(python);
    }
    let folder = folder.to_string_lossy();
    Command::new("python3")
        .args(["-m", "venv", "--clear", &folder])
        .run()?
        .ok()
        .context("python3 -m venv; on Debian it needs the package python3-venv")?;
    Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "kubernetes"])
        .run()?
        .ok()
        .context("pip install kubernetes")?;
    Ok(python)
}

fn the_official_client(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("python")?;
    let output = Command::new(interpreter(&cluster.sandbox)?)
        .args([SCRIPT, "python"])
        .env("KUBECONFIG", cluster.sandbox.path("kubeconfig"))
        .run()?;
    let said = output.ok()?;
    ensure!(said.ends_with("done\n"), "{said}");
    cluster.kubectl(&["delete", "namespace", "python", "--timeout=300s"])?;
    Ok(())
}

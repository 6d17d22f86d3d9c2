//! A cluster of the tests' own, with its own home folder and kubeconfig; gone when dropped.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::{Output, Run, until};

/// Where tests keep their things: nothing of the user's is touched.
#[derive(Debug)]
pub struct Sandbox {
    binary: PathBuf,
    home: PathBuf,
    folder: tempfile::TempDir,
}

impl Sandbox {
    /// A sandbox around the release binary beside this test's own, or the one in `E2E_RKUBE`.
    pub fn new() -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        // target/<triple>/debug/deps/e2e-…
        let target = own.ancestors().nth(3).context("an odd place for a test")?;
        let beside = target.join("release/rkube");
        let binary = std::env::var_os("E2E_RKUBE").map_or(beside, PathBuf::from);
        if !binary.is_file() {
            bail!("no {}; run `cargo build --release -p rkube` first", binary.display());
        }
        // downloads and the composed image are kept from run to run
        // two runs at once would take each other's cache and addons away
        let home = target.join(match std::env::var_os("E2E_PREFIX") {
            Some(prefix) => format!("e2e-home-{}", prefix.to_string_lossy()),
            None => "e2e-home".to_owned(),
        });
        fs_err::create_dir_all(&home)?;
        Ok(Self {
            binary,
            home,
            folder: tempfile::tempdir()?,
        })
    }

    /// A file of this sandbox.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of this sandbox.
    pub fn file(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.path(name);
        fs_err::write(&path, text)?;
        Ok(path)
    }

    /// rkube's folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The program.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// A command of rkube.
    pub fn rkube(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .env("RKUBE_HOME", &self.home)
            .env("KUBECONFIG", self.path("kubeconfig"))
            .env("LANG", "C.UTF-8")
            .env_remove("LC_ALL")
            .env_remove("RKUBE_PROFILE");
        command
    }
}

/// The whole name of a test's cluster. `E2E_PREFIX` sets the names of two runs on one engine apart.
pub fn cluster_name(name: &str) -> String {
    let prefix = std::env::var_os("E2E_PREFIX").unwrap_or_else(|| "rkube-e2e".into());
    format!("{}-{name}", prefix.to_string_lossy())
}

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    /// Its sandbox.
    pub sandbox: Sandbox,
    /// Its name.
    pub name: String,
}

impl Cluster {
    /// Starts a cluster of `nodes` nodes.
    pub fn start(name: &str, nodes: u8) -> anyhow::Result<Self> {
        Self::start_with(name, nodes, &[])
    }

    /// Starts one with documents as settings of components.
    pub fn start_with(name: &str, nodes: u8, documents: &[(&str, &str)]) -> anyhow::Result<Self> {
        let cluster = Self::to_be(name)?;
        let mut settings = Vec::new();
        for (setting, text) in documents {
            let file = cluster.sandbox.file(setting, text)?;
            settings.push(format!("{setting}={}", file.display()));
        }
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        cluster.begin(nodes, &settings)?;
        Ok(cluster)
    }

    /// Starts one with settings of components, `component.key=value`.
    pub fn start_set(name: &str, nodes: u8, settings: &[&str]) -> anyhow::Result<Self> {
        let cluster = Self::to_be(name)?;
        cluster.begin(nodes, settings)?;
        Ok(cluster)
    }

    fn to_be(name: &str) -> anyhow::Result<Self> {
        Ok(Self {
            sandbox: Sandbox::new()?,
            name: cluster_name(name),
        })
    }

    fn begin(&self, nodes: u8, settings: &[&str]) -> anyhow::Result<()> {
        // what a killed run left behind
        self.rkube(&["delete"])?.ok()?;
        // nobody has these while it is made, so that it gets others: another run's cluster would take them when this one is stopped
        let _kept = [80, 443].map(|port| std::net::TcpListener::bind(("127.0.0.1", port)));
        let mut args = vec!["start".to_owned(), format!("--nodes={nodes}")];
        args.extend(settings.iter().map(|setting| format!("--extra-config={setting}")));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.rkube(&args)?.ok()?;
        Ok(())
    }

    /// Runs rkube on this cluster.
    pub fn rkube(&self, args: &[&str]) -> anyhow::Result<Output> {
        let mut all = vec!["--profile", &self.name];
        all.extend(args);
        self.sandbox
            .rkube(&all)
            .run()
            .with_context(|| format!("rkube {}", args.join(" ")))
    }

    /// A kubectl command on this cluster: the program in `E2E_KUBECTL`, or the one on the PATH.
    pub fn kubectl_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("E2E_KUBECTL").unwrap_or_else(|| "kubectl".into()));
        command.args(args).env("KUBECONFIG", self.sandbox.path("kubeconfig"));
        command
    }

    /// Runs kubectl, which must succeed; gives its output.
    pub fn kubectl(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = self.kubectl_command(args).run()?;
        output.ok().with_context(|| format!("kubectl {}", args.join(" ")))
    }

    /// Runs kubectl with a document on standard input.
    pub fn kubectl_with(&self, args: &[&str], input: &str) -> anyhow::Result<String> {
        let output = self.kubectl_command(args).run_with(input)?;
        output.ok().with_context(|| format!("kubectl {}", args.join(" ")))
    }

    /// An object as JSON.
    pub fn get(&self, args: &[&str]) -> anyhow::Result<Value> {
        let mut all = vec!["get", "-o", "json"];
        all.extend(args);
        Ok(serde_json::from_str(&self.kubectl(&all)?)?)
    }

    /// Composes one of the test images and loads it into all nodes.
    pub fn load(&self, recipe: &str) -> anyhow::Result<()> {
        let archive = self.sandbox.path(&format!("{recipe}.tar"));
        let file = archive.to_string_lossy().into_owned();
        self.rkube(&["image", "compose", recipe, "--to", &file])?.ok()?;
        self.rkube(&["image", "load", &file])?.ok()?;
        Ok(())
    }

    /// Runs a program in a node.
    pub fn in_node(&self, node: &str, command: &str) -> anyhow::Result<String> {
        self.rkube(&["ssh", "--node", node, "--", command])?.ok()
    }

    /// Makes a namespace of a test's own.
    pub fn namespace(&self, name: &str) -> anyhow::Result<()> {
        self.kubectl(&["create", "namespace", name])?;
        // each comes from a controller of its own
        until("what every namespace has", 20, || {
            self.kubectl(&[
                "-n",
                name,
                "get",
                "serviceaccount/default",
                "configmap/kube-root-ca.crt",
            ])
        })?;
        Ok(())
    }

    /// What a person would look at first after a failure: pods, claims, the last events and what the nodes logged.
    pub fn state(&self) -> String {
        let mut out = Vec::new();
        let mut show = |what: &str, said: anyhow::Result<Output>| {
            out.push(format!("      -- {what}"));
            let said = said.map_or_else(|error| format!("{error:#}"), |output| output.stdout + &output.stderr);
            let lines: Vec<&str> = said.lines().collect();
            let last = lines.iter().skip(lines.len().saturating_sub(60));
            out.extend(last.map(|line| format!("      {line}")));
        };
        for look in [
            "get pods,pvc -A -o wide",
            "get events -A --sort-by=.metadata.creationTimestamp",
        ] {
            let args: Vec<&str> = look.split(' ').collect();
            show(&format!("kubectl {look}"), self.kubectl_command(&args).run());
        }
        show("rkube logs", self.rkube(&["logs", "--length=60"]));
        out.join("\n")
    }

    /// Waits until a pod runs and is ready.
    pub fn pod_ready(&self, namespace: &str, pod: &str) -> anyhow::Result<()> {
        until(&format!("pod {namespace}/{pod}"), 120, || {
            let object = self.get(&["-n", namespace, "pod", pod])?;
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let ready = conditions
                .iter()
                .any(|one| one["type"] == "Ready" && one["status"] == "True");
            if ready { Ok(()) } else { bail!("{}", object["status"]) }
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::env::var_os("E2E_KEEP").is_none() {
            drop(self.rkube(&["delete"]));
        }
    }
}

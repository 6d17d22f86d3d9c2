//! The engine is restarted, in good order and by force: the same cluster comes back by itself.

use anyhow::{Context as _, bail, ensure};
use e2e::{Engine, Output, Run as _, Sandbox, cluster_name, until};
use serde_json::Value;

use crate::Own;

pub(crate) const TESTS: &[(&str, Own)] = &[(
    "engine::a_restart_of_the_engine_brings_everything_back",
    a_restart_of_the_engine_brings_everything_back,
)];

/// A cluster in an engine of its own.
struct Elsewhere<'a> {
    sandbox: &'a Sandbox,
    engine: &'a Engine,
    name: String,
}

impl Elsewhere<'_> {
    fn rkube(&self, args: &[&str]) -> anyhow::Result<Output> {
        let mut command = self.sandbox.rkube(&[&["--profile", self.name.as_str()], args].concat());
        // a home of its own, so that nothing about this engine is remembered; downloads are shared
        command.env("RKUBE_HOME", self.sandbox.path("home"));
        self.engine.within(&command).run()
    }

    fn kubectl(&self, args: &[&str]) -> anyhow::Result<String> {
        let mut command = std::process::Command::new(std::env::var_os("E2E_KUBECTL").unwrap_or("kubectl".into()));
        command.args(args).env("KUBECONFIG", self.sandbox.path("kubeconfig"));
        self.engine.within(&command).run()?.ok()
    }

    /// UID, container and readiness of the Deployment's pods.
    fn pods(&self) -> anyhow::Result<Vec<(String, String, bool)>> {
        let text = self.kubectl(&["get", "pods", "-l", "app=web", "-o", "json", "--request-timeout=5s"])?;
        let list: Value = serde_json::from_str(&text)?;
        let pod = |pod: &Value| {
            let status = &pod["status"]["containerStatuses"][0];
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (
                word(&pod["metadata"]["uid"]),
                word(&status["containerID"]),
                status["ready"] == true,
            )
        };
        Ok(list["items"].as_array().context("items")?.iter().map(pod).collect())
    }
}

fn a_restart_of_the_engine_brings_everything_back(sandbox: &Sandbox) -> anyhow::Result<()> {
    let name = cluster_name("engine");
    let (home, cache) = (sandbox.path("home"), sandbox.home().join("cache"));
    fs_err::create_dir_all(&home)?;
    fs_err::create_dir_all(&cache)?;
    fs_err::os::unix::fs::symlink(&cache, home.join("cache"))?;
    // composed where there is a network: the engine's own has no way out
    let archives = [("node", "node.tar"), ("nginx", "nginx.tar")].map(|(recipe, file)| (recipe, sandbox.path(file)));
    for (recipe, archive) in &archives {
        let to = archive.to_string_lossy();
        sandbox.rkube(&["image", "compose", recipe, "--to", &to]).run()?.ok()?;
    }
    let engine = Engine::start(&name)?;
    let cluster = Elsewhere {
        sandbox,
        engine: &engine,
        name,
    };
    cluster.rkube(&["start", "--nodes", "2"])?.ok()?;
    cluster
        .rkube(&["image", "load", &archives[1].1.to_string_lossy()])?
        .ok()?;
    let create = [
        "create",
        "deployment",
        "web",
        "--image=rkube.test/nginx:1",
        "--replicas=2",
    ];
    cluster.kubectl(&create)?;
    cluster.kubectl(&["rollout", "status", "deployment/web", "--timeout=300s"])?;
    let server = cluster.kubectl(&["config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"])?;
    for signal in ["-TERM", "-KILL"] {
        let before = cluster.pods()?;
        engine.end(signal)?;
        engine.run()?;
        until(&format!("the same pods in new containers after {signal}"), 120, || {
            let now = cluster.pods()?;
            let is_back = |old: &(String, String, bool)| {
                now.iter()
                    .any(|(uid, container, ready)| *uid == old.0 && *container != old.1 && *ready)
            };
            if now.len() == before.len() && before.iter().all(is_back) {
                Ok(())
            } else {
                bail!("before {before:?}, now {now:?}")
            }
        })?;
        until("both nodes to be ready", 60, || {
            let wait = ["wait", "nodes", "--all", "--for=condition=Ready", "--timeout=5s"];
            cluster.kubectl(&wait)
        })?;
    }
    let now = cluster.kubectl(&["config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"])?;
    ensure!(now == server, "{now} instead of {server}");
    let again = cluster.rkube(&["start"])?.ok()?;
    ensure!(again.contains("nothing to do"), "{again}");
    cluster.rkube(&["delete"])?.ok()?;
    let (containers, volumes) = (&["ps", "--all", "--quiet"], &["volume", "ls", "--quiet"]);
    let left = [engine.docker(containers)?, engine.docker(volumes)?].concat();
    ensure!(left.trim().is_empty(), "{left}");
    Ok(())
}

//! kubectl 1.20, as Debian's bookworm has it: OpenAPI v2, SPDY, and client-side validation.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use e2e::{Cluster, Output, Run as _, until};
use serde_json::Value;

use crate::Shared;
use crate::streams::Forward;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    ("old_kubectl::reads_the_schema", reads_the_schema),
    ("old_kubectl::manages_a_deployment", manages_a_deployment),
    (
        "old_kubectl::a_short_run_says_all_it_has_to_say",
        a_short_run_says_all_it_has_to_say,
    ),
];

/// The old kubectl in a namespace.
struct Old<'a> {
    program: PathBuf,
    cluster: &'a Cluster,
    namespace: &'a str,
}

impl<'a> Old<'a> {
    fn new(cluster: &'a Cluster, namespace: &'a str) -> anyhow::Result<Self> {
        let program = e2e::program(&cluster.sandbox, "kubectl", "bookworm", "kubernetes-client")?;
        cluster.namespace(namespace)?;
        Ok(Self {
            program,
            cluster,
            namespace,
        })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        let kubeconfig = self.cluster.sandbox.path("kubeconfig");
        command.args(["-n", self.namespace]).args(args);
        // its cache of discovery would otherwise be the user's
        command
            .env("KUBECONFIG", kubeconfig)
            .env("HOME", self.cluster.sandbox.path("home"));
        command
    }

    fn run(&self, args: &[&str]) -> anyhow::Result<String> {
        let output = self.command(args).run()?;
        output.ok().with_context(|| format!("kubectl 1.20 {}", args.join(" ")))
    }

    fn with(&self, args: &[&str], input: &str) -> anyhow::Result<Output> {
        self.command(args).run_with(input)
    }
}

fn reads_the_schema(cluster: &Cluster) -> anyhow::Result<()> {
    let old = Old::new(cluster, "old-schema")?;
    let version: Value = serde_json::from_str(&old.run(&["version", "-o", "json"])?)?;
    ensure!(version["clientVersion"]["minor"] == "20", "{version}");
    let explained = old.run(&["explain", "deployment.spec.template.spec.containers.ports"])?;
    ensure!(
        explained.contains("containerPort") && explained.contains("-required-") && explained.contains("<integer>"),
        "{explained}"
    );
    let tree = old.run(&["explain", "cronjobs", "--recursive", "--api-version=batch/v1"])?;
    ensure!(tree.contains("successfulJobsHistoryLimit"), "{tree}");

    // validated by the client, against what it read
    let wrong = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "dat": {}}"#;
    let refused = old.with(&["apply", "-f", "-"], wrong)?.failed(1)?;
    ensure!(refused.contains("unknown field \"dat\""), "{refused}");
    let wrong = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": ["a"]}"#;
    let refused = old.with(&["apply", "-f", "-"], wrong)?.failed(1)?;
    ensure!(refused.contains("invalid type"), "{refused}");
    // the client looks up whether a dry run is supported before it asks for one
    let right = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}"#;
    let said = old.with(&["apply", "--dry-run=server", "-f", "-"], right)?.ok()?;
    ensure!(said.contains("(server dry run)"), "{said}");
    ensure!(
        old.command(&["get", "configmap", "c"]).run()?.code == 1,
        "it was persisted"
    );
    cluster.kubectl(&["delete", "namespace", "old-schema", "--timeout=300s"])?;
    Ok(())
}

fn a_short_run_says_all_it_has_to_say(cluster: &Cluster) -> anyhow::Result<()> {
    let old = Old::new(cluster, "old-short")?;
    let image = "--image=rkube.test/busybox:1";
    for round in 0..6 {
        let name = format!("short-{round}");
        let said = old.run(&["run", &name, "--rm", "-i", image, "--restart=Never", "--", "echo", "hi"])?;
        ensure!(said.starts_with("hi\n"), "round {round}: {said:?}");
    }
    cluster.kubectl(&["delete", "namespace", "old-short", "--timeout=300s"])?;
    Ok(())
}

fn deployment(image: &str) -> String {
    format!(
        r#"{{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {{"name": "web"}}, "spec": {{
            "selector": {{"matchLabels": {{"app": "web"}}}},
            "template": {{"metadata": {{"labels": {{"app": "web"}}}}, "spec": {{"terminationGracePeriodSeconds": 1,
                "containers": [{{"name": "web", "image": "rkube.test/nginx:1", "ports": [{{"containerPort": 80}}],
                    "env": [{{"name": "EDITION", "value": "{image}"}}]}}]}}}}}}}}"#
    )
}

fn manages_a_deployment(cluster: &Cluster) -> anyhow::Result<()> {
    let old = Old::new(cluster, "old")?;
    old.with(&["apply", "-f", "-"], &deployment("first"))?.ok()?;
    old.run(&["rollout", "status", "deployment/web", "--timeout=300s"])?;
    let difference = old.with(&["diff", "-f", "-"], &deployment("second"))?;
    ensure!(
        difference.code == 1 && difference.stdout.contains("+          value: second"),
        "{difference:?}"
    );
    old.with(&["apply", "-f", "-"], &deployment("second"))?.ok()?;
    old.run(&["rollout", "status", "deployment/web", "--timeout=300s"])?;
    // a pod that is ending may be chosen as long as it is there
    let serves = |wanted: &str| {
        until(wanted, 20, || {
            let edition = old.run(&["exec", "deploy/web", "--", "sh", "-c", "echo $EDITION"])?;
            ensure!(edition.trim() == wanted, "{edition}");
            Ok(())
        })
    };
    serves("second")?;
    old.run(&["rollout", "undo", "deployment/web"])?;
    old.run(&["rollout", "status", "deployment/web", "--timeout=300s"])?;
    serves("first")?;
    old.run(&["scale", "deployment/web", "--replicas=2"])?;
    old.run(&["rollout", "status", "deployment/web", "--timeout=300s"])?;

    old.run(&["expose", "deployment", "web", "--port=80"])?;
    for patch in [
        ["--type=strategic", r#"{"metadata": {"labels": {"by": "strategic"}}}"#],
        ["--type=merge", r#"{"metadata": {"annotations": {"by": "merge"}}}"#],
        [
            "--type=json",
            r#"[{"op": "add", "path": "/metadata/labels/json", "value": "yes"}]"#,
        ],
    ] {
        old.run(&["patch", "service", "web", patch[0], "-p", patch[1]])?;
    }
    let labels = old.run(&["get", "service", "web", "-o", "jsonpath={.metadata.labels}"])?;
    ensure!(
        labels.contains("strategic") && labels.contains("\"json\":\"yes\""),
        "{labels}"
    );

    let file = cluster.sandbox.file("old.html", "<p>by an old client</p>")?;
    let pod = until("two pods", 20, || {
        let names = old.run(&["get", "pods", "-o", "jsonpath={.items[*].metadata.name}"])?;
        let names: Vec<&str> = names.split_whitespace().collect();
        ensure!(names.len() == 2, "{names:?}");
        Ok(names[0].to_owned())
    })?;
    let inside = format!("{pod}:/var/www/html/old.html");
    old.run(&["cp", &file.to_string_lossy(), &inside])?;
    let back = cluster.sandbox.path("old-back.html");
    old.run(&["cp", &inside, &back.to_string_lossy()])?;
    ensure!(fs_err::read_to_string(back)? == "<p>by an old client</p>");
    let forward = Forward::open(old.command(&["port-forward", &format!("pod/{pod}"), ":80"]))?;
    let page = forward.page("/old.html")?;
    ensure!(page.ends_with("<p>by an old client</p>"), "{page}");
    drop(forward);
    until("the request in the log", 20, || {
        let log = old.run(&["logs", &pod])?;
        ensure!(log.contains("GET /old.html"), "{log}");
        Ok(())
    })?;
    ensure!(old.with(&["exec", "-i", &pod, "--", "cat"], "typed")?.ok()? == "typed");

    let described = old.run(&["describe", "deployment", "web"])?;
    ensure!(described.contains("NewReplicaSet:"), "{described}");
    old.run(&["delete", "deployment,service", "web", "--timeout=300s"])?;
    let left = old.run(&["get", "deployment,service", "-o", "name"])?;
    ensure!(left.is_empty(), "{left}");
    cluster.kubectl(&["delete", "namespace", "old", "--timeout=300s"])?;
    Ok(())
}

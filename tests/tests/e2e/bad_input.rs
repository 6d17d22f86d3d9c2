//! Bad input: a clear error with its own exit code, and nothing lost.

use std::net::TcpListener;

use anyhow::ensure;
use e2e::{Cluster, Run as _, Sandbox};
use serde_json::json;

use crate::{Own, Shared};

pub(crate) const TESTS: &[(&str, Own)] = &[
    ("bad_input::unknown_flag_values", unknown_flag_values),
    (
        "bad_input::a_broken_profile_names_its_file",
        a_broken_profile_names_its_file,
    ),
    ("bad_input::a_taken_port", a_taken_port),
    ("bad_input::a_taken_subnet", a_taken_subnet),
    ("bad_input::no_engine", no_engine),
    (
        "bad_input::a_broken_kubeconfig_is_left_alone",
        a_broken_kubeconfig_is_left_alone,
    ),
    ("bad_input::malformed_recipe", malformed_recipe),
    ("bad_input::an_unknown_profile", an_unknown_profile),
    ("bad_input::no_mirror_answers", no_mirror_answers),
    ("bad_input::messages_in_chinese", messages_in_chinese),
    ("bad_input::a_full_disk", a_full_disk),
];

/// What kubectl passes on from the API.
pub(crate) const OBJECTS: &[(&str, Shared)] = &[
    ("bad_input::malformed_documents", malformed_documents),
    ("bad_input::invalid_objects", invalid_objects),
    ("bad_input::a_lost_race", a_lost_race),
];

fn unknown_flag_values(sandbox: &Sandbox) -> anyhow::Result<()> {
    let error = sandbox.rkube(&["start", "--nodes", "many"]).run()?.failed(14)?;
    ensure!(error.contains("many") && error.contains("--nodes"), "{error}");
    let error = sandbox.rkube(&["start", "--nodes", "0"]).run()?.failed(14)?;
    ensure!(error.contains("1..=100"), "{error}");
    let error = sandbox
        .rkube(&["start", "--extra-config", "nonsense"])
        .run()?
        .failed(14)?;
    ensure!(error.contains("COMPONENT.KEY=VALUE"), "{error}");
    for (setting, expected) in [
        ("kubelet.max-pod=50", "kubelet.maxPods"),
        ("kubelet.max-pods=many", "no number"),
        (
            "apiserver.runtime-config=nothing.example/v1=true",
            "there is no nothing.example/v1",
        ),
        ("apiserver.runtime-config=api/beta=perhaps", "neither true nor false"),
    ] {
        let start = ["start", "-p", "e2e-setting", "--extra-config", setting];
        let error = sandbox.rkube(&start).run()?.failed(14)?;
        ensure!(error.contains(setting) && error.contains(expected), "{error}");
    }
    for (args, expected) in [
        (["start", "--subnet", "10.0.0.0/33"], "--subnet"),
        (["start", "--nodes", "0"], "1..=100"),
        (["status", "--output", "yaml"], "[possible values: text, json]"),
        (["start", "--wait-timeout", "soon"], "--wait-timeout"),
        (["star", "--nodes", "1"], "'start'"),
    ] {
        let error = sandbox.rkube(&args).run()?.failed(14)?;
        ensure!(
            error.contains(args[2].trim_matches('1')) && error.contains(expected),
            "{error}"
        );
    }
    for name in ["No_Good", "host"] {
        let error = sandbox.rkube(&["start", "-p", name]).run()?.failed(14)?;
        ensure!(error.contains("PROFILE_NAME") && error.contains(name), "{error}");
    }
    Ok(())
}

fn a_broken_profile_names_its_file(sandbox: &Sandbox) -> anyhow::Result<()> {
    let folder = sandbox.home().join("profiles/e2e-broken");
    fs_err::create_dir_all(&folder)?;
    fs_err::write(folder.join("profile.json"), "{ \"name\": ")?;
    for command in ["start", "status", "stop"] {
        let error = sandbox.rkube(&[command, "-p", "e2e-broken"]).run()?.failed(38)?;
        ensure!(
            error.contains("e2e-broken/profile.json") && error.contains("rkube delete"),
            "{error}"
        );
    }
    sandbox.rkube(&["delete", "-p", "e2e-broken"]).run()?.ok()?;
    ensure!(!folder.exists());
    Ok(())
}

fn a_taken_port(sandbox: &Sandbox) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port().to_string();
    let error = sandbox
        .rkube(&["start", "-p", "e2e-port", "--apiserver-port", &port])
        .run()?
        .failed(71)?;
    ensure!(error.contains(&port) && error.contains("--apiserver-port"), "{error}");
    sandbox.rkube(&["status", "-p", "e2e-port"]).run()?.failed(85)?;
    Ok(())
}

fn a_taken_subnet(sandbox: &Sandbox) -> anyhow::Result<()> {
    // the default bridge's own
    let error = sandbox
        .rkube(&["start", "-p", "e2e-net", "--subnet", "172.17.0.0/24"])
        .run()?
        .failed(71)?;
    ensure!(
        error.contains("overlaps 172.17.0.0/16") && error.contains("--subnet"),
        "{error}"
    );
    sandbox.rkube(&["status", "-p", "e2e-net"]).run()?.failed(85)?;
    Ok(())
}

fn no_engine(sandbox: &Sandbox) -> anyhow::Result<()> {
    let mut command = sandbox.rkube(&["start", "-p", "e2e-engine"]);
    let error = command
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .run()?
        .failed(53)?;
    ensure!(
        error.contains("/nowhere/docker.sock: no such socket") && error.contains("DOCKER_HOST"),
        "{error}"
    );
    let mut command = sandbox.rkube(&["start", "-p", "e2e-engine"]);
    let error = command.env("DOCKER_HOST", "dockr:/somewhere").run()?.failed(53)?;
    ensure!(
        error.contains("dockr:/somewhere") && error.contains("unix://"),
        "{error}"
    );
    Ok(())
}

fn a_broken_kubeconfig_is_left_alone(sandbox: &Sandbox) -> anyhow::Result<()> {
    let file = sandbox.file("broken-kubeconfig", "clusters: [\n")?;
    let mut start = sandbox.rkube(&["start", "-p", "e2e-kubeconfig"]);
    let error = start.env("KUBECONFIG", &file).run()?.failed(38)?;
    ensure!(
        error.contains("broken-kubeconfig") && error.contains("line") && error.contains("KUBECONFIG"),
        "{error}"
    );
    ensure!(!error.contains("Nodes"), "found out too late: {error}");
    ensure!(fs_err::read_to_string(&file)? == "clusters: [\n");
    sandbox.rkube(&["status", "-p", "e2e-kubeconfig"]).run()?.failed(85)?;
    Ok(())
}

fn malformed_recipe(sandbox: &Sandbox) -> anyhow::Result<()> {
    let recipe = sandbox.file("bad.yaml", "name: x\ntag: x:1\npackages: [a\n")?;
    let name = recipe.to_string_lossy();
    let error = sandbox.rkube(&["image", "compose", &name]).run()?.failed(18)?;
    ensure!(error.contains("bad.yaml") && error.contains("line"), "{error}");
    let error = sandbox
        .rkube(&["image", "compose", "nothing-like-it"])
        .run()?
        .failed(14)?;
    ensure!(error.contains("busybox"), "{error}");
    Ok(())
}

fn an_unknown_profile(sandbox: &Sandbox) -> anyhow::Result<()> {
    for command in [
        ["status"].as_slice(),
        &["stop"],
        &["ip"],
        &["ssh", "true"],
        &["kubectl", "get", "nodes"],
    ] {
        let error = sandbox
            .rkube(&[&["-p", "e2e-none"], command].concat())
            .run()?
            .failed(85)?;
        ensure!(error.contains("`rkube start --profile e2e-none`"), "{error}");
    }
    sandbox.rkube(&["delete", "-p", "e2e-none"]).run()?.ok()?;
    Ok(())
}

fn no_mirror_answers(sandbox: &Sandbox) -> anyhow::Result<()> {
    let recipe = "name: y\ntag: y:1\npackages: [busybox-static]\n\
        archives: [{suite: no-such-suite, components: [main], mirrors: [\"http://127.0.0.1:1/debian\"]}]\n";
    let recipe = sandbox.file("unreachable.yaml", recipe)?;
    let error = sandbox
        .rkube(&["image", "compose", &recipe.to_string_lossy()])
        .run()?
        .failed(49)?;
    ensure!(
        error.contains("http://127.0.0.1:1/debian/dists/no-such-suite/InRelease"),
        "{error}"
    );
    ensure!(error.contains("--debian-mirror"), "{error}");
    Ok(())
}

fn messages_in_chinese(sandbox: &Sandbox) -> anyhow::Result<()> {
    let error = sandbox
        .rkube(&["status", "-p", "e2e-none"])
        .env("LANG", "zh_CN.UTF-8")
        .run()?
        .failed(85)?;
    ensure!(
        error.starts_with("错误") && error.contains("GUEST_PROFILE_NOT_FOUND"),
        "{error}"
    );
    let error = sandbox
        .rkube(&["start", "--nodes", "many"])
        .env("LANG", "zh_CN.UTF-8")
        .run()?
        .failed(14)?;
    ensure!(error.contains("'--nodes <NODES>' 的值 'many' 无效"), "{error}");
    Ok(())
}

fn a_full_disk(sandbox: &Sandbox) -> anyhow::Result<()> {
    let home = sandbox.path("small");
    fs_err::create_dir_all(&home)?;
    // a mount namespace of its own: the small disk is gone with the last process
    let script = "mount -t tmpfs -o size=2m small \"$RKUBE_HOME\" && \"$0\" image compose busybox --to \"$RKUBE_HOME/b.tar\"; \
        code=$?; ls \"$RKUBE_HOME\"; exit $code";
    let output = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .arg(sandbox.binary())
        .env("RKUBE_HOME", &home)
        .env("LANG", "C.UTF-8")
        .run()?;
    let left = output.stdout.clone();
    let error = output.failed(26)?;
    ensure!(
        error.contains(&*home.to_string_lossy()) && error.contains("No space left on device"),
        "{error}"
    );
    ensure!(
        error.contains("RSRC_DISK_FULL") && error.contains("RKUBE_HOME"),
        "{error}"
    );
    ensure!(!left.contains("b.tar"), "half an archive: {left}");
    Ok(())
}

/// kubectl's errors for a document on its standard input.
fn refused(cluster: &Cluster, args: &[&str], document: &str) -> anyhow::Result<String> {
    let mut all = args.to_vec();
    all.extend(["-f", "-"]);
    cluster.kubectl_command(&all).run_with(document)?.failed(1)
}

fn malformed_documents(cluster: &Cluster) -> anyhow::Result<()> {
    let error = refused(cluster, &["apply"], "apiVersion: v1\nkind: Pod\n  metadata: x\n")?;
    ensure!(error.contains("error parsing") && error.contains("line"), "{error}");
    let raw = ["create", "--raw", "/api/v1/namespaces/default/pods"];
    let error = refused(cluster, &raw, "{\"kind\": \"Pod\", \"apiVersion\": ")?;
    ensure!(error.starts_with("Error from server (BadRequest)"), "{error}");
    let error = refused(
        cluster,
        &["apply", "--validate=false"],
        "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: x}\n",
    )?;
    ensure!(
        error.contains("no matches for kind \"Gadget\" in version \"example.com/v1\""),
        "{error}"
    );
    Ok(())
}

fn invalid_objects(cluster: &Cluster) -> anyhow::Result<()> {
    let deployment = |change: fn(&mut serde_json::Value)| {
        let template = json!({
            "metadata": { "labels": { "app": "x" } }, "spec": { "containers": [{ "name": "c", "image": "rkube.test/busybox:1" }] },
        });
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "x" },
            "spec": { "replicas": 1, "selector": { "matchLabels": { "app": "x" } }, "template": template },
        });
        change(&mut object);
        object.to_string()
    };
    let apply = ["apply"].as_slice();
    for (args, document, expected) in [
        (
            apply,
            deployment(|object| object["spec"]["replica"] = 2.into()),
            vec![
                "Error from server (BadRequest)",
                "strict decoding error: unknown field \"spec.replica\"",
            ],
        ),
        (
            apply,
            deployment(|object| object["spec"]["replicas"] = "three".into()),
            vec![
                "Error from server (BadRequest)",
                "cannot be handled as a Deployment",
                "spec.replicas",
            ],
        ),
        (
            apply,
            deployment(|object| object["spec"]["replicas"] = (-1).into()),
            vec![
                "The Deployment \"x\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            ],
        ),
        (
            apply,
            deployment(|object| object["spec"]["selector"]["matchLabels"]["app"] = "y".into()),
            vec![
                "The Deployment \"x\" is invalid: spec.template.metadata.labels",
                "`selector` does not match",
            ],
        ),
        (
            apply,
            deployment(|object| object["metadata"]["name"] = "Not_Good".into()),
            vec![
                "The Deployment \"Not_Good\" is invalid: metadata.name",
                "a lowercase RFC 1123 subdomain",
            ],
        ),
        (
            apply,
            deployment(|object| object["spec"]["template"]["spec"]["containers"] = json!([])),
            vec!["The Deployment \"x\" is invalid: spec.template.spec.containers: Required value"],
        ),
        (
            &["apply", "-n", "nowhere"],
            deployment(|_| ()),
            vec!["Error from server (NotFound)", "namespaces \"nowhere\" not found"],
        ),
    ] {
        let error = refused(cluster, args, &document)?;
        for words in expected {
            ensure!(error.contains(words), "no {words:?} in {error}");
        }
    }
    let mut get = cluster.kubectl_command(&["get", "deployment", "x"]);
    let error = get.run()?.failed(1)?;
    ensure!(
        error.contains("Error from server (NotFound): deployments.apps \"x\" not found"),
        "{error}"
    );
    Ok(())
}

fn a_lost_race(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.kubectl(&["create", "configmap", "raced", "--from-literal=a=1"])?;
    let stale = cluster.get(&["configmap", "raced"])?;
    cluster.kubectl(&["patch", "configmap", "raced", "-p", "{\"data\":{\"a\":\"2\"}}"])?;
    let error = refused(cluster, &["replace"], &stale.to_string())?;
    ensure!(
        error.contains("Error from server (Conflict)") && error.contains("the object has been modified"),
        "{error}"
    );
    let kept = cluster.kubectl(&["get", "configmap", "raced", "-o", "jsonpath={.data.a}"])?;
    ensure!(kept == "2", "{kept}");
    cluster.kubectl(&["delete", "configmap", "raced"])?;
    Ok(())
}

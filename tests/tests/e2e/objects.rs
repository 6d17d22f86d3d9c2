//! What kubectl does with objects: apply, diff, patch, wait, explain, and how errors read.

use anyhow::ensure;
use e2e::{Cluster, Run as _};

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    ("objects::apply_diff_patch_and_delete", apply_diff_patch_and_delete),
    (
        "objects::edit_sends_what_the_editor_left",
        edit_sends_what_the_editor_left,
    ),
    ("objects::server_side_apply_conflicts", server_side_apply_conflicts),
    ("objects::explain_and_discovery", explain_and_discovery),
    ("objects::permissions", permissions),
    ("objects::invalid_objects_are_explained", invalid_objects_are_explained),
];

fn config_map(color: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: paint, namespace: objects}}\ndata: {{color: {color}}}\n"
    )
}

fn apply_diff_patch_and_delete(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("objects")?;
    let apply = |text: &str| cluster.kubectl_with(&["apply", "-f", "-"], text);
    ensure!(apply(&config_map("red"))?.contains("created"));
    ensure!(apply(&config_map("red"))?.contains("unchanged"));
    let diff = cluster
        .kubectl_command(&["diff", "-f", "-"])
        .run_with(&config_map("blue"))?;
    ensure!(diff.code == 1 && diff.stdout.contains("+  color: blue"), "{diff:?}");
    ensure!(apply(&config_map("blue"))?.contains("configured"));
    let paint = ["-n", "objects", "configmap", "paint"];
    for (kind, patch) in [
        ("merge", "{\"data\":{\"a\":\"1\"}}"),
        ("strategic", "{\"data\":{\"b\":\"2\"}}"),
        ("json", "[{\"op\":\"add\",\"path\":\"/data/c\",\"value\":\"3\"}]"),
    ] {
        cluster.kubectl(&[
            "-n",
            "objects",
            "patch",
            "configmap",
            "paint",
            "--type",
            kind,
            "-p",
            patch,
        ])?;
    }
    let data = cluster.get(&paint)?["data"].to_string();
    ensure!(
        data == "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"color\":\"blue\"}",
        "{data}"
    );
    cluster.kubectl(&["-n", "objects", "label", "configmap", "paint", "kind=wall"])?;
    let chosen = cluster.kubectl(&["-n", "objects", "get", "configmap", "-l", "kind=wall", "-o", "name"])?;
    ensure!(chosen.trim() == "configmap/paint", "{chosen}");
    cluster.kubectl(&["-n", "objects", "delete", "configmap", "paint"])?;
    cluster.kubectl(&["delete", "namespace", "objects", "--timeout=300s"])?;
    Ok(())
}

fn edit_sends_what_the_editor_left(cluster: &Cluster) -> anyhow::Result<()> {
    let edit = |editor: &str| {
        let mut command = cluster.kubectl_command(&["edit", "configmap", "wall"]);
        command.env("KUBE_EDITOR", editor).run()
    };
    cluster.kubectl(&["create", "configmap", "wall", "--from-literal=color=red"])?;
    let said = edit("sed -i s/red/green/")?.ok()?;
    ensure!(said.contains("configmap/wall edited"), "{said}");
    let color = cluster.kubectl(&["get", "configmap", "wall", "-o", "jsonpath={.data.color}"])?;
    ensure!(color == "green", "{color}");
    let unchanged = edit("true")?.ok()?;
    let shown = unchanged.contains("no changes made") || unchanged.is_empty();
    ensure!(shown, "{unchanged}");
    cluster.kubectl(&["delete", "configmap", "wall"])?;
    Ok(())
}

fn server_side_apply_conflicts(cluster: &Cluster) -> anyhow::Result<()> {
    let text = |color: &str| config_map(color).replace("namespace: objects", "namespace: default");
    let apply = |manager: &str, color: &str, more: &[&str]| {
        let base = ["apply", "--server-side", "--field-manager", manager, "-f", "-"];
        cluster
            .kubectl_command(&[base.as_slice(), more].concat())
            .run_with(&text(color))
    };
    apply("one", "red", &[])?.ok()?;
    let conflict = apply("two", "blue", &[])?.failed(1)?;
    ensure!(
        conflict.contains("conflict with \"one\"") && conflict.contains(".data.color"),
        "{conflict}"
    );
    apply("two", "blue", &["--force-conflicts"])?.ok()?;
    cluster.kubectl(&["delete", "configmap", "paint"])?;
    Ok(())
}

fn explain_and_discovery(cluster: &Cluster) -> anyhow::Result<()> {
    let text = cluster.kubectl(&["explain", "deployment.spec.strategy.rollingUpdate"])?;
    ensure!(text.contains("maxSurge") && text.contains("maxUnavailable"), "{text}");
    let resources = cluster.kubectl(&["api-resources"])?;
    for name in [
        "deployments",
        "endpointslices",
        "networkpolicies",
        "customresourcedefinitions",
    ] {
        ensure!(resources.contains(name), "{name} is not in\n{resources}");
    }
    let version = cluster.kubectl(&["version"])?;
    ensure!(version.contains("v1.36.2+rkube"), "{version}");
    Ok(())
}

fn permissions(cluster: &Cluster) -> anyhow::Result<()> {
    ensure!(cluster.kubectl(&["auth", "can-i", "delete", "nodes"])?.trim() == "yes");
    let account = "system:serviceaccount:default:default";
    let mut asked = cluster.kubectl_command(&["auth", "can-i", "delete", "nodes", "--as", account]);
    ensure!(asked.run()?.stdout.trim() == "no");
    let server = cluster.kubectl(&[
        "config",
        "view",
        "--minify",
        "-o",
        "jsonpath={.clusters[0].cluster.server}",
    ])?;
    let curl = |more: &[&str]| -> anyhow::Result<String> {
        let url = format!("{server}/api/v1/namespaces/default/secrets");
        std::process::Command::new("curl")
            .args(["-sk", "-o", "/dev/null", "-w", "%{http_code}", &url])
            .args(more)
            .run()?
            .ok()
    };
    ensure!(curl(&["-H", "Authorization: Bearer nonsense"])? == "401");
    ensure!(
        curl(&[])? == "403",
        "no credential at all is the anonymous user, who may not"
    );
    Ok(())
}

fn invalid_objects_are_explained(cluster: &Cluster) -> anyhow::Result<()> {
    let create = |text: &str| cluster.kubectl_command(&["create", "-f", "-"]).run_with(text);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: Bad_Name}\nspec: {containers: [{name: c, image: i}]}\n";
    let error = create(pod)?.failed(1)?;
    ensure!(
        error.contains("The Pod \"Bad_Name\" is invalid: metadata.name"),
        "{error}"
    );
    let unknown =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i, imagee: j}]}\n";
    let error = create(unknown)?.failed(1)?;
    ensure!(error.contains("unknown field \"spec.containers[0].imagee\""), "{error}");
    let missing = cluster
        .kubectl_command(&["get", "pod", "no-such-pod"])
        .run()?
        .failed(1)?;
    ensure!(
        missing.contains("Error from server (NotFound): pods \"no-such-pod\" not found"),
        "{missing}"
    );
    Ok(())
}

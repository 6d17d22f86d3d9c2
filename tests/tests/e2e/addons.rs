//! Addons: what is applied, what is taken away again, and what is said when one does not come up.

mod over_restarts;

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use e2e::{Cluster, Run as _, until};
use serde_json::Value;

use crate::Shared;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    ("addons::listed_as_minikube_does", listed_as_minikube_does),
    (
        "addons::a_mistyped_name_gets_the_nearest",
        a_mistyped_name_gets_the_nearest,
    ),
    (
        "addons::what_was_applied_goes_and_nothing_else",
        what_was_applied_goes_and_nothing_else,
    ),
    (
        "addons::a_start_brings_a_built_in_one_up_to_date",
        a_start_brings_a_built_in_one_up_to_date,
    ),
    (
        "addons::an_image_that_no_registry_has_is_composed",
        an_image_that_no_registry_has_is_composed,
    ),
    (
        "addons::one_that_does_not_come_up_says_why",
        one_that_does_not_come_up_says_why,
    ),
    (
        "addons::what_is_somebody_elses_stays_theirs",
        what_is_somebody_elses_stays_theirs,
    ),
    (
        "addons::what_was_deleted_by_hand_comes_back",
        what_was_deleted_by_hand_comes_back,
    ),
    (
        "addons::settings_come_from_a_file_and_from_what_is_typed",
        settings_come_from_a_file_and_from_what_is_typed,
    ),
    (
        "addons::a_page_is_forwarded_while_its_addon_is_enabled",
        a_page_is_forwarded_while_its_addon_is_enabled,
    ),
    (
        "addons::what_a_stopped_cluster_was_told_is_done_at_its_start",
        over_restarts::what_a_stopped_cluster_was_told_is_done_at_its_start,
    ),
    (
        "addons::a_default_one_stays_disabled_over_a_restart",
        over_restarts::a_default_one_stays_disabled_over_a_restart,
    ),
    (
        "addons::a_paused_cluster_is_told_nothing",
        over_restarts::a_paused_cluster_is_told_nothing,
    ),
];

const INFO: &str = "
name: mine
title: {en: Mine, zh: 我的}
summary: {en: A test, zh: 测试}
version: 0.1.0
images: {Server: {registry: registry.invalid, image: 'nobody/has-this:1'}}
settings: {greeting: {type: string, default: hello, description: {en: What it says, zh: 问候语}}}
";

fn map(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: mine}}\ndata: {{greeting: '${{settings.greeting}}'}}\n---\n"
    )
}

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: mine}\n---\n";

const SERVER: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: server, namespace: mine}
spec:
  selector: {matchLabels: {app: server}}
  template:
    metadata: {labels: {app: server}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: server, image: '${images.Server}'}]}
";

/// Writes an addon of the user's own.
pub(crate) fn write(cluster: &Cluster, name: &str, info: &str, manifests: &str) -> anyhow::Result<PathBuf> {
    let folder = cluster.sandbox.home().join("addons").join(name);
    fs_err::create_dir_all(&folder)?;
    fs_err::write(folder.join("addon.yaml"), info)?;
    fs_err::write(folder.join("all.yaml"), manifests)?;
    Ok(folder)
}

fn forget(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.rkube(&["addons", "disable", "mine"])?.ok()?;
    fs_err::remove_dir_all(cluster.sandbox.home().join("addons"))?;
    cluster.kubectl(&["wait", "--for=delete", "namespace/mine", "--timeout=300s"])?;
    Ok(())
}

fn listed_as_minikube_does(cluster: &Cluster) -> anyhow::Result<()> {
    let list: Value = serde_json::from_str(&cluster.rkube(&["addons", "list", "-o", "json"])?.ok()?)?;
    ensure!(list["default-storageclass"]["Status"] == "enabled", "{list}");
    ensure!(list["dashboard"]["Profile"] == cluster.name.as_str(), "{list}");
    let table = cluster.rkube(&["addons", "list"])?.ok()?;
    ensure!(
        table.contains("ADDON NAME") && table.contains("│ storage-provisioner"),
        "{table}"
    );
    Ok(())
}

fn a_mistyped_name_gets_the_nearest(cluster: &Cluster) -> anyhow::Result<()> {
    let said = cluster.rkube(&["addons", "enable", "dashbord"])?.failed(115)?;
    ensure!(said.contains("did you mean dashboard?"), "{said}");
    let said = cluster.rkube(&["start", "--addons", "dns,storageclas"])?.failed(115)?;
    ensure!(said.contains("default-storageclass"), "{said}");
    let said = cluster.rkube(&["addons", "disable", "dns"])?.failed(116)?;
    ensure!(said.contains("cannot be disabled"), "{said}");
    Ok(())
}

fn what_was_applied_goes_and_nothing_else(cluster: &Cluster) -> anyhow::Result<()> {
    write(cluster, "mine", INFO, &[NAMESPACE, &map("one"), &map("two")].concat())?;
    cluster.rkube(&["addons", "enable", "mine"])?.ok()?;
    cluster.kubectl(&["-n", "mine", "create", "configmap", "somebodys", "--from-literal=a=b"])?;
    let names = || {
        cluster.kubectl(&[
            "-n",
            "mine",
            "get",
            "configmaps",
            "-o",
            "jsonpath={.items[*].metadata.name}",
        ])
    };
    // the first of them comes from a controller, in its own time
    until("all of them", 20, || {
        let names = names()?;
        ensure!(names == "kube-root-ca.crt one somebodys two", "{names}");
        Ok(())
    })?;
    // a newer version has one object less, and takes it away at the next start
    write(
        cluster,
        "mine",
        &INFO.replace("0.1.0", "0.2.0"),
        &[NAMESPACE, &map("one")].concat(),
    )?;
    let said = cluster.rkube(&["start"])?;
    ensure!(said.stderr.contains("The 'mine' addon is enabled"), "{}", said.stderr);
    ensure!(names()? == "kube-root-ca.crt one somebodys", "{}", names()?);

    cluster.rkube(&["addons", "configure", "mine", "greeting=hi"])?.ok()?;
    let greeting = cluster.kubectl(&[
        "-n",
        "mine",
        "get",
        "configmap",
        "one",
        "-o",
        "jsonpath={.data.greeting}",
    ])?;
    ensure!(greeting == "hi", "{greeting}");
    let said = cluster
        .rkube(&["addons", "configure", "mine", "greting=hi"])?
        .failed(114)?;
    ensure!(said.contains("there are greeting"), "{said}");

    // one that somebody made anew in the meantime is not the addon's any more
    cluster.kubectl(&["-n", "mine", "delete", "configmap", "one"])?;
    cluster.kubectl(&["-n", "mine", "create", "configmap", "one"])?;
    write(cluster, "mine", &INFO.replace("0.1.0", "0.3.0"), NAMESPACE)?;
    cluster.rkube(&["addons", "enable", "mine"])?.ok()?;
    ensure!(names()? == "kube-root-ca.crt one somebodys", "{}", names()?);
    forget(cluster)
}

/// What an older rkube would have left: another record, and an object that the addon has no longer.
fn a_start_brings_a_built_in_one_up_to_date(cluster: &Cluster) -> anyhow::Result<()> {
    const RECORD: [&str; 4] = ["-n", "kube-system", "configmap", "rkube-addon-dashboard"];
    cluster.rkube(&["addons", "enable", "dashboard"])?.ok()?;
    let now = cluster.get(&RECORD)?["data"].clone();
    let older = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata":
        {"name": "of-an-older-one", "namespace": "kubernetes-dashboard", "labels": {"rkube.io/part-of-addon": "dashboard"}}});
    cluster.kubectl_with(&["create", "-f", "-"], &older.to_string())?;
    let mut objects: Vec<Value> = serde_json::from_str(now["objects"].as_str().context("objects")?)?;
    objects.push(serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "namespace": "kubernetes-dashboard", "name": "of-an-older-one"}));
    let record = serde_json::json!({"data": {"version": "0.0.1", "digest": "older", "objects": serde_json::to_string(&objects)?}});
    let patch = [
        "patch",
        "configmap",
        RECORD[3],
        "--type=merge",
        "-p",
        &record.to_string(),
    ];
    cluster.kubectl(&[&["-n", "kube-system"], &patch[..]].concat())?;
    let said = cluster.rkube(&["start"])?;
    ensure!(said.stderr.contains("The 'dashboard' addon is enabled"), "{said:?}");
    ensure!(cluster.get(&RECORD)?["data"] == now, "{:#}", cluster.get(&RECORD)?);
    let left = cluster.kubectl(&["-n", "kubernetes-dashboard", "get", "configmaps", "-o", "name"])?;
    ensure!(!left.contains("of-an-older-one"), "{left}");
    // and the next one has nothing to do
    let said = cluster.rkube(&["start"])?;
    ensure!(said.code == 0 && !said.stderr.contains("addon is enabled"), "{said:?}");
    Ok(())
}

fn one_that_does_not_come_up_says_why(cluster: &Cluster) -> anyhow::Result<()> {
    let info = format!("{INFO}ready: [{{kind: Deployment, namespace: mine, name: server}}]\n");
    write(cluster, "mine", &info, &[NAMESPACE, SERVER].concat())?;
    let mirror = format!("http://{}:1", e2e::gateway(cluster)?);
    let set = ["mirrors", "set", "--cluster", "registry.invalid"];
    cluster.rkube(&[&set[..], &[&mirror]].concat())?.ok()?;
    let images = cluster.rkube(&["addons", "images", "mine"])?.ok()?;
    ensure!(images.contains("registry.invalid/nobody/has-this:1"), "{images}");
    let said = cluster
        .rkube(&["addons", "enable", "mine", "--wait-timeout", "30"])?
        .failed(112)?;
    for part in [
        "Deployment mine/server",
        "0 of 1 available",
        "image registry.invalid/nobody/has-this:1",
        "Pull",
        &format!("{mirror}/nobody/has-this: "),
        "https://registry.invalid/nobody/has-this: ",
    ] {
        ensure!(said.contains(part), "no {part:?} in {said}");
    }
    // pods that may not even be made
    let quota =
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none, namespace: mine}\nspec: {hard: {pods: 0}}\n";
    cluster.kubectl_with(&["create", "-f", "-"], quota)?;
    until("the quota's status", 20, || {
        let quota = cluster.get(&["-n", "mine", "resourcequota", "none"])?;
        ensure!(quota["status"]["hard"]["pods"] == "0", "{quota}");
        Ok(())
    })?;
    cluster.kubectl(&["-n", "mine", "delete", "pods", "--all"])?;
    let enable = ["addons", "enable", "mine", "--wait-timeout", "20"];
    let said = cluster.rkube(&enable)?.failed(112)?;
    for part in ["Deployment mine/server", "exceeded quota: none"] {
        ensure!(said.contains(part), "no {part:?} in {said}");
    }
    cluster.kubectl(&["-n", "mine", "delete", "resourcequota", "none"])?;
    // an image that is there, and the addon comes up
    let image = "Server=rkube.test/nginx:1";
    cluster.rkube(&["addons", "enable", "mine", "--images", image])?.ok()?;
    let said = cluster
        .rkube(&["addons", "enable", "mine", "--images", "Sever=x"])?
        .failed(14)?;
    ensure!(said.contains("it has Server"), "{said}");
    cluster.rkube(&set)?.ok()?;
    forget(cluster)
}

/// A name that others have, too, in a namespace of their own.
fn what_is_somebody_elses_stays_theirs(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.kubectl(&["create", "namespace", "mine"])?;
    cluster.kubectl(&[
        "-n",
        "mine",
        "create",
        "configmap",
        "one",
        "--from-literal=greeting=theirs",
    ])?;
    write(cluster, "mine", INFO, &[NAMESPACE, &map("two"), &map("one")].concat())?;
    let said = cluster.rkube(&["addons", "enable", "mine"])?.failed(111)?;
    for words in [
        "ConfigMap mine/one is there already and is made by kubectl-create",
        "`rkube kubectl -- delete configmap one -n mine`",
    ] {
        ensure!(said.contains(words), "no {words:?} in {said}");
    }
    let maps = || cluster.kubectl(&["-n", "mine", "get", "configmaps", "-o", "name"]);
    ensure!(!maps()?.contains("two"), "it began: {}", maps()?);
    // and no start tries it again
    cluster.rkube(&["start"])?.ok()?;
    cluster.kubectl(&["-n", "mine", "delete", "configmap", "one"])?;
    cluster.rkube(&["addons", "enable", "mine"])?.ok()?;
    ensure!(
        maps()?.contains("configmap/one") && maps()?.contains("two"),
        "{}",
        maps()?
    );
    cluster.rkube(&["addons", "disable", "mine"])?.ok()?;
    let left = cluster.get(&["namespace", "mine"])?;
    ensure!(left["metadata"]["deletionTimestamp"].is_null(), "{left}");
    ensure!(
        !maps()?.contains("configmap/one") && !maps()?.contains("two"),
        "{}",
        maps()?
    );
    fs_err::remove_dir_all(cluster.sandbox.home().join("addons"))?;
    cluster.kubectl(&["delete", "namespace", "mine", "--timeout=300s"])?;
    Ok(())
}

fn what_was_deleted_by_hand_comes_back(cluster: &Cluster) -> anyhow::Result<()> {
    write(cluster, "mine", INFO, &[NAMESPACE, &map("one")].concat())?;
    cluster.rkube(&["addons", "enable", "mine"])?.ok()?;
    cluster.kubectl(&["-n", "mine", "delete", "configmap", "one"])?;
    cluster.rkube(&["addons", "enable", "mine"])?.ok()?;
    cluster.get(&["-n", "mine", "configmap", "one"])?;
    forget(cluster)
}

fn settings_come_from_a_file_and_from_what_is_typed(cluster: &Cluster) -> anyhow::Result<()> {
    let info = INFO.replace(
        "settings: {",
        "settings: {size: {type: integer, default: 3, minimum: 1, maximum: 5, description: {en: Size, zh: 大小}}, ",
    );
    write(cluster, "mine", &info, &[NAMESPACE, &map("one")].concat())?;
    cluster.rkube(&["addons", "enable", "mine"])?.ok()?;
    let file = cluster
        .sandbox
        .file("settings.json", r#"{"greeting": "file", "size": 4}"#)?;
    let file = file.to_string_lossy();
    let configure = |args: &[&str]| {
        let all = [&["-o", "json", "addons", "configure", "mine"], args].concat();
        let said: Value = serde_json::from_str(&cluster.rkube(&all)?.ok()?)?;
        anyhow::Ok(said["settings"].clone())
    };
    let both = configure(&["-f", &file, "greeting=typed"])?;
    ensure!(both == serde_json::json!({"greeting": "typed", "size": 4}), "{both}");
    let alone = configure(&["-f", &file])?;
    ensure!(alone == serde_json::json!({"greeting": "file", "size": 4}), "{alone}");
    let live = [
        "-n",
        "mine",
        "get",
        "configmap",
        "one",
        "-o",
        "jsonpath={.data.greeting}",
    ];
    ensure!(cluster.kubectl(&live)? == "file", "{}", cluster.kubectl(&live)?);
    let said = cluster.rkube(&["addons", "configure", "mine", "size=6"])?.failed(114)?;
    ensure!(said.contains("setting size: 6 is more than 5"), "{said}");
    // one that would end at once
    let zero = ["addons", "configure", "metrics-server", "metricResolution=0"];
    let said = cluster.rkube(&zero)?.failed(114)?;
    ensure!(said.contains("0 is less than 1"), "{said}");
    let images: Value = serde_json::from_str(&cluster.rkube(&["-o", "json", "addons", "images", "mine"])?.ok()?)?;
    let server = &images[0];
    ensure!(
        server["name"] == "Server"
            && server["defaultImage"] == "nobody/has-this:1"
            && server["defaultRegistry"] == "registry.invalid"
            && server["image"].as_str().is_some_and(|image| image.ends_with(":1")),
        "{images}"
    );
    forget(cluster)
}

fn a_page_is_forwarded_while_its_addon_is_enabled(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.rkube(&["addons", "disable", "dashboard"])?.ok()?;
    let said = cluster.rkube(&["addons", "open", "dashboard", "--url"])?.failed(113)?;
    ensure!(said.contains("rkube addons enable"), "{said}");
    let said = cluster.rkube(&["addons", "open", "dns", "--url"])?.failed(14)?;
    ensure!(said.contains("dashboard has"), "{said}");
    // two at once, as a start takes them
    cluster
        .rkube(&["start", "--addons", "dashboard,metrics-server"])?
        .ok()?;
    let list: Value = serde_json::from_str(&cluster.rkube(&["-o", "json", "addons", "list"])?.ok()?)?;
    for name in ["dashboard", "metrics-server"] {
        ensure!(list[name]["Status"] == "enabled", "{name}: {list}");
    }
    let mut open = cluster.sandbox.rkube(&["--profile", &cluster.name]);
    open.args(["addons", "open", "dashboard", "--url"]);
    let (open, url) = crate::dashboard::start(&mut open, "http://")?;
    let page = std::process::Command::new("curl")
        .args(["-sSf", "-m", "20", url.trim()])
        .run()?
        .ok()?;
    ensure!(page.contains("<html"), "{page}");
    drop(open);
    cluster.rkube(&["addons", "disable", "metrics-server"])?.ok()?;
    Ok(())
}

fn an_image_that_no_registry_has_is_composed(cluster: &Cluster) -> anyhow::Result<()> {
    let info = INFO.replace("has-this:1'", "composed:1', recipe: recipes/server.yaml");
    let info = format!("{info}ready: [{{kind: Deployment, namespace: mine, name: server}}]\n");
    write(cluster, "mine", &info, &[NAMESPACE, SERVER].concat())?;
    let recipes = cluster.sandbox.home().join("addons/mine/recipes");
    fs_err::create_dir_all(&recipes)?;
    let recipe = fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../images/test/nginx.yaml"))?;
    let write = |text: &str| fs_err::write(recipes.join("server.yaml"), text);
    write(&recipe.replace("\npackages: [", "\npackages: [nobody-has-this-package, "))?;
    let said = cluster.rkube(&["addons", "enable", "mine"])?.failed(49)?;
    for part in [
        "image registry.invalid/nobody/composed:1: no source has it",
        "https://registry.invalid/nobody/composed: ",
        "recipe nginx: package nobody-has-this-package",
    ] {
        ensure!(said.contains(part), "no {part:?} in {said}");
    }
    write(&recipe)?;
    cluster.rkube(&["addons", "enable", "mine"])?.ok()?;
    // on every node, whether the pod is there or not
    for node in [cluster.name.clone(), format!("{}-m02", cluster.name)] {
        let images = cluster.in_node(&node, "rkube node images")?;
        ensure!(
            images.contains("registry.invalid/nobody/composed:1"),
            "{node}: {images}"
        );
    }
    forget(cluster)
}

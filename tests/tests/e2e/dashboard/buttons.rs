//! Buttons that change things, pressed by an administrator and by somebody who may not.

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, until};
use serde_json::Value;

use super::Page;

pub(super) async fn work(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    restart_and_roll_back(cluster, page).await?;
    roll_back_what_keeps_revisions(cluster, page).await?;
    cordon_and_drain(cluster, page).await?;
    delete(cluster, page).await
}

async fn restart_and_roll_back(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    let restarted = |deployment: &Value| {
        deployment
            .pointer("/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt")
            .is_some()
    };
    let revision =
        |deployment: &Value| deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"].clone();
    let reach = |what: &str, done: &dyn Fn(&Value) -> bool| {
        until(what, 30, || {
            let deployment = cluster.get(&["-n", "page", "deployment", "web"])?;
            if done(&deployment) {
                Ok(())
            } else {
                bail!("{deployment:#}")
            }
        })
    };
    page.open("deployments.apps/page/web/summary").await?;
    page.press("Restart").await?;
    reach("a restart", &|now| restarted(now) && revision(now) == "2")?;

    // the page is loaded again, to know the revision that is left
    page.open("deployments.apps/page/web/summary").await?;
    page.press("Roll back").await?;
    let choice = page.find("//dialog//option[starts-with(., '1: ')]").await?;
    ensure!(
        choice.text().await?.contains("rkube.test/nginx:1"),
        "the choice tells the images"
    );
    page.answer("OK").await?;
    reach("a roll back", &|now| !restarted(now) && revision(now) == "3")
}

/// DaemonSets and StatefulSets, whose past is kept as patches; in either language.
async fn roll_back_what_keeps_revisions(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    for (kind, plural, language, [roll_back, ok, done]) in [
        ("DaemonSet", "daemonsets", "en", ["Roll back", "OK", "Done"]),
        ("StatefulSet", "statefulsets", "zh", ["回滚", "确定", "已完成"]),
    ] {
        // one that runs nowhere: its past is what counts
        let set = serde_json::json!({
            "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "past"},
            "spec": {"selector": {"matchLabels": {"app": "past"}}, "template": {"metadata": {"labels": {"app": "past"}},
                "spec": {"nodeSelector": {"none": "such"},
                    "containers": [{"name": "c", "image": "rkube.test/busybox:1", "command": ["sleep", "3600"]}]}}},
        });
        cluster.kubectl_with(&["-n", "page", "create", "-f", "-"], &set.to_string())?;
        let name = format!("{plural}/past");
        let kept = |wanted: &str| {
            until(&format!("the revisions {wanted} of {name}"), 120, || {
                let list = cluster.get(&["-n", "page", "controllerrevisions"])?;
                let all = list["items"].as_array().context("items")?.iter();
                let own = all.filter(|one| one["metadata"]["ownerReferences"][0]["kind"] == kind);
                let mut numbers: Vec<String> = own.map(|one| one["revision"].to_string()).collect();
                numbers.sort();
                ensure!(numbers.join(" ") == wanted, "{list:#}");
                Ok(())
            })
        };
        kept("1")?;
        cluster.kubectl(&["-n", "page", "set", "env", &name, "WORD=new"])?;
        kept("1 2")?;
        page.script(&format!("localStorage.setItem('language', '{language}')"))
            .await?;
        page.open(&format!("{plural}.apps/page/past/summary")).await?;
        page.press(roll_back).await?;
        let choice = page.find("//dialog//option[starts-with(., '1: ')]").await?;
        ensure!(
            choice.text().await?.contains("rkube.test/busybox:1"),
            "the choice tells the images"
        );
        page.answer(ok).await?;
        page.find(&format!("//div[@id='said'][contains(., '{done}')]")).await?;
        kept("2 3")?;
        let container = cluster.get(&["-n", "page", &name])?["spec"]["template"]["spec"]["containers"][0].take();
        ensure!(
            container["env"].is_null() && container["command"][0] == "sleep",
            "{container:#}"
        );
        cluster.kubectl(&["-n", "page", "delete", &name, "--wait=false"])?;
    }
    page.script("localStorage.setItem('language', 'en')").await?;
    page.browser.refresh().await?;
    Ok(())
}

/// Drains the node that the page itself does not come from.
async fn cordon_and_drain(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    let own = "jsonpath={.items[0].spec.nodeName}";
    let selector = [
        "-n",
        "kubernetes-dashboard",
        "get",
        "pods",
        "-l",
        "k8s-app=dashboard",
        "-o",
        own,
    ];
    let own = cluster.kubectl(&selector)?;
    let nodes = cluster.kubectl(&["get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"])?;
    let node = nodes
        .split(' ')
        .find(|name| *name != own)
        .context("a second node")?
        .to_owned();
    let cordoned = |wanted: bool| {
        until("the node", 20, || {
            let now = cluster.get(&["node", &node])?["spec"]["unschedulable"] == true;
            ensure!(now == wanted, "unschedulable: {now}");
            Ok(())
        })
    };
    let place = format!("nodes//{node}/summary");
    page.open(&place).await?;
    page.press("Cordon").await?;
    cordoned(true)?;
    page.open(&place).await?;
    page.press("Uncordon").await?;
    cordoned(false)?;

    // two pods on it, one of which its budget keeps
    for name in ["free", "kept"] {
        let pod = serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
            "spec": {"nodeName": node, "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "c", "image": "rkube.test/busybox:1", "command": ["sleep", "3600"]}]},
        });
        cluster.kubectl_with(&["-n", "page", "apply", "-f", "-"], &pod.to_string())?;
        cluster.pod_ready("page", name)?;
    }
    cluster.kubectl(&[
        "-n",
        "page",
        "create",
        "poddisruptionbudget",
        "kept",
        "--selector=app=kept",
        "--min-available=1",
    ])?;
    until("the budget to count", 20, || {
        let budget = cluster.get(&["-n", "page", "poddisruptionbudget", "kept"])?;
        ensure!(budget["status"]["currentHealthy"] == 1, "{budget:#}");
        Ok(())
    })?;
    page.open(&place).await?;
    page.press("Drain").await?;
    page.answer("Drain").await?;
    let said = page
        .find("//div[@id='said'][contains(., 'Evicted: ')]")
        .await?
        .text()
        .await?;
    ensure!(
        said.contains("page/kept: Cannot evict pod as it would violate the pod's disruption budget."),
        "{said}"
    );
    ensure!(!said.contains("page/free"), "{said}");
    cordoned(true)?;
    until("the free pod to go", 60, || {
        let names = cluster.kubectl(&["-n", "page", "get", "pods", "-o", "name"])?;
        ensure!(!names.contains("pod/free") && names.contains("pod/kept"), "{names}");
        Ok(())
    })?;
    page.open(&place).await?;
    page.press("Uncordon").await?;
    cordoned(false)?;
    cluster.kubectl(&["-n", "page", "delete", "pdb/kept", "pod/kept", "--wait=false"])?;
    Ok(())
}

async fn delete(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    cluster.kubectl(&["-n", "page", "create", "configmap", "unwanted"])?;
    let there = || cluster.kubectl(&["-n", "page", "get", "configmap", "unwanted"]);
    page.open("configmaps/page/unwanted/summary").await?;
    page.press("Delete").await?;
    page.answer("Cancel").await?;
    ensure!(there().is_ok(), "a cancelled deletion deleted");
    page.press("Delete").await?;
    page.answer("Delete").await?;
    until("the config map to go", 20, || {
        ensure!(there().is_err(), "it is still there");
        Ok(())
    })?;
    // back at the list
    page.find("//h2[text()='ConfigMap']").await?;
    Ok(())
}

/// Somebody who may only look is told so in the server's words, and nothing happens.
pub(super) async fn refused(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    cluster.kubectl(&["-n", "page", "create", "serviceaccount", "viewer"])?;
    cluster.kubectl(&[
        "-n",
        "page",
        "create",
        "rolebinding",
        "viewer",
        "--clusterrole=view",
        "--serviceaccount=page:viewer",
    ])?;
    let token = cluster.kubectl(&["-n", "page", "create", "token", "viewer"])?;
    page.script("sessionStorage.clear(); localStorage.setItem('language', 'en')")
        .await?;
    page.browser.refresh().await?;
    let field = page.find("//input[@name='token']").await?;
    field.send_keys(token.trim()).await?;
    page.press("Sign in").await?;
    page.find("//nav//a[text()='Deployment']").await?;
    page.open("deployments.apps/page/web/summary").await?;
    let why = "User \"system:serviceaccount:page:viewer\" cannot ";
    let told = async |verb: &str| {
        page.find(&format!("//div[@id='said'][contains(., '{why}{verb}')]"))
            .await
    };
    page.press("Scale").await?;
    page.answer("OK").await?;
    told("patch resource \"deployments/scale\"").await?;
    page.press("Restart").await?;
    told("patch resource \"deployments\"").await?;
    page.press("Delete").await?;
    page.answer("Delete").await?;
    told("delete resource \"deployments\"").await?;
    // what they may not even look at
    page.go("#/list/secrets").await?;
    page.find(&format!("//p[contains(., '{why}list resource \"secrets\"')]"))
        .await?;
    page.go("#/traces").await?;
    page.find("//p[@role='alert'][contains(., 'cannot get path')]").await?;
    Ok(())
}

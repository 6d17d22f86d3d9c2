//! Kinds of all sorts: those that cannot be watched, those of a group's lesser versions, what belongs to what, and what is used.

use anyhow::{Context as _, ensure};
use e2e::{Cluster, until};
use serde_json::{Value, json};

use super::Page;

pub(super) const NAMESPACE: &str = "data";

/// Of no namespace, and owners.
const CLUSTER_ROLES: [&str; 2] = ["data-root", "data-kitten"];

pub(super) fn prepare(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace(NAMESPACE)?;
    cluster.rkube(&["addons", "enable", "metrics-server"])?.ok()?;
    Ok(())
}

pub(super) fn forget(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.kubectl(&["delete", "namespace", NAMESPACE, "--timeout=300s"])?;
    for name in CLUSTER_ROLES {
        cluster.kubectl(&["delete", "clusterrole", name, "--ignore-not-found"])?;
    }
    cluster.rkube(&["addons", "disable", "metrics-server"])?.ok()?;
    Ok(())
}

pub(super) async fn work(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    owners(cluster, page).await?;
    workload(cluster, page).await?;
    edited(cluster, page).await?;
    created(cluster, page).await?;
    sorted(cluster, page).await?;
    used(page).await?;
    unwatched(page).await
}

fn apply(cluster: &Cluster, object: &Value) -> anyhow::Result<Value> {
    let made = cluster.kubectl_with(
        &["-n", NAMESPACE, "create", "-o", "json", "-f", "-"],
        &object.to_string(),
    )?;
    Ok(serde_json::from_str(&made)?)
}

fn owned(kind: &str, version: &str, name: &str, owner: &Value) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "ownerReferences": [{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}]}})
}

/// Whatever kind owns whatever kind, in namespaces and out of them.
async fn owners(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    const RBAC: &str = "rbac.authorization.k8s.io/v1";
    let [root, kitten] = CLUSTER_ROLES;
    let role = json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": root}});
    let role = apply(cluster, &role)?;
    apply(cluster, &owned("ClusterRole", RBAC, kitten, &role))?;
    let first = apply(cluster, &owned("ConfigMap", "v1", "first", &role))?;
    let second = apply(cluster, &owned("Role", RBAC, "second", &first))?;
    apply(cluster, &owned("ServiceAccount", "v1", "third", &second))?;
    page.open(&format!("clusterroles.rbac.authorization.k8s.io//{root}/related"))
        .await?;
    let entry = |kind: &str, name: &str| format!("li[contains(., '{kind}')][a[text()='{name}']]");
    for path in [
        format!("//{}", entry("ClusterRole", kitten)),
        format!(
            "//{}//{}//{}",
            entry("ConfigMap", "first"),
            entry("Role", "second"),
            entry("ServiceAccount", "third")
        ),
    ] {
        page.find(&path).await?;
    }
    // and upwards, out of the namespace
    page.open(&format!("roles.rbac.authorization.k8s.io/{NAMESPACE}/second/related"))
        .await?;
    page.find(&format!(
        "//h3[text()='Owners']/following-sibling::ul[1][contains(., '{root}')][contains(., 'first')]"
    ))
    .await?;
    Ok(())
}

/// A workload that selects by an expression, its events, its service, that one's slices and pods.
async fn workload(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    let selector = json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "none"]}, {"key": "old", "operator": "DoesNotExist"}]});
    let web = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"selector": selector,
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "rkube.test/nginx:1"}]}}}});
    apply(cluster, &web)?;
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "front"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    apply(cluster, &service)?;
    cluster.kubectl(&["-n", NAMESPACE, "rollout", "status", "deployment/web", "--timeout=300s"])?;
    let address = until("a pod's address", 20, || {
        let pods = cluster.get(&["-n", NAMESPACE, "pods", "-l", "app=web"])?;
        let address = pods["items"][0]["status"]["podIP"].as_str().context("none yet")?;
        Ok(address.to_owned())
    })?;
    page.open(&format!("deployments.apps/{NAMESPACE}/web/related")).await?;
    let below = |heading: &str, words: &str| {
        format!("//h3[text()='{heading}']/following-sibling::ul[1][contains(., '{words}')]")
    };
    page.find(&below("Selected pods", &address)).await?;
    page.find(&below("Services", "front")).await?;
    page.click("//h3[text()='Services']/following-sibling::ul[1]//a[text()='front']")
        .await?;
    page.find("//h2[contains(., 'data/front')]").await?;
    page.click("//button[@id='tab-related']").await?;
    page.find(&below("Endpoint slices", &address)).await?;
    page.find(&below("Selected pods", &address)).await?;
    page.click("//h3[text()='Selected pods']/following-sibling::ul[1]//a")
        .await?;
    page.find("//h2[contains(., 'data/web-')]").await?;
    page.click("//button[@id='tab-events']").await?;
    page.find("//tr[contains(., 'Started')]").await?;
    Ok(())
}

/// A field that is called as the server's own ones is a change like any other.
async fn edited(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "edited"}, "data": {"generation": "one"}});
    apply(cluster, &map)?;
    page.open(&format!("configmaps/{NAMESPACE}/edited/yaml")).await?;
    page.reach("the text", async || {
        let change = "const area = document.querySelector('textarea');
            if (!/^data:\\n  generation: one$/m.test(area?.value ?? '')) return area?.value ?? 'no text';
            area.value = area.value.replace(/^data:\\n  generation: one$/m, 'data:\\n  generation: seven');
            area.dispatchEvent(new Event('input'));
            return true;";
        let said = page.script(change).await?;
        ensure!(said == true, "{said}");
        Ok(())
    })
    .await?;
    page.press("Review changes").await?;
    let added = page.find("//div[@class='added']").await?.text().await?;
    ensure!(added.contains("generation: seven"), "{added}");
    page.press("Save").await?;
    until("the change", 20, || {
        let now = cluster.get(&["-n", NAMESPACE, "configmap", "edited"])?;
        ensure!(now["data"]["generation"] == "seven", "{now}");
        Ok(())
    })
}

/// Several documents at once, and one of a kind that nobody knows.
async fn created(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    let all = [
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: rex\n  namespace: data\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: after\n  namespace: data\n",
    ];
    let fill = async |text: &str| {
        page.go("#/create").await?;
        page.find("//textarea").await?;
        let text = serde_json::to_string(text)?;
        page.script(&format!("document.querySelector('textarea').value = {text}"))
            .await?;
        anyhow::Ok(())
    };
    fill(&all.join("\n---\n")).await?;
    page.press("Create").await?;
    for said in ["ServiceAccount rex: Done", "ConfigMap after: Done"] {
        page.sees(said).await?;
    }
    cluster.get(&["-n", NAMESPACE, "serviceaccount", "rex"])?;
    page.go("#/").await?;
    fill("apiVersion: data.test/v1\nkind: Unicorn\nmetadata: {name: x}\n").await?;
    page.press("Check").await?;
    page.sees("there is no kind Unicorn in data.test/v1").await?;
    Ok(())
}

/// A click on a head sorts, another one the other way round.
async fn sorted(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    for (name, keys) in [("sort-b", 1), ("sort-a", 3), ("sort-c", 2)] {
        let data: Value = (0..keys)
            .map(|key| (key.to_string(), json!("")))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"sorted": "yes"}}, "data": data});
        apply(cluster, &map)?;
    }
    page.go("#/list/configmaps").await?;
    let filter = page.find("//input[@aria-label='Filter']").await?;
    filter.send_keys("sorted=yes").await?;
    let names =
        "return [...document.querySelectorAll('main tbody td[role=rowheader]')].map((cell) => cell.innerText).join()";
    let order = async |wanted: &str| {
        page.reach(wanted, async || {
            let now = page.script(names).await?;
            ensure!(now == wanted, "{now}");
            Ok(())
        })
        .await
    };
    for (column, wanted) in [
        ("Name", "sort-a,sort-b,sort-c"),
        ("Name", "sort-c,sort-b,sort-a"),
        ("Data", "sort-b,sort-c,sort-a"),
        ("Data", "sort-a,sort-c,sort-b"),
    ] {
        page.click(&format!(
            "//th/button[contains(concat(' ', normalize-space(.), ' '), ' {column} ')]"
        ))
        .await?;
        order(wanted).await?;
    }
    filter.clear().await?;
    page.script("document.querySelector('input[type=search]').value = ''")
        .await?;
    Ok(())
}

/// What nodes and pods use stands in their tables.
async fn used(page: &Page) -> anyhow::Result<()> {
    for (kind, row) in [("nodes", "Ready"), ("pods", "metrics-server-")] {
        page.go(&format!("#/list/{kind}")).await?;
        page.browser.refresh().await?;
        page.find("//th[contains(., 'CPU')]").await?;
        let cells = format!("//tr[contains(., '{row}')]/td[string-length(.) > 0]");
        page.reach(&format!("the use of {kind}"), async || {
            let script = format!(
                "const heads = [...document.querySelectorAll('main th')].map((head) => head.innerText);
                const row = [...document.querySelectorAll('main tbody tr')].find((row) => row.innerText.includes('{row}'));
                return ['CPU', 'Memory'].map((name) => row?.children[heads.indexOf(name)]?.innerText ?? '').join(' ');"
            );
            let said = page.script(&script).await?;
            let said = said.as_str().unwrap_or_default();
            ensure!(said.contains("m ") || said.contains('.'), "no CPU in {said:?}");
            ensure!(said.ends_with("Mi") || said.ends_with("Gi"), "no memory in {said:?}");
            Ok(())
        })
        .await?;
        page.find(&cells).await?;
    }
    metered(page).await
}

/// And on the first page as meters: one for each of what every node has, and the sums of the pods.
async fn metered(page: &Page) -> anyhow::Result<()> {
    page.go("#/").await?;
    page.browser.refresh().await?;
    page.sees("Needs attention").await?;
    page.reach("the nodes' meters", async || {
        let script = "return [...document.querySelectorAll('main .card')].filter((card) => card.querySelector('a'))
            .map((card) => [card.querySelector('a').innerText, [...card.querySelectorAll('meter')]
                .map((meter) => [meter.getAttribute('aria-label'), meter.value, meter.max])]);";
        let cards = page.script(script).await?;
        let nodes = cards.as_array().context("no list")?;
        ensure!(nodes.len() == 2, "{cards}");
        for node in nodes {
            for (meter, name) in ["CPU", "Memory"].iter().enumerate() {
                let (meter, label) = (
                    &node[1][meter],
                    format!("{} {name}", node[0].as_str().unwrap_or_default()),
                );
                let number = |at: usize| meter[at].as_f64().unwrap_or_default();
                ensure!(meter[0] == label, "{cards}");
                ensure!(0.0 < number(1) && number(1) < number(2), "{label}: {cards}");
            }
        }
        Ok(())
    })
    .await?;
    for sum in ["CPU (Pods)", "Memory (Pods)"] {
        page.find(&format!(
            "//div[@class='card'][span[text()='{sum}']][b[string-length(.) > 1]]"
        ))
        .await?;
    }
    Ok(())
}

/// What cannot be watched is listed again and again.
async fn unwatched(page: &Page) -> anyhow::Result<()> {
    page.go("#/list/pods.metrics.k8s.io").await?;
    page.find("//h2[text()='PodMetrics']").await?;
    page.find("//td[@role='rowheader']/a[starts-with(., 'metrics-server-')]")
        .await?;
    let asked = "return performance.getEntriesByType('resource').filter((one) => one.name.includes('/metrics.k8s.io/v1beta1/pods?')).length";
    let before = page.script(asked).await?.as_u64().unwrap_or_default();
    page.reach("the next list", async || {
        let now = page.script(asked).await?.as_u64().unwrap_or_default();
        ensure!(now > before, "{now}");
        Ok(())
    })
    .await?;
    let wrong = page
        .script("return document.querySelectorAll('main .bad[role=alert]').length")
        .await?;
    ensure!(wrong == 0, "an error instead of a table");
    Ok(())
}

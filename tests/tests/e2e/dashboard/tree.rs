//! What a screen reader is told: Chromium's own accessibility tree of every page.

use anyhow::{Context as _, ensure};
use e2e::Cluster;
use serde_json::Value;
use thirtyfour::prelude::*;

use super::Page;

/// Roles of what can be used, or is looked for by its name.
const NAMED: [&str; 17] = [
    "button",
    "link",
    "textbox",
    "searchbox",
    "combobox",
    "checkbox",
    "spinbutton",
    "tab",
    "tabpanel",
    "tablist",
    "table",
    "treegrid",
    "dialog",
    "meter",
    "log",
    "navigation",
    "columnheader",
];

/// Rows in the table whose rows are not all in the document.
const MANY: usize = 120;

/// One thing of the tree.
struct Node {
    role: String,
    name: String,
}

async fn tree(page: &Page) -> anyhow::Result<Vec<Node>> {
    let tools = page.browser.cdp();
    let tree = tools
        .send_raw("Accessibility.getFullAXTree", serde_json::json!({}))
        .await?;
    let nodes = tree["nodes"].as_array().context("no tree")?;
    let text = |value: &Value| value["value"].as_str().unwrap_or_default().trim().to_owned();
    let shown = nodes.iter().filter(|node| node["ignored"] != true);
    Ok(shown
        .map(|node| Node {
            role: text(&node["role"]),
            name: text(&node["name"]),
        })
        .collect())
}

fn has(nodes: &[Node], role: &str, name: &str) -> bool {
    nodes.iter().any(|node| node.role == role && node.name == name)
}

pub(super) async fn work(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    names(page).await?;
    rows(cluster, page).await?;
    pages_are_announced(page).await?;
    dialog(page).await
}

/// Whatever can be used has a name on every page, and tables have heads.
async fn names(page: &Page) -> anyhow::Result<()> {
    let object = "#/object/deployments.apps/page/web/";
    let tabs = ["summary", "related", "events", "yaml", "logs"].map(|tab| format!("{object}{tab}"));
    let others = ["#/", "#/list/pods", "#/create", "#/traces"].map(str::to_owned);
    for place in others.iter().chain(&tabs) {
        page.go(place).await?;
        page.browser.refresh().await?;
        page.find("//main//h2").await?;
        page.find("//nav//a[text()='Deployment']").await?;
        if place.contains("/object/") {
            page.find("//button[@role='tab'][@aria-selected='true']").await?;
        }
        page.reach(place, async || well_told(&tree(page).await?)).await?;
    }
    Ok(())
}

fn well_told(nodes: &[Node]) -> anyhow::Result<()> {
    for node in nodes {
        ensure!(
            !NAMED.contains(&node.role.as_str()) || !node.name.is_empty(),
            "a {} has no name",
            node.role
        );
    }
    let tables = nodes.iter().filter(|node| node.role == "table").count();
    let heads = nodes.iter().filter(|node| node.role == "columnheader").count();
    ensure!(tables == 0 || heads > 0, "{tables} tables without heads");
    ensure!(has(nodes, "navigation", "Kinds"), "no list of kinds");
    Ok(())
}

/// A table says how many rows it has and which of them are in the document.
async fn rows(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    let map = |index: usize| {
        let name = format!("row-{index:03}");
        serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "page", "labels": {"many": "yes"}}})
    };
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": (0..MANY).map(map).collect::<Vec<_>>()});
    cluster.kubectl_with(&["create", "-f", "-"], &list.to_string())?;
    page.go("#/list/configmaps").await?;
    page.find("//main//td[@role='rowheader']/a").await?;
    page.find("//input[@aria-label='Filter']")
        .await?
        .send_keys("many=yes")
        .await?;
    page.find(&format!("//main//table[@aria-rowcount='{}']", MANY + 1))
        .await?;
    let said = page
        .find("//span[@role='status'][@aria-live='polite']")
        .await?
        .text()
        .await?;
    ensure!(said.starts_with(&format!("{MANY} / ")), "{said}");
    let seen = "return [...document.querySelectorAll('main tbody tr[data-key]')].map((row) => Number(row.getAttribute('aria-rowindex')))";
    let first: Vec<usize> = serde_json::from_value(page.script(seen).await?)?;
    ensure!(
        first.first() == Some(&2) && first.len() < MANY,
        "the head is row 1: {first:?}"
    );
    page.script("document.querySelector('main .scroll').scrollTop = 1e6")
        .await?;
    page.find(&format!("//main//tbody/tr[@aria-rowindex='{}']", MANY + 1))
        .await?;
    let last: Vec<usize> = serde_json::from_value(page.script(seen).await?)?;
    ensure!(last.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{last:?}");
    let name = format!("row-{:03}", MANY - 1);
    page.reach("the last row's head", async || {
        ensure!(has(&tree(page).await?, "rowheader", &name), "there is no {name}");
        Ok(())
    })
    .await?;
    page.find("//input[@aria-label='Filter']").await?.clear().await?;
    cluster.kubectl(&["-n", "page", "delete", "configmap", "-l", "many=yes", "--wait=false"])?;
    Ok(())
}

/// Another page: the tab's title says which, and the focus is at its heading.
async fn pages_are_announced(page: &Page) -> anyhow::Result<()> {
    page.go("#/").await?;
    page.browser.refresh().await?;
    for (kind, heading) in [
        ("Service", "Service"),
        ("ConfigMap", "ConfigMap"),
        ("Overview", "Overview"),
    ] {
        page.find(&format!("//nav//a[text()='{kind}']")).await?.click().await?;
        page.find(&format!("//main//h2[text()='{heading}']")).await?;
        let title = format!("{heading} – rkube");
        page.reach("the page to be announced", async || {
            let now = page
                .script("return [document.title, document.activeElement.tagName]")
                .await?;
            ensure!(now == serde_json::json!([title, "H2"]), "{now}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// A dialog has a name, keeps the focus, and gives it back.
async fn dialog(page: &Page) -> anyhow::Result<()> {
    page.open("deployments.apps/page/web/summary").await?;
    let button = page.find("//button[text()='Scale']").await?;
    button.focus().await?;
    button.send_keys(Key::Enter).await?;
    page.find("//dialog[@open]//input").await?;
    page.reach("the dialog's name", async || {
        ensure!(
            has(&tree(page).await?, "dialog", "Scale web"),
            "there is no dialog of that name"
        );
        Ok(())
    })
    .await?;
    page.script("document.querySelector('dialog input').focus()").await?;
    page.browser.active_element().await?.send_keys(Key::Escape).await?;
    page.find("//dialog[not(@open)]").await?;
    page.reach("the focus to be back", async || {
        let now = page.script("return document.activeElement.innerText").await?;
        ensure!(now == "Scale", "{now}");
        Ok(())
    })
    .await
}

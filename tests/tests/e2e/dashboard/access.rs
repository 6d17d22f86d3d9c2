//! The page without a mouse, and for whoever hears or sees it differently.

use anyhow::ensure;
use serde_json::Value;
use thirtyfour::prelude::*;

use super::Page;

/// Elements that can be used and have no name, images without a text, ids that are there twice.
const NAMELESS: &str = "
    const shown = (element) => element.checkVisibility();
    const name = (element) => element.getAttribute('aria-label') || element.innerText?.trim() || element.title ||
        [...(element.labels ?? [])].map((label) => label.innerText).join('').trim() || element.closest('label')?.innerText;
    const wrong = [...document.querySelectorAll('button, a[href], input, select, textarea, [role=tab], [role=tabpanel], [role=log], table')]
        .filter(shown).filter((element) => !(name(element) || element.getAttribute('aria-labelledby')));
    wrong.push(...document.querySelectorAll('img:not([alt])'));
    const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
    wrong.push(...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => ({ outerHTML: `#${id} twice` })));
    return wrong.map((element) => element.outerHTML.slice(0, 120));";

/// Texts whose colour is too near to what is behind it: less than 4.5 to 1, as WCAG 2 AA asks.
const FAINT: &str = "
    const numbers = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
    const light = (color) => numbers(color).slice(0, 3).map((part) => part / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor;
            if ((numbers(color)[3] ?? 1) > 0) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    const own = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    return [...document.querySelectorAll('body *')].filter((element) => own(element) && element.checkVisibility() && !element.disabled)
        .map((element) => {
            const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
            return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element];
        })
        .filter(([ratio]) => ratio < 4.5)
        .map(([ratio, element]) => `${ratio.toFixed(2)} ${element.outerHTML.slice(0, 120)}`);";

/// Where the tab key leads, in this order, before it leads out.
const ORDER: [&str; 4] = ["skip", "bar", "nav", "main"];

pub(super) async fn work(page: &Page) -> anyhow::Result<()> {
    for place in [
        "#/",
        "#/list/pods",
        "#/object/deployments.apps/page/web/summary",
        "#/create",
        "#/traces",
    ] {
        page.go(place).await?;
        page.find("//main//h2").await?;
        page.find("//nav//a[@aria-current='page'] | //main//h2/a | //main//h2[text()='Create']")
            .await?;
        none(page, place, NAMELESS).await?;
        for theme in ["light", "dark"] {
            page.script(&format!("document.documentElement.dataset.theme = '{theme}'"))
                .await?;
            none(page, &format!("{place} {theme}"), FAINT).await?;
        }
    }
    ensure!(
        page.script("return document.documentElement.lang").await? == "en",
        "lang"
    );
    page.find("//div[@id='said'][@role='status'][@aria-live='polite']")
        .await?;
    tab_order(page).await?;
    keyboard_only(page).await
}

async fn none(page: &Page, place: &str, script: &str) -> anyhow::Result<()> {
    let found = page.script(script).await?;
    ensure!(found.as_array().is_some_and(Vec::is_empty), "{place}: {found:#}");
    Ok(())
}

async fn key(page: &Page, key: impl Into<TypingData>) -> anyhow::Result<()> {
    Ok(page.browser.active_element().await?.send_keys(key).await?)
}

/// The tab key leads from the skip link through bar, list and content, and out again.
async fn tab_order(page: &Page) -> anyhow::Result<()> {
    page.go("#/list/configmaps").await?;
    page.find("//td/a[contains(., 'kube-root-ca.crt')]").await?;
    page.script("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
        .await?;
    let place = "const at = document.activeElement;
        return at.id === 'skip' ? 'skip' : at.closest('header') ? 'bar' : at.closest('nav') ? 'nav' : at.closest('main') ? 'main' : 'out';";
    let mut seen: Vec<Value> = Vec::new();
    for _ in 0..300 {
        key(page, Key::Tab).await?;
        let now = page.script(place).await?;
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        // wherever it began: one whole round from the skip link on
        if seen.iter().skip_while(|place| *place != "skip").count() > ORDER.len() {
            break;
        }
    }
    let order: Vec<&str> = seen
        .iter()
        .filter_map(Value::as_str)
        .skip_while(|place| *place != "skip")
        .collect();
    ensure!(order.starts_with(&ORDER) && order.len() > ORDER.len(), "{order:?}");
    Ok(())
}

/// The main tasks with keys alone: find an object, look at it, open a dialog and leave it, create.
async fn keyboard_only(page: &Page) -> anyhow::Result<()> {
    page.go("#/list/deployments.apps").await?;
    page.find("//td/a[text()='web']").await?;
    page.script("document.activeElement.blur()").await?;
    key(page, "/").await?;
    ensure!(
        page.script("return document.activeElement.type").await? == "search",
        "/ leads to the filter"
    );
    key(page, "page web").await?;
    page.find("//span[starts-with(., '1 / ')]").await?;
    page.script("document.querySelector('main td a').focus()").await?;
    key(page, Key::Enter).await?;
    page.find("//button[@role='tab'][@id='tab-summary'][@aria-selected='true']")
        .await?;
    page.script("document.getElementById('tab-summary').focus()").await?;
    key(page, Key::Right).await?;
    page.find("//button[@id='tab-related'][@aria-selected='true']").await?;
    ensure!(
        page.script("return document.activeElement.id").await? == "tab-related",
        "the focus follows the tab"
    );
    // a dialog keeps the focus, Escape leaves it, and the focus goes back to where it was
    page.script("[...document.querySelectorAll('button')].find((one) => one.innerText === 'Scale').focus()")
        .await?;
    key(page, Key::Enter).await?;
    page.find("//dialog[@open]//input").await?;
    for _ in 0..4 {
        key(page, Key::Tab).await?;
        let inside = page
            .script("return !!document.activeElement.closest('dialog') || document.activeElement === document.body")
            .await?;
        ensure!(inside == true, "the focus left an open dialog");
    }
    page.script("document.querySelector('dialog input').focus()").await?;
    key(page, Key::Escape).await?;
    page.find("//dialog[not(@open)]").await?;
    // the button is usable again, and the keys work as before
    page.script("document.activeElement.blur()").await?;
    key(page, "c").await?;
    page.find("//main//textarea").await?;
    ensure!(
        page.script("return document.activeElement.tagName").await? == "TEXTAREA",
        "c leads to a new object"
    );
    Ok(())
}

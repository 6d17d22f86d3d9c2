//! Many pages at once in one browser, which keeps six connections to a host for all of them.

use anyhow::ensure;

use super::Page;

/// Each overview follows two kinds; four of them would leave no connection.
const TABS: usize = 4;

/// Where a trace is shown, another page can be loaded beside any number of pages that follow something.
pub(super) async fn work(page: &Page, url: &str) -> anyhow::Result<()> {
    let first = page.browser.window().await?;
    let mut opened = Vec::new();
    for _ in 0..TABS {
        let tab = page.browser.new_tab().await?;
        page.browser.switch_to_window(tab.clone()).await?;
        opened.push(tab);
        page.browser.goto(url).await?;
        page.find("//main//table[@aria-label='Latest warnings']").await?;
        page.find("//div[@class='card'][contains(., 'running')]/b").await?;
    }
    page.go("#/traces").await?;
    page.find("//main//h2[text()='What happened']").await?;
    // loaded anew, with all the others still open
    page.browser.refresh().await?;
    page.find("//main//h2[text()='What happened']").await?;
    page.find("//nav//a[text()='Deployment']").await?;
    // and nothing of the others has ended
    page.browser.switch_to_window(opened[0].clone()).await?;
    let lost = page
        .script("return document.getElementById('said').textContent")
        .await?;
    ensure!(lost == "", "{lost}");
    for tab in opened {
        page.browser.switch_to_window(tab).await?;
        page.browser.close_window().await?;
    }
    Ok(page.browser.switch_to_window(first).await?)
}

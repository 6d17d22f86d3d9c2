//! The dashboard in a real browser.

mod access;
mod buttons;
mod data;
mod session;
mod tabs;
mod tree;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use e2e::{Cluster, until};
use thirtyfour::error::WebDriverErrorInner;
use thirtyfour::prelude::*;

use crate::Shared;
use crate::streams::Background;

pub(crate) const TESTS: &[(&str, Shared)] = &[
    (
        "dashboard::a_user_looks_and_works_in_a_browser",
        a_user_looks_and_works_in_a_browser,
    ),
    ("dashboard::kinds_of_all_sorts", kinds_of_all_sorts),
    (
        "dashboard::a_session_leaves_nothing_and_shows_nobody_its_token",
        session::leaves_nothing_and_shows_nobody_its_token,
    ),
];

/// How long the page may take for anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program and the first line that it printed which says something.
pub(crate) fn start(command: &mut Command, wanted: &str) -> anyhow::Result<(Background, String)> {
    let mut child: Child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let said = child.stdout.take().context("stdout")?;
    let child = Background(child);
    for line in BufReader::new(said).lines() {
        let line = line?;
        if line.contains(wanted) {
            return Ok((child, line));
        }
    }
    bail!("{command:?} never said {wanted:?}")
}

fn a_user_looks_and_works_in_a_browser(cluster: &Cluster) -> anyhow::Result<()> {
    cluster.namespace("page")?;
    cluster.kubectl(&[
        "-n",
        "page",
        "create",
        "deployment",
        "web",
        "--image=rkube.test/nginx:1",
        "--replicas=2",
    ])?;
    cluster.kubectl(&["-n", "page", "rollout", "status", "deployment/web", "--timeout=300s"])?;
    let dashboard = in_browser(cluster, async |page: &Page, url: &str| work(cluster, page, url).await)?;
    session::end(cluster, dashboard)?;
    session::as_an_account(cluster)?;
    cluster.kubectl(&["delete", "namespace", "page", "--timeout=300s"])?;
    Ok(())
}

fn kinds_of_all_sorts(cluster: &Cluster) -> anyhow::Result<()> {
    data::prepare(cluster)?;
    let signed_in = async |page: &Page, url: &str| {
        page.browser.goto(url).await?;
        page.sees("Needs attention").await?;
        data::work(cluster, page).await
    };
    session::end(cluster, in_browser(cluster, signed_in)?)?;
    data::forget(cluster)
}

/// Runs the dashboard and a browser for it; gives the dashboard, which still runs.
fn in_browser(
    cluster: &Cluster,
    work: impl AsyncFnOnce(&Page, &str) -> anyhow::Result<()>,
) -> anyhow::Result<Background> {
    let mut dashboard = cluster
        .sandbox
        .rkube(&["--profile", &cluster.name, "dashboard", "--url"]);
    let (dashboard, url) = start(&mut dashboard, "http://")?;
    // somebody else may take the port meanwhile
    let (port, _driver) = until("chromedriver", 10, || {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut driver = Command::new("chromedriver");
        let (driver, _) = start(driver.arg(format!("--port={port}")), "started successfully")?;
        Ok((port, driver))
    })?;
    // without a provider reqwest panics; a second installation is refused and changes nothing
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut wanted = DesiredCapabilities::chrome();
        for flag in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--lang=en",
            "--window-size=1300,900",
        ] {
            wanted.add_arg(flag)?;
        }
        let browser = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await?;
        let page = Page {
            browser: browser.clone(),
            base: url.split('#').next().unwrap_or_default().to_owned(),
        };
        let outcome = work(&page, &url).await;
        let screenshot = browser.screenshot_as_png().await;
        browser.quit().await?;
        if let (Err(_), Ok(png)) = (&outcome, screenshot) {
            fs_err::write(std::env::temp_dir().join("rkube-dashboard-failure.png"), png)?;
        }
        outcome
    })?;
    Ok(dashboard)
}

struct Page {
    browser: WebDriver,
    base: String,
}

impl Page {
    async fn go(&self, place: &str) -> anyhow::Result<()> {
        Ok(self.browser.goto(format!("{}{place}", self.base)).await?)
    }

    async fn find(&self, xpath: &str) -> anyhow::Result<WebElement> {
        let query = self
            .browser
            .query(By::XPath(xpath))
            .wait(PATIENCE, Duration::from_millis(100));
        query
            .first()
            .await
            .with_context(|| format!("the page never had {xpath}"))
    }

    async fn sees(&self, text: &str) -> anyhow::Result<WebElement> {
        self.find(&format!("//*[contains(text(), {text:?})]")).await
    }

    async fn press(&self, button: &str) -> anyhow::Result<()> {
        self.click(&format!("//button[normalize-space()={button:?}][not(@disabled)]"))
            .await
    }

    /// Clicks what is found; the page may make it anew in between.
    async fn click(&self, xpath: &str) -> anyhow::Result<()> {
        for _ in 0..5 {
            match self.find(xpath).await?.click().await {
                Err(error) if matches!(error.as_inner(), WebDriverErrorInner::StaleElementReference(_)) => {}
                clicked => return Ok(clicked?),
            }
        }
        bail!("{xpath} was made anew again and again")
    }

    /// The page of an object, loaded anew.
    async fn open(&self, object: &str) -> anyhow::Result<()> {
        self.go(&format!("#/object/{object}")).await?;
        self.browser.refresh().await?;
        self.find("//button[@role='tab'][@aria-selected='true']").await?;
        Ok(())
    }

    /// A button of the open dialog.
    async fn answer(&self, button: &str) -> anyhow::Result<()> {
        self.click(&format!("//dialog[@open]//button[normalize-space()={button:?}]"))
            .await
    }

    /// Looks until `look` succeeds; fails with what it last said.
    async fn reach(&self, what: &str, mut look: impl AsyncFnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            match look().await {
                Ok(()) => return Ok(()),
                Err(seen) if Instant::now() > end => bail!("{what}: not in time; last seen: {seen:#}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn script(&self, code: &str) -> anyhow::Result<serde_json::Value> {
        Ok(self.browser.execute(code, Vec::new()).await?.json().clone())
    }
}

async fn work(cluster: &Cluster, page: &Page, url: &str) -> anyhow::Result<()> {
    let get = |what: &str, field: &str| {
        let path = format!("jsonpath={{{field}}}");
        cluster.kubectl(&["-n", "page", "get", what, "-o", &path])
    };
    // the link signs in, and the token does not stay in the address
    page.browser.goto(url).await?;
    page.sees("Needs attention").await?;
    let address = page
        .script("return location.href + JSON.stringify({...localStorage})")
        .await?;
    ensure!(!address.to_string().contains("token"), "{address}");

    // a live table: what comes is seen without loading again
    page.go("#/list/configmaps").await?;
    page.sees("kube-root-ca.crt").await?;
    cluster.kubectl(&["-n", "page", "create", "configmap", "appeared"])?;
    page.sees("appeared").await?;

    // owner, pods and service of a workload
    page.go("#/object/deployments.apps/page/web/related").await?;
    page.find("//li[contains(., 'ReplicaSet')]//li[contains(., 'Running')]")
        .await?;

    // scaled in a dialog
    page.press("Scale").await?;
    let replicas = page.find("//dialog//input").await?;
    replicas.clear().await?;
    replicas.send_keys("3").await?;
    page.press("OK").await?;
    until("three replicas", 20, || {
        match get("deployment/web", ".spec.replicas")?.as_str() {
            "3" => Ok(()),
            other => bail!("{other}"),
        }
    })?;

    // edited as YAML: the server's dry run is shown before anything is saved
    page.go("#/object/deployments.apps/page/web/yaml").await?;
    page.browser.refresh().await?;
    page.find("//textarea").await?;
    let change = "const area = document.querySelector('textarea');
        if (!area?.value.includes('replicas: 3')) return false;
        area.value = area.value.replace('replicas: 3', 'replicas: 1');
        area.dispatchEvent(new Event('input'));
        return true;";
    page.reach("the text", async || {
        ensure!(page.script(change).await? == true, "not there yet");
        Ok(())
    })
    .await?;
    page.press("Review changes").await?;
    let added = page.find("//div[@class='added']").await?.text().await?;
    ensure!(added.contains("replicas: 1"), "{added}");
    ensure!(
        get("deployment/web", ".spec.replicas")? == "3",
        "a review changed something"
    );
    page.press("Save").await?;
    until("one replica", 20, || {
        match get("deployment/web", ".spec.replicas")?.as_str() {
            "1" => Ok(()),
            other => bail!("{other}"),
        }
    })?;

    // a terminal and the log of what it did
    cluster.kubectl(&["-n", "page", "rollout", "status", "deployment/web", "--timeout=300s"])?;
    let pod = until("the two other pods to be gone", 60, || {
        let names = get("pods", ".items[*].metadata.name")?;
        ensure!(!names.contains(' '), "{names}");
        Ok(names)
    })?;
    page.go(&format!("#/object/pods/page/{pod}/terminal")).await?;
    page.press("Connect").await?;
    page.sees("built-in shell").await?;
    let screen = page.find("//div[@role='textbox']").await?;
    screen
        .send_keys("wget -qO- http://127.0.0.1 && echo seen-$((40+2))\n")
        .await?;
    page.sees("seen-42").await?;
    page.go(&format!("#/object/pods/page/{pod}/logs")).await?;
    page.browser.refresh().await?;
    page.sees("GET / HTTP/1.1").await?;

    many_logs(cluster, page).await?;

    // created from YAML, checked first; what is wrong is said in the server's words
    page.go("#/create").await?;
    let area = page.find("//textarea").await?;
    area.send_keys("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: written\n  namespace: page\n")
        .await?;
    page.press("Check").await?;
    page.sees("The server accepts it.").await?;
    ensure!(
        get("configmap/written", ".metadata.name").is_err(),
        "a check created something"
    );
    page.press("Create").await?;
    page.sees("ConfigMap written: Done").await?;
    what_happened(page).await?;

    buttons::work(cluster, page).await?;
    access::work(page).await?;
    tree::work(cluster, page).await?;
    tabs::work(page, url).await?;

    // in Chinese
    page.press("中文").await?;
    page.sees("所有命名空间").await?;

    // somebody else's token shows what they may see, and none shows nothing
    page.script("sessionStorage.setItem('token', 'nonsense')").await?;
    page.browser.refresh().await?;
    page.find("//input[@name='token']").await?;
    buttons::refused(cluster, page).await
}

/// What was created is followed through the cluster, by keyboard too.
async fn what_happened(page: &Page) -> anyhow::Result<()> {
    page.find("//li[contains(., 'written')]/a[text()='Show what happened']")
        .await?
        .click()
        .await?;
    page.find("//tr[@aria-level='1']//td[contains(., '/api/v1/namespaces/page/configmaps')]")
        .await?;
    for words in [
        "authentication: token",
        "authorization: RBAC: allowed by",
        "stored as revision",
    ] {
        page.find(&format!("//tr[@aria-level='2']//span[contains(text(), {words:?})]"))
            .await?;
    }
    page.sees("Nothing more happens.").await?;
    let rows = "return document.querySelectorAll('.trace tbody tr').length";
    let all = page.script(rows).await?.as_u64().unwrap_or_default();
    let root = page.find("//tr[@aria-level='1']").await?;
    page.script("document.querySelector('.trace tbody tr').focus()").await?;
    root.send_keys(Key::Left).await?;
    page.find("//tr[@aria-expanded='false']").await?;
    let folded = page.script(rows).await?.as_u64().unwrap_or_default();
    ensure!(folded < all, "{folded} of {all} rows are left");
    page.go("#/traces").await?;
    page.find("//a[contains(., 'create /api/v1/namespaces/page/configmaps')]")
        .await?;
    Ok(())
}

/// More logs than a browser has connections, followed at once and searched.
async fn many_logs(cluster: &Cluster, page: &Page) -> anyhow::Result<()> {
    const PODS: usize = 12;
    let job = serde_json::json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "talk"},
        "spec": {"parallelism": PODS, "completions": PODS, "template": {"spec": {
            "restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "c", "image": "rkube.test/busybox:1",
                "command": ["sh", "-c", "echo begun on $HOSTNAME; while ! [ -e /go ]; do sleep 1; done; echo went on"]}]}}},
    });
    cluster.kubectl_with(&["-n", "page", "apply", "-f", "-"], &job.to_string())?;
    let names = until("all pods of the job to run", 90, || {
        let running = "--field-selector=status.phase=Running";
        let names = cluster.kubectl(&[
            "-n",
            "page",
            "get",
            "pods",
            "-l",
            "job-name=talk",
            running,
            "-o",
            "name",
        ])?;
        ensure!(names.lines().count() == PODS, "{names}");
        Ok(names)
    })?;
    page.open("jobs.batch/page/talk/logs").await?;
    for name in names.lines().map(|line| line.trim_start_matches("pod/")) {
        page.find(&format!("//pre/div[contains(., '{name}/c: begun on')]"))
            .await?;
    }
    // what comes later is followed too, also of the last one
    let last = names.lines().last().context("a pod")?;
    cluster.kubectl(&["-n", "page", "exec", last, "--", "touch", "/go"])?;
    let name = last.trim_start_matches("pod/");
    page.find(&format!("//pre/div[contains(., '{name}/c: went on')]"))
        .await?;
    page.find("//input[@aria-label='Search']")
        .await?
        .send_keys("WENT")
        .await?;
    page.find("//pre[count(div)=1]/div/mark[text()='went']").await?;
    cluster.kubectl(&["-n", "page", "delete", "job", "talk", "--wait=false"])?;
    Ok(())
}

//! `cargo xtask bench dashboard [PODS]`: how long the dashboard's pages take with many pods. Writes its part of
//! docs/benchmarks-dashboard.md.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::browser::Browser;
use super::report;
use super::run::Bench;

const RUNS: usize = 7;
const PODS: usize = 5000;
/// Pods in one list that kubectl creates.
const BATCH: usize = 500;

/// Notes in every page when each of these is first true, in milliseconds since the navigation.
const MARKS: &str = "
    const wanted = {
        page: () => document.querySelector('main h2') && document.querySelector('nav a'),
        first: () => document.querySelector('main td[role=rowheader]'),
        all: () => document.querySelector('main table[aria-rowcount=\"ROWS\"]'),
        counted: () => [...document.querySelectorAll('main .card')].some((card) => card.innerText.includes('PODS')),
        states: () => [...document.querySelectorAll('main .card')].some((card) => /^\\d+ running$/m.test(card.innerText) && card.innerText.includes('PODS')),
    };
    window.marks = {};
    const look = () => {
        for (const [name, is] of Object.entries(wanted)) if (!(name in marks) && is()) marks[name] = performance.now();
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);";

/// A page's name and address, and its marks with what they stand for.
type Page = (&'static str, &'static str, [(&'static str, &'static str); 3]);

/// What each page is measured by, in the order in which it comes.
const PAGES: [Page; 2] = [
    (
        "table of pods",
        "#/list/pods",
        [
            ("page", "the page"),
            ("first", "first row"),
            ("all", "all rows, with their states"),
        ],
    ),
    (
        "overview",
        "#/",
        [
            ("page", "the page"),
            ("counted", "all pods counted"),
            ("states", "what state all pods are in"),
        ],
    ),
];

/// The command, ended when dropped.
struct Dashboard(Child);

impl Drop for Dashboard {
    fn drop(&mut self) {
        // asked, not killed: it has an account to take away
        drop(std::process::Command::new("kill").arg(self.0.id().to_string()).status());
        drop(self.0.wait());
    }
}

/// Measures and writes.
pub(crate) fn run(workspace: &Path, pods: Option<&str>) -> anyhow::Result<()> {
    let pods = pods.map(str::parse).transpose()?.unwrap_or(PODS);
    let bench = Bench::new(workspace, "rkube-bench")?;
    bench.rkube(&["delete"])?;
    bench.rkube(&["start"])?;
    // those of the cluster itself count, too
    bench.rkube(&["addons", "enable", "dashboard"])?;
    let own = count(&bench)?;
    create(&bench, pods.saturating_sub(own))?;
    let pods = count(&bench)?;
    let (dashboard, url) = open(&bench)?;
    let base = url.split('#').next().unwrap_or_default();
    let browser = Browser::start()?;
    let marks = MARKS
        .replace("ROWS", &(pods + 1).to_string())
        .replace("PODS", &pods.to_string());
    browser.go(&url)?;
    browser.before_pages(&marks)?;
    let mut text = format!(
        "## The dashboard's pages, release build\n\nWritten by `cargo xtask bench dashboard` on {}; one node, {pods} pods that no \
         scheduler looks at, headless Chromium by way of `rkube dashboard --url`. Each page was loaded anew {RUNS} times; seconds \
         from the navigation, taken in the page at each frame: median (slowest).\n\n| page | what is there | measured |\n|---|---|---|\n",
        report::machine(),
    );
    for (title, place, shown) in PAGES {
        browser.go(&format!("{base}{place}"))?;
        let mut times: Vec<Vec<f64>> = vec![Vec::new(); shown.len()];
        for _ in 0..RUNS {
            browser.reload()?;
            for ((mark, _), times) in shown.iter().zip(&mut times) {
                let at = browser.until(&format!("return window.marks?.{mark} ?? null"))?;
                times.push(at.as_f64().context("no time")? / 1000.0);
            }
        }
        for ((_, what), mut times) in shown.iter().zip(times) {
            times.sort_by(f64::total_cmp);
            let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
            // writing to a string cannot fail
            let _ = writeln!(text, "| {title} | {what} | {median:.2} ({slowest:.2}) |");
        }
    }
    drop((browser, dashboard));
    bench.rkube(&["delete"])?;
    report::write_in(workspace, "docs/benchmarks-dashboard.md", "dashboard", &text)
}

fn count(bench: &Bench) -> anyhow::Result<usize> {
    let list: Value = serde_json::from_str(&bench.kubectl(&["get", "--raw", "/api/v1/pods?limit=1"])?)?;
    let more = list["metadata"]["remainingItemCount"].as_u64().unwrap_or_default();
    Ok(list["items"].as_array().map_or(0, Vec::len) + usize::try_from(more)?)
}

/// Pods that stay as they are.
fn create(bench: &Bench, pods: usize) -> anyhow::Result<()> {
    let pod = |number: usize| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("many-{number}"), "namespace": "default"},
            "spec": {"schedulerName": "none", "containers": [{"name": "c", "image": "none"}]}})
    };
    let file = tempfile::NamedTempFile::new()?;
    for first in (0..pods).step_by(BATCH) {
        let items: Vec<Value> = (first..pods.min(first + BATCH)).map(pod).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        fs_err::write(file.path(), list.to_string())?;
        bench.kubectl(&["create", "--validate=false", "-f", &file.path().to_string_lossy()])?;
    }
    Ok(())
}

fn open(bench: &Bench) -> anyhow::Result<(Dashboard, String)> {
    let mut command = bench.command(&["dashboard", "--url"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let said = child.stdout.take().context("stdout")?;
    let dashboard = Dashboard(child);
    for line in BufReader::new(said).lines() {
        let line = line?;
        if line.starts_with("http://") {
            return Ok((dashboard, line));
        }
    }
    anyhow::bail!("`rkube dashboard --url` gave no address")
}

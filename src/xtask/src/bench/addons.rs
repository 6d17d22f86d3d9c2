//! `cargo xtask bench addons`: how long each addon takes to be ready, and what it costs. Writes its part of docs/benchmarks.md.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::run::Bench;
use super::{node, report};

const RUNS: usize = 3;
/// After an addon came or went things are still settling.
const SETTLE: Duration = Duration::from_secs(8);

/// Measures and writes.
pub(crate) fn run(workspace: &Path) -> anyhow::Result<()> {
    let bench = Bench::new(workspace, "rkube-bench")?;
    bench.rkube(&["delete"])?;
    bench.rkube(&["start"])?;
    let list: Value = serde_json::from_str(&bench.rkube(&["addons", "list", "-o", "json"])?.0)?;
    let all = list.as_object().context("addons list gave no object")?;
    let mut text = format!(
        "## Addons\n\nWritten by `cargo xtask bench addons` on {}; one node. `enable` returns when the addon is ready; median of \
         {RUNS} runs, in seconds. The first run composes an image that the addon has of its own, unless it is cached. Memory is what \
         the node has more, without page cache, {} s after. Those further up stay enabled.\n\n\
         | addon | first `enable` | `enable` | `disable` | memory |\n|---|---|---|---|---|\n",
        report::machine(),
        SETTLE.as_secs()
    );
    for (name, addon) in all {
        if addon["Status"] != "enabled" {
            text.push_str(&measure(&bench, name)?);
        }
    }
    report::write(workspace, "addons", &text)
}

/// A row of the table. The addon stays enabled: others may need it, and find it there.
fn measure(bench: &Bench, name: &str) -> anyhow::Result<String> {
    std::thread::sleep(SETTLE);
    let before = node::memory(bench)?;
    let (mut enable, mut disable) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        enable.push(bench.rkube(&["addons", "enable", name])?.1);
        disable.push(bench.rkube(&["addons", "disable", name])?.1);
    }
    let first = enable.first().copied().unwrap_or_default();
    bench.rkube(&["addons", "enable", name])?;
    std::thread::sleep(SETTLE);
    let more = node::memory(bench)?.saturating_sub(before);
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
    };
    let (enable, disable) = (median(&mut enable), median(&mut disable));
    let mut row = String::new();
    // writing to a string cannot fail
    let _ = writeln!(
        row,
        "| {name} | {:.2} | {enable:.2} | {disable:.2} | {} MiB |",
        first.as_secs_f64(),
        more >> 20
    );
    Ok(row)
}

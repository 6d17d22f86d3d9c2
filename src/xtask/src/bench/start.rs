//! `cargo xtask bench start`: time to a Kubernetes that works, and what it costs when idle. Writes its part of
//! docs/benchmarks.md.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::run::Bench;
use super::{node, report};

const RUNS: usize = 5;
/// After a start things are still settling.
const SETTLE: Duration = Duration::from_mins(1);
const IDLE: Duration = Duration::from_mins(1);
const IMAGE: &str = "rkube.test/busybox:1";

/// One start, phase by phase, in the order of time-to-k8s.
#[derive(Default)]
struct Phases {
    command: Vec<Duration>,
    api: Vec<Duration>,
    kubernetes: Vec<Duration>,
    dns_service: Vec<Duration>,
    app: Vec<Duration>,
    dns: Vec<Duration>,
    create_to_running: Vec<Duration>,
    killed: Vec<Duration>,
    stop: Vec<Duration>,
    again: Vec<Duration>,
    delete: Vec<Duration>,
}

/// Measures and writes.
pub(crate) fn run(workspace: &Path) -> anyhow::Result<()> {
    let bench = Bench::new(workspace, "rkube-bench")?;
    bench.rkube(&["delete"])?;
    let (_, first) = bench.rkube(&["start"])?;
    bench.rkube(&["delete"])?;
    let mut phases = Phases::default();
    for _ in 0..RUNS {
        once(&bench, &mut phases)?;
    }
    bench.rkube(&["start"])?;
    std::thread::sleep(SETTLE);
    let processor = node::processor(&bench, IDLE)?;
    let memory = node::memory(&bench)?;
    let processes = node::processes(&bench)?;
    let image = bench.rkube(&["-o", "json", "image", "compose", "node"])?.0;
    let image: serde_json::Value = serde_json::from_str(&image)?;
    let binary = fs_err::metadata(bench.binary())?.len();
    let text = render(&phases, first, processor, memory, &processes, &image, binary);
    report::write(workspace, "start", &text)
}

fn once(bench: &Bench, phases: &mut Phases) -> anyhow::Result<()> {
    phases.command.push(bench.rkube(&["start"])?.1);
    phases
        .api
        .push(bench.until(&["get", "--raw", "/readyz"], |text| text.contains("ok"))?);
    phases
        .kubernetes
        .push(bench.until(&["get", "service", "kubernetes"], |text| text.contains("443/TCP"))?);
    phases
        .dns_service
        .push(bench.until(&["-n", "kube-system", "get", "service", "kube-dns"], |t| {
            t.contains("53/UDP")
        })?);
    bench.rkube(&["image", "compose", "busybox"])?;
    bench.rkube(&["image", "load", IMAGE])?;
    let began = Instant::now();
    bench.kubectl(&["run", "app", "--image", IMAGE, "--", "sleep", "3600"])?;
    let phase = ["get", "pod", "app", "-o", "jsonpath={.status.phase}"];
    bench.until(&phase, |text| text == "Running")?;
    phases.app.push(began.elapsed());
    phases.dns.push(bench.until(
        &["exec", "app", "--", "nslookup", "kubernetes.default.svc.cluster.local"],
        |text| text.contains("10.96.0.1"),
    )?);
    for number in 0..4 {
        phases
            .create_to_running
            .push(create_to_running(bench, &format!("quick{number}"))?);
    }
    let killed = Instant::now();
    bench.rkube(&["ssh", "--", "sh", "-c", "kill -9 $(cat /run/rkube/node.pid)"])?;
    bench.until(&["get", "--raw", "/readyz"], |text| text.contains("ok"))?;
    phases.killed.push(killed.elapsed());
    phases.stop.push(bench.rkube(&["stop"])?.1);
    phases.again.push(bench.rkube(&["start"])?.1);
    phases.delete.push(bench.rkube(&["delete"])?.1);
    Ok(())
}

/// From the answer to the creation until a watch reports the pod as running: no polling in the number.
fn create_to_running(bench: &Bench, name: &str) -> anyhow::Result<Duration> {
    bench.kubectl(&["run", name, "--image", IMAGE, "--", "sleep", "3600"])?;
    let began = Instant::now();
    bench.kubectl(&[
        "wait",
        "--for=jsonpath={.status.phase}=Running",
        &format!("pod/{name}"),
        "--timeout=60s",
    ])?;
    Ok(began.elapsed())
}

fn render(
    phases: &Phases,
    first: Duration,
    processor: f64,
    memory: u64,
    processes: &[(u64, String)],
    image: &serde_json::Value,
    binary: u64,
) -> String {
    let mut text = format!(
        "## From start to delete\n\nWritten by `cargo xtask bench start` on {}; median of {RUNS} runs, in seconds (slowest in \
         parentheses). Node image present, except for the first start, which composes it if it is not cached.\n\n\
         | what | measured | budget |\n|---|---|---|\n",
        report::machine()
    );
    // writing to a string cannot fail
    let _ = writeln!(text, "| first start of this binary | {:.2} | |", first.as_secs_f64());
    for (what, times, budget) in [
        ("`start`, until DNS answers through its service", &phases.command, "≤ 3"),
        ("then: API answers kubectl", &phases.api, ""),
        ("then: service `kubernetes`", &phases.kubernetes, ""),
        ("then: service `kube-dns`", &phases.dns_service, ""),
        ("an application pod runs (image present)", &phases.app, ""),
        (
            "create → Running, as `kubectl wait` sees it",
            &phases.create_to_running,
            "≤ 0.25",
        ),
        ("DNS answers in that pod", &phases.dns, ""),
        ("API back after `kill -9` of the agent", &phases.killed, "≤ 2"),
        ("`stop`", &phases.stop, "≤ 2"),
        ("`start` again", &phases.again, "≤ 2"),
        ("`delete`", &phases.delete, "≤ 2"),
    ] {
        let mut times = times.clone();
        times.sort();
        let (Some(median), Some(slowest)) = (times.get(times.len() / 2), times.last()) else {
            continue;
        };
        let _ = writeln!(
            text,
            "| {what} | {:.2} ({:.2}) | {budget} |",
            median.as_secs_f64(),
            slowest.as_secs_f64()
        );
    }
    let mega = |bytes: u64| bytes / 1_000_000;
    let _ = writeln!(
        text,
        "| idle memory of the node, without page cache | {} MiB | ≤ 110 MiB |",
        memory >> 20
    );
    let _ = writeln!(text, "| idle processor over a minute | {processor:.2} % | ≤ 0.3 % |");
    let compressed = image["compressedBytes"].as_u64().map_or(0, mega);
    let whole = image["bytes"].as_u64().map_or(0, mega);
    let _ = writeln!(
        text,
        "| node image, zstd | {compressed} MB ({whole} MB unpacked) | ≤ 80 MB |"
    );
    let _ = writeln!(text, "| the binary | {} MB | |", mega(binary));
    text.push_str("\nResident memory by process (shared pages counted in each):\n\n| MiB | process |\n|---|---|\n");
    for (kilobytes, command) in processes {
        let _ = writeln!(text, "| {} | `{command}` |", kilobytes >> 10);
    }
    text
}

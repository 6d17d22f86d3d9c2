//! End-to-end tests. Most share one cluster of two nodes; they run one after the other, since they share two cores as well.
//!
//! `cargo test --workspace --test e2e [-- FILTER…]`: with the workspace's features, so that nothing is built twice. Not
//! libtest: the cluster must be removed after the last test, whatever happens.

mod addons;
mod apis;
mod bad_input;
mod bundle;
mod certificates;
mod clients;
mod config;
mod controllers;
mod csi;
mod dashboard;
mod deletion;
mod disruptions;
mod engine;
mod images;
mod ingress;
mod interrupts;
mod kube_rs;
mod lifecycle;
mod metrics;
mod mirrors;
mod network;
mod objects;
mod old_kubectl;
mod pods;
mod policy;
mod prometheus;
mod python;
mod registry;
mod resilience;
mod scheduling;
mod security;
mod storage;
mod streams;
mod surface;
mod tour;
mod trace;
mod workloads;

use std::os::unix::process::CommandExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use e2e::{Cluster, Sandbox};

/// A test on the shared cluster.
type Shared = fn(&Cluster) -> anyhow::Result<()>;
/// A test that needs no cluster, or one of its own.
type Own = fn(&Sandbox) -> anyhow::Result<()>;

/// The shared cluster's name.
const SHARED: &str = "shared";

fn main() -> ExitCode {
    // nextest asks every harness for a list; these tests are not its
    if std::env::args().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    match e2e::newer_kubectl() {
        Ok(None) => {}
        Ok(Some(folder)) => return again_with(&folder),
        Err(error) => {
            say(&format!("FAIL  a kubectl\n      {error:#}"));
            return ExitCode::FAILURE;
        }
    }
    let filters: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let own: Vec<(&str, Own)> = [
        bad_input::TESTS,
        mirrors::OWN,
        lifecycle::TESTS,
        interrupts::TESTS,
        deletion::TESTS,
        images::OWN,
        surface::TESTS,
        engine::TESTS,
        bundle::TESTS,
        apis::TESTS,
    ]
    .concat()
    .into_iter()
    .filter(|(name, _)| wanted(name))
    .collect();
    // those that shake the cluster come last
    let shared: Vec<(&str, Shared)> = [
        images::TESTS,
        surface::IN_NODES,
        mirrors::TESTS,
        addons::TESTS,
        registry::TESTS,
        dashboard::TESTS,
        ingress::TESTS,
        workloads::TESTS,
        controllers::TESTS,
        pods::TESTS,
        storage::TESTS,
        csi::TESTS,
        streams::TESTS,
        config::TESTS,
        network::TESTS,
        policy::TESTS,
        scheduling::TESTS,
        disruptions::TESTS,
        tour::TESTS,
        trace::TESTS,
        objects::TESTS,
        metrics::TESTS,
        prometheus::TESTS,
        clients::TESTS,
        kube_rs::TESTS,
        old_kubectl::TESTS,
        python::TESTS,
        bad_input::OBJECTS,
        security::TESTS,
        certificates::TESTS,
        resilience::TESTS,
    ]
    .concat()
    .into_iter()
    .filter(|(name, _)| wanted(name))
    .collect();
    let mut report = Report::default();
    match Sandbox::new() {
        Ok(sandbox) => {
            // what a killed run left behind would be in the way of every start
            for left in ["certs", "addons"] {
                drop(fs_err::remove_dir_all(sandbox.home().join(left)));
            }
            own.iter().for_each(|(name, test)| report.run(name, || test(&sandbox)));
        }
        Err(error) => report.run("sandbox", || Err(error)),
    }
    if !shared.is_empty() {
        let mut cluster = None;
        report.run("start", || {
            let started = Cluster::start_with(SHARED, 2, &[("scheduler.config", scheduling::PROFILES)])?;
            for recipe in ["busybox", "etcd", "nginx"] {
                started.load(recipe)?;
            }
            cluster = Some(started);
            Ok(())
        });
        if let Some(cluster) = &cluster {
            for (name, test) in &shared {
                let before = report.failed.len();
                report.run(name, || test(cluster));
                if report.failed.len() > before {
                    say(&cluster.state());
                }
            }
        }
    }
    report.finish()
}

/// Runs these tests with that folder at the front of the PATH.
fn again_with(folder: &std::path::Path) -> ExitCode {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [folder.to_owned()].into_iter().chain(std::env::split_paths(&path));
    let again = || -> anyhow::Result<ExitCode> {
        let mut tests = std::process::Command::new(std::env::current_exe()?);
        tests
            .args(std::env::args_os().skip(1))
            .env("PATH", std::env::join_paths(folders)?);
        // in this process' place: who ends it ends the tests
        Err(tests.exec().into())
    };
    again().unwrap_or_else(|error| {
        say(&format!("FAIL  {error:#}"));
        ExitCode::FAILURE
    })
}

#[derive(Default)]
struct Report {
    passed: usize,
    /// Names and what they said.
    failed: Vec<(String, String)>,
}

impl Report {
    fn run(&mut self, name: &str, test: impl FnOnce() -> anyhow::Result<()>) {
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(test)).unwrap_or_else(|_| Err(anyhow::anyhow!("panicked")));
        let took = began.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                self.passed += 1;
                say(&format!("ok    {name} ({took:.1} s)"));
            }
            Err(error) => {
                let said = format!("{error:#}").replace('\n', "\n      ");
                say(&format!("FAIL  {name} ({took:.1} s)\n      {said}"));
                self.failed.push((name.to_owned(), said));
            }
        }
    }

    fn finish(self) -> ExitCode {
        // once more, where whoever reads the end of a long log finds it
        for (name, said) in &self.failed {
            say(&format!("FAIL  {name}\n      {said}"));
        }
        say(&format!("{} passed, {} failed", self.passed, self.failed.len()));
        if self.failed.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a test harness reports here")]
fn say(line: &str) {
    println!("{line}");
}

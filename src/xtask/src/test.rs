//! `cargo xtask test`: everything that has to hold, in the order in which it fails fastest.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Title and arguments of cargo.
const STEPS: &[(&str, &[&str])] = &[
    ("format", &["fmt", "--all", "--check"]),
    (
        "lints",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ],
    ),
    (
        "unit and in-process tests",
        // with the whole workspace's features, as the end-to-end tests are built: nothing is compiled twice
        &[
            "nextest",
            "run",
            "--workspace",
            "-E",
            "not package(e2e)",
            "--no-fail-fast",
        ],
    ),
    ("release binary", &["build", "--release", "--package", "rkube"]),
    (
        "generated documents",
        &["run", "--quiet", "--package", "xtask", "--", "docs", "--check"],
    ),
    ("end-to-end tests on Docker", &["test", "--workspace", "--test", "e2e"]),
];

/// Runs all steps; the first that fails ends the run.
pub(crate) fn run(workspace: &Path) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    for (title, arguments) in STEPS {
        writeln!(out, "== {title}: cargo {}", arguments.join(" "))?;
        let began = Instant::now();
        let status = Command::new("cargo").args(*arguments).current_dir(workspace).status()?;
        anyhow::ensure!(
            status.success(),
            "{title} failed: cargo {} ended with {status}",
            arguments.join(" ")
        );
        writeln!(out, "== {title}: ok after {} s", began.elapsed().as_secs())?;
    }
    Ok(())
}

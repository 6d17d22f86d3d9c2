//! The release binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

/// Builds it; gives its path. `XTASK_RKUBE` names another binary to use instead.
pub(crate) fn build(workspace: &Path) -> anyhow::Result<PathBuf> {
    if let Some(binary) = std::env::var_os("XTASK_RKUBE") {
        return Ok(binary.into());
    }
    let args = [
        "build",
        "--release",
        "--package",
        "rkube",
        "--message-format=json-render-diagnostics",
    ];
    let output = Command::new("cargo")
        .args(args)
        .current_dir(workspace)
        .stderr(Stdio::inherit())
        .output()
        .context("cargo")?;
    ensure!(output.status.success(), "cargo build failed");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|line| line["executable"].as_str().map(PathBuf::from))
        .next_back()
        .context("cargo named no executable")
}

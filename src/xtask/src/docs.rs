//! `cargo xtask docs [--check]`: completions, man pages and the command reference, as the binary itself writes them.

use std::path::Path;
use std::process::Command;

use anyhow::{bail, ensure};

use crate::release;

/// Folders and files that are generated, relative to the repository.
const PLACES: [&str; 3] = ["completions", "docs/man", "docs/cli.md"];

/// Writes the files, or only compares them.
pub(crate) fn run(workspace: &Path, check: bool) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let folder = if check { scratch.path() } else { workspace };
    let status = Command::new(release::build(workspace)?)
        .arg("generate-docs")
        .arg(folder)
        .status()?;
    ensure!(status.success(), "rkube generate-docs failed");
    if !check {
        return Ok(());
    }
    for place in PLACES {
        let same = Command::new("diff")
            .arg("-r")
            .args([workspace.join(place), folder.join(place)])
            .status()?;
        if !same.success() {
            bail!("{place} is not what the command line says now; run cargo xtask docs");
        }
    }
    Ok(())
}

//! `rkube kubectl`: the kubectl on the PATH if it fits the cluster, else a cached one, else the one of Debian's package.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use imaging::Composer;
use serde_json::Value;

use super::Outcome;
use super::version::KUBERNETES;
use crate::cli::{Kubectl, Sources};
use crate::context::Context;
use crate::failure::Failure;

/// Where Debian's package has the program, and what the package is called.
const PACKAGE: &str = "kubectl";
const PROGRAM: &str = "/usr/bin/kubectl";
/// kubectl and API server may be one minor version apart.
const SKEW: u32 = 1;

pub(super) async fn run(context: &Context, args: Kubectl) -> Outcome {
    let profile = context.existing()?;
    let kubectl = find(context).await?;
    let error = Command::new(&kubectl)
        .arg("--kubeconfig")
        .arg(&profile.kubeconfig)
        .arg("--context")
        .arg(&profile.name)
        .args(&args.args)
        .exec();
    // exec only comes back if it failed
    Err(Failure::kubectl(&format!("{}: {error}", kubectl.display())))
}

async fn find(context: &Context) -> Result<PathBuf, Failure> {
    let on_path = context.programs("kubectl");
    if let Some(fitting) = on_path.iter().find(|path| fits(path)) {
        return Ok(fitting.clone());
    }
    let cached = context.paths.cache().join("kubectl");
    if cached.is_file() {
        return Ok(cached);
    }
    context.ui.note(context.ui.text().kubectl_composing);
    match compose(context, &cached).await {
        Ok(()) => Ok(cached),
        // one that is too old is better than none
        Err(failure) => on_path.into_iter().next().ok_or(failure),
    }
}

async fn compose(context: &Context, to: &Path) -> Result<(), Failure> {
    let shown = context.ui.imaging();
    let sources = Sources {
        debian_mirror: context.mirrors.clone(),
    };
    let composer = Composer::new(context.composer(&sources), shown.receiver());
    let recipe = imaging::embedded_recipe("node")
        .transpose()?
        .ok_or_else(|| Failure::kubectl(&"no recipe"))?;
    let program = composer.file_of(&recipe, PACKAGE, PROGRAM).await?;
    shown.finish();
    let draft = to.with_extension("partial");
    let written = fs_err::write(&draft, program)
        .and_then(|()| fs_err::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)))
        .and_then(|()| fs_err::rename(&draft, to));
    written.map_err(|error| Failure::from(imaging::ImagingError::Io(error)))
}

fn fits(path: &Path) -> bool {
    let Ok(output) = Command::new(path).args(["version", "--client", "-o", "json"]).output() else {
        return false;
    };
    let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let version = value["clientVersion"]["gitVersion"].as_str().and_then(minor);
    match (version, minor(KUBERNETES)) {
        (Some(theirs), Some(ours)) => theirs.abs_diff(ours) <= SKEW,
        _ => false,
    }
}

/// `36` of `v1.36.2`.
fn minor(version: &str) -> Option<u32> {
    let mut parts = version.trim_start_matches('v').split('.');
    (parts.next()? == "1").then_some(())?;
    parts.next()?.trim_end_matches('+').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn minor_versions_are_read_in_all_their_spellings() {
        assert_eq!(minor("v1.36.2+rkube.0.1.0"), Some(36));
        assert_eq!(minor("v1.20.5+"), Some(20));
        assert_eq!(minor("1.32+.3"), Some(32));
        assert_eq!(minor("v2.1.0"), None);
    }
}

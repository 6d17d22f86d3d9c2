//! `rkube kubectl`: the kubectl on the PATH if it fits the cluster, else a cached one, else the one of Debian's package,
//! else the one that Kubernetes publishes.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use imaging::{Composer, ImagingError};
use serde_json::Value;

use super::Outcome;
use super::version::KUBERNETES;
use crate::cli::Kubectl;
use crate::context::Context;
use crate::failure::Failure;
use crate::ui::ImagingProgress;

/// Where Debian's package has the program, and what the package is called.
const PACKAGE: &str = "kubectl";
const PROGRAM: &str = "/usr/bin/kubectl";
/// Where Kubernetes publishes its clients, as folders of versions.
const PUBLISHED: &str = "https://dl.k8s.io/release";
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

pub(super) async fn find(context: &Context) -> Result<PathBuf, Failure> {
    let on_path = context.programs("kubectl");
    if let Some(fitting) = on_path.iter().find(|path| fits(path)) {
        return Ok(fitting.clone());
    }
    let cached = context.paths.cache().join("kubectl");
    if cached.is_file() {
        return Ok(cached);
    }
    context.ui.note(context.ui.text().kubectl_composing);
    match get(context, &cached).await {
        Ok(()) => Ok(cached),
        // one that is too old is better than none
        Err(failure) => on_path.into_iter().next().ok_or(failure),
    }
}

async fn get(context: &Context, to: &Path) -> Result<(), Failure> {
    let shown = context.ui.imaging();
    let program = match compose(context, &shown).await {
        Ok(program) => program,
        Err(composing) => download(context, &shown)
            .await
            .map_err(|downloading| Failure::kubectl(&format!("{composing}\n{downloading}")))?,
    };
    shown.finish();
    let draft = to.with_extension("partial");
    let written = fs_err::write(&draft, program)
        .and_then(|()| fs_err::set_permissions(&draft, std::fs::Permissions::from_mode(0o755)))
        .and_then(|()| fs_err::rename(&draft, to));
    written.map_err(|error| Failure::from(ImagingError::Io(error)))
}

async fn compose(context: &Context, shown: &ImagingProgress) -> Result<Vec<u8>, ImagingError> {
    let composer = Composer::new(context.composer(&context.mirrors), shown.receiver());
    let recipe = imaging::embedded_recipe("node")
        .transpose()?
        .ok_or_else(|| ImagingError::Recipe {
            name: "node".to_owned(),
            reason: "not built in".to_owned(),
        })?;
    composer.file_of(&recipe, PACKAGE, PROGRAM).await
}

async fn download(context: &Context, shown: &ImagingProgress) -> Result<Vec<u8>, ImagingError> {
    let composer = Composer::new(context.composer(&[]), shown.receiver());
    let version = KUBERNETES.split('+').next().unwrap_or(KUBERNETES);
    let sources = context.binary_mirrors.iter().map(String::as_str).chain([PUBLISHED]);
    let urls: Vec<String> = sources
        .map(|source| {
            let source = source.trim_end_matches('/');
            format!("{source}/{version}/bin/linux/{}/kubectl", architecture())
        })
        .collect();
    Ok(fs_err::read(composer.published("kubectl", &urls).await?)?)
}

/// This machine's architecture, as Kubernetes writes it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
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

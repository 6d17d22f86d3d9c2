//! `rkube kubectl`: the kubectl on the PATH if it fits the cluster, else a cached one, else the one of Debian's package,
//! else the one that Kubernetes publishes.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use imaging::{Composer, ImagingError};
use serde_json::Value;

use super::Outcome;
use super::version::KUBERNETES;
use crate::cli::Kubectl;
use crate::context::{ASKED_AS_KUBECTL, Context};
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
    if context.asked_as_kubectl {
        return Err(Failure::kubectl(&"this is rkube, which looks for a kubectl itself"));
    }
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
    let own = std::env::current_exe().and_then(fs_err::canonicalize).ok();
    let mut on_path = context.programs("kubectl");
    // under the name kubectl this program is there too
    on_path.retain(|path| fs_err::canonicalize(path).ok() != own);
    let mut unfit = None;
    for path in on_path {
        match version(&path) {
            Some(version) if fits(version) => return Ok(path),
            Some(_) if unfit.is_none() => unfit = Some(path),
            _ => {}
        }
    }
    let cached = context.paths.cache().join("kubectl");
    if cached.is_file() {
        return Ok(cached);
    }
    context.ui.note(context.ui.text().kubectl_composing);
    match get(context, &cached).await {
        Ok(()) => Ok(cached),
        // one that is too old is better than none
        Err(failure) => unfit.ok_or(failure),
    }
}

async fn get(context: &Context, to: &Path) -> Result<(), Failure> {
    let own = cluster::own_mirrors(&context.profiles, &context.profile)?;
    let listed = own.over(&context.profiles.mirrors()?).binaries;
    let shown = context.ui.imaging();
    let program = match compose(context, &shown).await {
        Ok(program) => program,
        Err(composing) => download(context, &listed, &shown)
            .await
            .map_err(|downloading| Failure::kubectl(&format!("{composing}\n{downloading}")))?,
    };
    shown.finish();
    keep(&program, to).map_err(|error| Failure::from(ImagingError::Io(error)))
}

/// Writes a program beside its place first, in a file that no other command writes into.
fn keep(program: &[u8], to: &Path) -> std::io::Result<()> {
    let mut draft = tempfile::NamedTempFile::new_in(to.parent().unwrap_or(Path::new(".")))?;
    draft.write_all(program)?;
    fs_err::set_permissions(draft.path(), std::fs::Permissions::from_mode(0o755))?;
    // open for writing it could not be run
    draft.into_temp_path().persist(to)?;
    Ok(())
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

/// `listed` is what mirrors.yaml says.
async fn download(context: &Context, listed: &[String], shown: &ImagingProgress) -> Result<Vec<u8>, ImagingError> {
    let composer = Composer::new(context.composer(&[]), shown.receiver());
    let version = KUBERNETES.split('+').next().unwrap_or(KUBERNETES);
    // what is said for this command, of the cluster, of all clusters; then Kubernetes' own place
    let sources = context.binary_mirrors.iter().chain(listed).map(String::as_str);
    let mut urls: Vec<String> = Vec::new();
    for source in sources.chain([PUBLISHED]) {
        let source = source.trim_end_matches('/');
        let scheme = if source.contains("://") { "" } else { "https://" };
        let url = format!("{scheme}{source}/{version}/bin/linux/{}/kubectl", architecture());
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
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

/// The minor version of a kubectl; nothing for what is no kubectl, such as a copy of this program.
fn version(path: &Path) -> Option<u32> {
    let mut command = Command::new(path);
    command
        .args(["version", "--client", "-o", "json"])
        .env(ASKED_AS_KUBECTL, "1");
    let output = command.output().ok()?;
    let value: Value = serde_json::from_slice(&output.stdout).ok()?;
    value["clientVersion"]["gitVersion"].as_str().and_then(minor)
}

fn fits(version: u32) -> bool {
    minor(KUBERNETES).is_some_and(|own| own.abs_diff(version) <= SKEW)
}

/// `36` of `v1.36.2`.
fn minor(version: &str) -> Option<u32> {
    let mut parts = version.trim_start_matches('v').split('.');
    (parts.next()? == "1").then_some(())?;
    parts.next()?.trim_end_matches('+').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{keep, minor};

    #[test]
    fn a_program_is_whole_for_whoever_finds_it_however_many_write_it() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("kubectl");
        let program = b"#!/bin/sh\nexit 7\n".repeat(1000);
        std::thread::scope(|all| {
            for _ in 0..8 {
                all.spawn(|| {
                    keep(&program, &to).unwrap();
                    assert_eq!(fs_err::read(&to).unwrap(), program);
                });
            }
        });
        assert_eq!(std::process::Command::new(&to).status().unwrap().code(), Some(7));
        assert_eq!(folder.path().read_dir().unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn minor_versions_are_read_in_all_their_spellings() {
        assert_eq!(minor("v1.36.2+rkube.0.1.0"), Some(36));
        assert_eq!(minor("v1.20.5+"), Some(20));
        assert_eq!(minor("1.32+.3"), Some(32));
        assert_eq!(minor("v2.1.0"), None);
    }
}

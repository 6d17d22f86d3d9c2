//! Programs that this machine may lack, or have too old: taken out of Debian's packages by `image compose`, and kept from run to
//! run.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::{Run as _, Sandbox};

/// The oldest kubectl that has every command the tests use.
const OLDEST: u32 = 31;

/// A folder for the front of the PATH, with a kubectl in it; `None` if the one on the PATH will do.
pub fn newer_kubectl() -> anyhow::Result<Option<PathBuf>> {
    if minor(Path::new("kubectl")) >= Some(OLDEST) {
        return Ok(None);
    }
    let kept = program(&Sandbox::new()?, "kubectl", "trixie", "kubectl")?;
    ensure!(minor(&kept) >= Some(OLDEST), "{} is too old, too", kept.display());
    Ok(kept.parent().map(Path::to_owned))
}

/// `36` of 1.36.2; `None` if it does not run.
fn minor(kubectl: &Path) -> Option<u32> {
    let said = Command::new(kubectl).args(["version", "--client", "-o", "json"]).run();
    let version: Value = serde_json::from_str(&said.ok()?.stdout).ok()?;
    let minor = version["clientVersion"]["minor"].as_str()?;
    minor.trim_end_matches('+').parse().ok()
}

/// A program of a package of one of Debian's suites.
pub fn program(sandbox: &Sandbox, program: &str, suite: &str, package: &str) -> anyhow::Result<PathBuf> {
    let kept = sandbox.home().join("programs").join(suite).join(program);
    if kept.is_file() {
        return Ok(kept);
    }
    let recipe = format!(
        "name: {program}-of-{suite}\ntag: rkube.test/{program}-of-{suite}:1\npackages: [{package}]\narchives:\n  - suite: {suite}\n    components: [main]\n    mirrors: [http://deb.debian.org/debian, http://ftp.debian.org/debian]\n"
    );
    let recipe = sandbox.file("program.yaml", &recipe)?;
    let image = sandbox.path("program.tar");
    let (recipe, image) = (recipe.to_string_lossy(), image.to_string_lossy());
    let mut compose = sandbox.rkube(&["image", "compose", &recipe, "--to", &image]);
    compose.run()?.ok()?;
    let folder = sandbox.path("program");
    unpack(&image, &folder)?;
    let manifest: Value = serde_json::from_slice(&fs_err::read(folder.join("manifest.json"))?)?;
    let layer = manifest[0]["Layers"][0].as_str().context("no layer")?;
    unpack(&folder.join(layer).to_string_lossy(), &folder)?;
    fs_err::create_dir_all(kept.parent().context("a folder")?)?;
    let draft = kept.with_extension("partial");
    fs_err::copy(folder.join("usr/bin").join(program), &draft)?;
    fs_err::set_permissions(&draft, std::fs::Permissions::from_mode(0o755))?;
    fs_err::rename(draft, &kept)?;
    Ok(kept)
}

fn unpack(archive: &str, to: &Path) -> anyhow::Result<()> {
    fs_err::create_dir_all(to)?;
    let mut tar = Command::new("tar");
    tar.args(["-xf", archive, "-C", &to.to_string_lossy()]).run()?.ok()?;
    Ok(())
}

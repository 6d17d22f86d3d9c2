//! The machine's disk: composed from packages by rkube itself, with rkube, its cache and the check script added.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::tool;

const SIZE: &str = "6G";

/// What the machine boots from.
pub(super) struct Disk {
    /// ext4 image.
    pub(super) image: PathBuf,
    /// The kernel, outside of the image.
    pub(super) kernel: PathBuf,
    /// The unpacked root filesystem.
    pub(super) root: PathBuf,
}

/// Builds the disk in `folder`.
pub(super) fn build(workspace: &Path, binary: &Path, folder: &Path) -> anyhow::Result<Disk> {
    // the machine has no network: what it composes was downloaded here, and lies at the same path there
    let home = folder.join("home");
    let rkube = |home: &Path, args: &[&str]| tool(Command::new(binary).args(args).env("RKUBE_HOME", home));
    let archive = folder.join("vm.tar").to_string_lossy().into_owned();
    let recipe = workspace.join("images/vm/recipe.yaml").to_string_lossy().into_owned();
    let scratch = folder.join("scratch.tar").to_string_lossy().into_owned();
    for name in ["node", "busybox", "nginx"] {
        rkube(&home, &["image", "compose", name, "--to", &scratch])?;
    }
    rkube(
        &folder.join("home-of-disk"),
        &["image", "compose", &recipe, "--to", &archive],
    )?;
    let root = folder.join("root");
    if root.exists() {
        fs_err::remove_dir_all(&root)?;
    }
    fs_err::create_dir_all(&root)?;
    // the archive's one layer is the root filesystem
    let blobs = folder.join("blobs");
    if blobs.exists() {
        fs_err::remove_dir_all(&blobs)?;
    }
    tool(
        Command::new("tar")
            .args(["-xf", &archive, "-C"])
            .arg(folder)
            .arg("blobs"),
    )?;
    let layer = largest(&folder.join("blobs/sha256"))?;
    tool(
        Command::new("tar")
            .args(["--numeric-owner", "-xpf"])
            .arg(&layer)
            .arg("-C")
            .arg(&root),
    )?;
    fs_err::copy(binary, root.join("usr/bin/rkube"))?;
    fs_err::copy(workspace.join("images/vm/check.sh"), root.join("root/check.sh"))?;
    let inside = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
    let layers = home.join("cache/layers");
    fs_err::create_dir_all(inside(&layers))?;
    for file in fs_err::read_dir(&layers)?.flatten().map(|entry| entry.path()) {
        if file.is_file() {
            fs_err::copy(&file, inside(&file))?;
        }
    }
    fs_err::write(root.join("root/.bashrc"), "")?;
    let unit = root.join("etc/systemd/system/check.service");
    let text = fs_err::read_to_string(&unit)?;
    let text = text.replace(
        "[Service]",
        &format!("[Service]\nEnvironment=RKUBE_HOME={}", home.display()),
    );
    fs_err::write(&unit, text)?;
    let version = kernel_version(&root)?;
    tool(Command::new("depmod").arg("-b").arg(&root).arg(&version))?;
    let image = folder.join("disk.img");
    if image.exists() {
        fs_err::remove_file(&image)?;
    }
    tool(
        Command::new("mke2fs")
            .args(["-q", "-t", "ext4", "-d"])
            .arg(&root)
            .arg(&image)
            .arg(SIZE),
    )?;
    Ok(Disk {
        image,
        kernel: root.join(format!("boot/vmlinuz-{version}")),
        root,
    })
}

/// Version of the kernel in the root filesystem.
pub(super) fn kernel_version(root: &Path) -> anyhow::Result<String> {
    let modules = fs_err::read_dir(root.join("usr/lib/modules"))?
        .flatten()
        .next()
        .context("no kernel modules")?;
    Ok(modules.file_name().to_string_lossy().into_owned())
}

fn largest(folder: &Path) -> anyhow::Result<PathBuf> {
    let files = fs_err::read_dir(folder)?.flatten().map(|entry| entry.path());
    files
        .max_by_key(|path| fs_err::metadata(path).map_or(0, |meta| meta.len()))
        .context("an archive without blobs")
}

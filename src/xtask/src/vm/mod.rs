//! `cargo xtask vm`: a laptop as most users have it, emulated. Boots Debian with systemd, control groups v2 and Docker, runs
//! `rkube start` to `rkube delete` inside, and prints what it saw.
//!
//! Needs qemu-system-x86_64, mke2fs, depmod, tar and xz, and root to give files their owners. Emulation without KVM is slow:
//! some minutes in all.

mod console;
mod disk;
mod initrd;

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::release;

/// Boots the machine and waits for its verdict.
pub(crate) fn run(workspace: &Path) -> anyhow::Result<()> {
    let binary = release::build(workspace)?;
    let folder = binary.with_file_name("vm");
    fs_err::create_dir_all(&folder)?;
    let disk = disk::build(workspace, &binary, &folder)?;
    let initrd = initrd::build(&disk.root, &folder)?;
    let mut machine = Command::new("qemu-system-x86_64");
    machine
        .args([
            "-accel",
            "tcg,thread=multi",
            "-cpu",
            // QEMU 7's emulation of the first spoils flags now and then, the second costs a level of page tables
            "max,-cx16,-la57",
            "-m",
            "3072",
            "-smp",
            "2",
            "-no-reboot",
            "-nographic",
        ])
        .arg("-kernel")
        .arg(&disk.kernel)
        .arg("-initrd")
        .arg(&initrd)
        .args([
            "-append",
            "console=ttyS0 root=/dev/vda rw quiet systemd.show_status=false systemd.firstboot=off mitigations=off panic=-1",
        ])
        .arg("-drive")
        .arg(format!(
            "file={},format=raw,if=virtio,cache=unsafe",
            disk.image.display()
        ))
        .args(["-nic", "none"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let child = machine.spawn().context("qemu-system-x86_64")?;
    console::follow(child)
}

/// Runs a tool of the host.
fn tool(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

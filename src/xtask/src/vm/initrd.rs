//! The first root filesystem: a shell and the modules that the disk needs. A packaged kernel has neither built in, and the
//! scripts that would make one are not run when an image is composed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::disk::kernel_version;

const WANTED: [&str; 3] = ["virtio_pci", "virtio_blk", "ext4"];

/// Writes the initrd for the kernel in `root`.
pub(super) fn build(root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let version = kernel_version(root)?;
    let modules = root.join("usr/lib/modules").join(version);
    let mut archive = Cpio::default();
    for folder in ["bin", "dev", "proc", "sys", "mnt", "modules"] {
        archive.add(folder, 0o040_755, &[]);
    }
    archive.add("bin/busybox", 0o100_755, &fs_err::read(root.join("usr/bin/busybox"))?);
    let mut script = "#!/bin/busybox sh\n/bin/busybox mount -t devtmpfs dev /dev\n".to_owned();
    for (number, module) in ordered(&modules)?.iter().enumerate() {
        archive.add(
            &format!("modules/{number}.ko"),
            0o100_644,
            &unpacked(&modules.join(module))?,
        );
        // writing to a string cannot fail
        let _ = writeln!(script, "/bin/busybox insmod /modules/{number}.ko || echo no {module}");
    }
    script.push_str(
        "until /bin/busybox mount -t ext4 /dev/vda /mnt 2>/dev/null; do /bin/busybox sleep 0.1; done\n\
         /bin/busybox mount --move /dev /mnt/dev\n\
         exec /bin/busybox switch_root /mnt /usr/lib/systemd/systemd\n",
    );
    archive.add("init", 0o100_755, script.as_bytes());
    let path = folder.join("initrd");
    fs_err::write(&path, archive.finish())?;
    Ok(path)
}

/// The wanted modules and what they depend on, each after its dependencies.
fn ordered(modules: &Path) -> anyhow::Result<Vec<String>> {
    let table = fs_err::read_to_string(modules.join("modules.dep"))?;
    let mut order: Vec<String> = Vec::new();
    for wanted in WANTED {
        let line = table.lines().find(|line| {
            let file = line
                .split(':')
                .next()
                .unwrap_or_default()
                .rsplit('/')
                .next()
                .unwrap_or_default();
            file.split('.').next() == Some(wanted)
        });
        // one that is not listed is built in
        let Some((module, needs)) = line.and_then(|line| line.split_once(':')) else {
            continue;
        };
        let chain = needs.split_whitespace().rev().chain([module]);
        order.extend(chain.map(str::to_owned));
    }
    let mut seen = std::collections::HashSet::new();
    order.retain(|module| seen.insert(module.clone()));
    Ok(order)
}

fn unpacked(module: &Path) -> anyhow::Result<Vec<u8>> {
    if module.extension().is_some_and(|extension| extension == "xz") {
        let output = Command::new("xz").arg("-dc").arg(module).output().context("xz")?;
        ensure!(output.status.success(), "xz -dc {}", module.display());
        return Ok(output.stdout);
    }
    Ok(fs_err::read(module)?)
}

/// The kernel's archive format, "newc".
#[derive(Default)]
struct Cpio {
    bytes: Vec<u8>,
    number: u32,
}

impl Cpio {
    fn add(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.number += 1;
        let fields = [
            self.number,
            mode,
            0,
            0,
            1,
            0,
            content.len() as u32,
            0,
            0,
            0,
            0,
            name.len() as u32 + 1,
            0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend_from_slice(content);
        self.align();
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.add("TRAILER!!!", 0, &[]);
        self.bytes
    }
}

//! A container engine of a test's own, to be stopped and started at will. It lives in namespaces of its own (network, mounts,
//! processes), so it cannot disturb the machine's engine, and nothing of it outlives the namespaces' first process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use crate::{Run as _, until};

/// A running engine; gone when dropped.
#[derive(Debug)]
pub struct Engine {
    folder: tempfile::TempDir,
    /// First process of the namespaces; all others end with it.
    holder: Child,
    /// That process's child, as this machine numbers it.
    inside: u32,
    /// Group below which the engine puts its containers.
    group: String,
}

impl Engine {
    /// Starts an engine with storage and settings that work wherever the machine's own engine works. `name` must be unique.
    pub fn start(name: &str) -> anyhow::Result<Self> {
        // on disk: the storage drivers do not work on a tmpfs that /tmp may be
        let folder = tempfile::Builder::new()
            .prefix("rkube-engine-")
            .tempdir_in("/var/tmp")?;
        let holder = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            // a shell, because the first process has to reap: a dead containerd must not seem to run
            .args(["sh", "-c", "while sleep 0.2; do :; done"])
            .stdin(Stdio::null())
            .spawn()
            .context("unshare")?;
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let mut engine = Self {
            folder,
            holder,
            inside: 0,
            group: format!("/{name}"),
        };
        engine.inside = until("the namespaces", 10, || {
            let children = fs_err::read_to_string(&children)?;
            let child: u32 = children.trim().parse().context("no process in them yet")?;
            let program = fs_err::read_to_string(format!("/proc/{child}/comm"))?;
            if program.trim() == "sh" {
                Ok(child)
            } else {
                bail!("{program}")
            }
        })?;
        engine
            .enter(&["ip", "link", "set", "lo", "up"])
            .run()?
            .ok()
            .context("loopback device")?;
        engine.run()?;
        Ok(engine)
    }

    /// `DOCKER_HOST` of this engine.
    pub fn address(&self) -> String {
        format!("unix://{}", self.path("docker.sock").display())
    }

    /// Starts the engine's process again, and waits until it answers.
    pub fn run(&self) -> anyhow::Result<()> {
        let driver = Command::new("docker")
            .args(["info", "--format", "{{.Driver}}"])
            .run()?
            .ok()?;
        let log = fs_err::File::create(self.path("log"))?;
        let file = |name: &str| self.path(name).to_string_lossy().into_owned();
        let mut command = self.enter(&["dockerd", "--config-file", &file("no-config.json")]);
        command
            .args(["--data-root", &file("data"), "--exec-root", &file("run")])
            .args(["--pidfile", &file("pid"), "--host", &self.address()])
            .args(["--bridge", "none", "--cgroup-parent", &self.group])
            .args(["--storage-driver", driver.trim()])
            .stdin(Stdio::null())
            .stdout(log.file().try_clone()?)
            .stderr(log.into_file());
        fs_err::write(self.path("no-config.json"), "{}")?;
        // the handle may go: the process is found by its file, and ends with the namespaces at the latest
        drop(command.spawn().context("dockerd")?);
        until("the engine", 60, || self.docker(&["version"]))
            .with_context(|| fs_err::read_to_string(self.path("log")).unwrap_or_default())?;
        Ok(())
    }

    /// Sends the engine's process a signal and waits for its end.
    pub fn end(&self, signal: &str) -> anyhow::Result<()> {
        let pid = fs_err::read_to_string(self.path("pid"))?.trim().to_owned();
        self.enter(&["kill", signal, &pid]).run()?.ok()?;
        until("the engine's end", 60, || {
            if self.enter(&["kill", "-0", &pid]).run()?.code == 0 {
                bail!("process {pid} is there")
            }
            Ok(())
        })?;
        // a killed process leaves it behind, and the next one would think that it still runs
        let _ = fs_err::remove_file(self.path("pid"));
        Ok(())
    }

    /// Runs the engine's client, which must succeed.
    pub fn docker(&self, args: &[&str]) -> anyhow::Result<String> {
        Command::new("docker")
            .args(args)
            .env("DOCKER_HOST", self.address())
            .run()?
            .ok()
    }

    /// A command, made to use this engine and its network.
    pub fn within(&self, command: &Command) -> Command {
        let mut moved = Command::new("nsenter");
        moved
            .arg(format!("--net=/proc/{}/ns/net", self.inside))
            .arg(command.get_program())
            .args(command.get_args())
            .env("DOCKER_HOST", self.address());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => moved.env(name, value),
                None => moved.env_remove(name),
            };
        }
        moved
    }

    fn enter(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.inside.to_string(), "--net", "--mount", "--pid", "--"])
            .args(words);
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // first in order, so that runtimes take their mounts and groups away; then the namespaces, with all that is left
        drop(self.end("-TERM"));
        drop(self.holder.kill());
        drop(self.holder.wait());
        drop(until("the namespaces' end", 10, || {
            if Path::new(&format!("/proc/{}", self.inside)).exists() {
                bail!("process {} is there", self.inside)
            }
            Ok(())
        }));
        let root = Path::new("/sys/fs/cgroup");
        let group = self.group.trim_start_matches('/');
        drop(remove_groups(&root.join(group)));
        for hierarchy in fs_err::read_dir(root).into_iter().flatten().flatten() {
            drop(remove_groups(&hierarchy.path().join(group)));
        }
    }
}

/// Removes a control group and those below it.
fn remove_groups(group: &Path) -> std::io::Result<()> {
    for entry in fs_err::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_groups(&entry.path())?;
        }
    }
    fs_err::remove_dir(group)
}

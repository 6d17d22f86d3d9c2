//! Running the release binary and kubectl, and timing what is waited for.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::release;

const DEADLINE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(10);

/// A cluster under measurement, with files of its own.
pub(super) struct Bench {
    pub(super) name: &'static str,
    binary: PathBuf,
    home: PathBuf,
    folder: tempfile::TempDir,
}

impl Bench {
    /// Builds the release binary and prepares a home folder that keeps downloads.
    pub(super) fn new(workspace: &Path, name: &'static str) -> anyhow::Result<Self> {
        let binary = release::build(workspace)?;
        let home = binary.with_file_name("bench-home");
        fs_err::create_dir_all(&home)?;
        Ok(Self {
            name,
            binary,
            home,
            folder: tempfile::tempdir()?,
        })
    }

    pub(super) fn binary(&self) -> &Path {
        &self.binary
    }

    /// A command of rkube.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(["--profile", self.name])
            .args(args)
            .env("RKUBE_HOME", &self.home)
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"));
        command
    }

    /// Runs rkube; gives its standard output and the time it took.
    pub(super) fn rkube(&self, args: &[&str]) -> anyhow::Result<(String, Duration)> {
        self.finish(&mut self.command(args))
    }

    /// Runs kubectl.
    pub(super) fn kubectl(&self, args: &[&str]) -> anyhow::Result<String> {
        Ok(self.finish(Command::new("kubectl").args(args))?.0)
    }

    /// Time until kubectl's output satisfies `is`.
    pub(super) fn until(&self, args: &[&str], is: impl Fn(&str) -> bool) -> anyhow::Result<Duration> {
        let began = Instant::now();
        loop {
            let seen = self.kubectl(args);
            if seen.as_ref().is_ok_and(|text| is(text)) {
                return Ok(began.elapsed());
            }
            if began.elapsed() > DEADLINE {
                bail!("kubectl {} said, after {DEADLINE:?}: {seen:?}", args.join(" "));
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn finish(&self, command: &mut Command) -> anyhow::Result<(String, Duration)> {
        let began = Instant::now();
        let output = command
            .env("KUBECONFIG", self.folder.path().join("kubeconfig"))
            .output()?;
        let took = began.elapsed();
        if !output.status.success() {
            bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), took))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(self.rkube(&["delete"]));
    }
}

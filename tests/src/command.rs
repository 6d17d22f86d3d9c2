//! Running programs: with a deadline, and errors that show what they printed.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// Longer than any single command of the tests takes on a slow machine, composing the node image included.
const DEADLINE: Duration = Duration::from_mins(10);

/// How a program ended and what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit code; -1 for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// The output of a program that must have succeeded.
    pub fn ok(self) -> anyhow::Result<String> {
        if self.code != 0 {
            bail!(
                "exit code {}\nstdout: {}\nstderr: {}",
                self.code,
                self.stdout.trim(),
                self.stderr.trim()
            );
        }
        Ok(self.stdout)
    }

    /// The errors of a program that must have failed with this exit code.
    pub fn failed(self, code: i32) -> anyhow::Result<String> {
        if self.code != code {
            bail!(
                "exit code {} instead of {code}\n{}\n{}",
                self.code,
                self.stdout.trim(),
                self.stderr.trim()
            );
        }
        Ok(self.stderr)
    }
}

/// Runs a command to its end.
pub trait Run {
    /// Runs without input.
    fn run(&mut self) -> anyhow::Result<Output>;
    /// Runs with `input` on standard input.
    fn run_with(&mut self, input: &str) -> anyhow::Result<Output>;
}

impl Run for Command {
    fn run(&mut self) -> anyhow::Result<Output> {
        self.stdin(Stdio::null());
        finish(self)
    }

    fn run_with(&mut self, input: &str) -> anyhow::Result<Output> {
        let mut file = tempfile::tempfile()?;
        std::io::Write::write_all(&mut file, input.as_bytes())?;
        std::io::Seek::rewind(&mut file)?;
        self.stdin(file);
        finish(self)
    }
}

fn finish(command: &mut Command) -> anyhow::Result<Output> {
    let shown = format!("{command:?}");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {shown}"))?;
    let (Some(mut stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        bail!("no pipes for {shown}");
    };
    let out = std::thread::spawn(move || {
        let mut text = Vec::new();
        stdout.read_to_end(&mut text).map(|_| text)
    });
    let err = std::thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).map(|_| text)
    });
    let end = Instant::now() + DEADLINE;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > end {
            child.kill()?;
            bail!("{shown} did not end in {DEADLINE:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let text = |bytes: std::thread::Result<std::io::Result<Vec<u8>>>| match bytes {
        Ok(Ok(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        _ => String::new(),
    };
    Ok(Output {
        code: status.code().unwrap_or(-1),
        stdout: text(out.join()),
        stderr: text(err.join()),
    })
}

//! One supervised child process: its command, its output and when to start it again.

use std::io::{self, PipeReader, PipeWriter, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::log::LogFile;

const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);
/// A child that lived this long starts over with the shortest back-off.
const SETTLED: Duration = Duration::from_secs(30);

/// What a child is started with.
#[derive(Debug)]
pub(super) struct Recipe {
    pub(super) name: &'static str,
    pub(super) program: &'static str,
    pub(super) args: &'static [&'static str],
    pub(super) env: &'static [(&'static str, &'static str)],
}

/// A child across its incarnations. The pipe outlives them, so output of orphaned grandchildren is kept too.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) recipe: Recipe,
    pub(super) output: PipeReader,
    input: PipeWriter,
    log: LogFile,
    /// The node is stopping: it is not started again.
    pub(super) last: bool,
    pid: Option<Pid>,
    started: Instant,
    next_start: Instant,
    backoff: Duration,
}

impl Child {
    pub(super) fn new(recipe: Recipe, log: LogFile) -> io::Result<Self> {
        let (output, input) = io::pipe()?;
        rustix::io::ioctl_fionbio(&output, true)?;
        let now = Instant::now();
        Ok(Self {
            recipe,
            output,
            input,
            log,
            last: false,
            pid: None,
            started: now,
            next_start: now,
            backoff: FIRST_BACKOFF,
        })
    }

    pub(super) fn running(&self) -> bool {
        self.pid.is_some()
    }

    /// When a start is due; `None` while it runs.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pid.is_none().then_some(self.next_start)
    }

    /// Starts the process and leaves its PID in `/run/rkube/<name>.pid`.
    pub(super) fn start(&mut self) {
        self.started = Instant::now();
        match self.spawn() {
            Ok(pid) => {
                self.pid = Some(pid);
                let _ = fs_err::write(self.pid_file(), format!("{}\n", pid.as_raw_nonzero()));
            }
            Err(error) => {
                self.log.line(&format!("cannot start {}: {error}", self.recipe.program));
                self.delay();
            }
        }
    }

    /// Takes note if the reaped process is this child.
    pub(super) fn reaped(&mut self, pid: Pid, how: &str) -> bool {
        if self.pid != Some(pid) {
            return false;
        }
        self.pid = None;
        let _ = fs_err::remove_file(self.pid_file());
        self.drain();
        if self.last {
            self.log.line(&format!("{} {how}", self.recipe.name));
            return true;
        }
        self.delay();
        let wait = self.next_start.saturating_duration_since(Instant::now()).as_millis();
        self.log
            .line(&format!("{} {how}; starting it again in {wait} ms", self.recipe.name));
        true
    }

    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid {
            let _ = kill_process(pid, signal);
        }
    }

    /// Copies what the child wrote to the logs.
    pub(super) fn drain(&mut self) {
        let mut buffer = [0_u8; 8192];
        while let Ok(count) = self.output.read(&mut buffer) {
            if count == 0 {
                break;
            }
            self.log.write(&buffer[..count]);
        }
    }

    fn spawn(&self) -> io::Result<Pid> {
        let child = Command::new(self.recipe.program)
            .args(self.recipe.args)
            .envs(self.recipe.env.iter().copied())
            .stdin(std::process::Stdio::null())
            .stdout(self.input.try_clone()?)
            .stderr(self.input.try_clone()?)
            .process_group(0)
            .spawn()?;
        // Dropping the handle neither waits nor kills: the reaper in `init` sees the end of every process.
        Pid::from_raw(child.id() as i32).ok_or_else(|| io::Error::other("the kernel gave no process id"))
    }

    fn delay(&mut self) {
        if self.started.elapsed() > SETTLED {
            self.backoff = FIRST_BACKOFF;
        }
        self.next_start = Instant::now() + self.backoff;
        self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
    }

    fn pid_file(&self) -> String {
        format!("/run/rkube/{}.pid", self.recipe.name)
    }
}

//! `rkube node pause`: freezes the agent's process where it stands, and lets it go on. Pods and containerd are not touched.
//!
//! By the freezer of control groups, which a process can neither notice nor undo; by SIGSTOP where there is none.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const PID_FILE: &str = "/run/rkube/node.pid";
const UNIFIED: &str = "/sys/fs/cgroup";
const FREEZER: &str = "/sys/fs/cgroup/freezer";
const GROUP: &str = "rkube-paused";
/// Freezing takes as long as the slowest system call in flight.
const DEADLINE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// A group that holds the frozen process, and how it is frozen.
struct Freezer {
    group: PathBuf,
    /// Where the process goes when it is let go.
    home: PathBuf,
    /// Control file, and what to write for frozen and thawed.
    control: &'static str,
    words: (&'static str, &'static str),
    /// File and line that tell that all are frozen.
    state: (&'static str, &'static str),
}

impl Freezer {
    fn find() -> Option<Self> {
        if Path::new(UNIFIED).join("cgroup.controllers").exists() {
            // the root has children and may hold no process; init and its children live in this leaf
            let home = Path::new(UNIFIED).join("init");
            return Some(Self {
                group: Path::new(UNIFIED).join(GROUP),
                home: if home.exists() { home } else { UNIFIED.into() },
                control: "cgroup.freeze",
                words: ("1", "0"),
                state: ("cgroup.events", "frozen 1"),
            });
        }
        Path::new(FREEZER).exists().then(|| Self {
            group: Path::new(FREEZER).join(GROUP),
            home: FREEZER.into(),
            control: "freezer.state",
            words: ("FROZEN", "THAWED"),
            state: ("freezer.state", "FROZEN"),
        })
    }

    fn freeze(&self, pid: Pid) -> io::Result<()> {
        fs_err::create_dir_all(&self.group)?;
        fs_err::write(self.group.join("cgroup.procs"), pid.as_raw_nonzero().to_string())?;
        fs_err::write(self.group.join(self.control), self.words.0)?;
        let end = Instant::now() + DEADLINE;
        while !self.frozen() {
            if Instant::now() >= end {
                self.thaw()?;
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the process does not freeze"));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn thaw(&self) -> io::Result<()> {
        fs_err::write(self.group.join(self.control), self.words.1)?;
        for pid in fs_err::read_to_string(self.group.join("cgroup.procs"))?.lines() {
            // one that has ended meanwhile need not move
            let _ = fs_err::write(self.home.join("cgroup.procs"), pid);
        }
        fs_err::remove_dir(&self.group)
    }

    fn frozen(&self) -> bool {
        let (file, line) = self.state;
        fs_err::read_to_string(self.group.join(file)).is_ok_and(|text| text.lines().any(|one| one == line))
    }
}

/// Freezes the agent; says `paused`.
pub fn pause() -> io::Result<&'static str> {
    let pid = agent()?;
    if !is_frozen(pid) && Freezer::find().is_none_or(|freezer| freezer.freeze(pid).is_err()) {
        kill_process(pid, Signal::STOP)?;
    }
    Ok("paused")
}

/// Lets the agent go on; says `resumed`, or `running` if it was not frozen.
pub fn unpause() -> io::Result<&'static str> {
    let pid = agent()?;
    if !is_frozen(pid) {
        return Ok("running");
    }
    if let Some(freezer) = Freezer::find()
        && freezer.group.exists()
    {
        freezer.thaw()?;
    }
    kill_process(pid, Signal::CONT)?;
    Ok("resumed")
}

/// Lets go whatever is frozen, before the node ends.
pub(crate) fn thaw_all() -> io::Result<()> {
    match Freezer::find() {
        Some(freezer) if freezer.group.exists() => freezer.thaw(),
        _ => Ok(()),
    }
}

/// Says `true` or `false`.
pub fn paused() -> io::Result<&'static str> {
    Ok(if is_frozen(agent()?) { "true" } else { "false" })
}

fn is_frozen(pid: Pid) -> bool {
    Freezer::find().is_some_and(|freezer| freezer.frozen()) || is_stopped(pid)
}

/// State `T` of `/proc/<pid>/stat`, behind the name in parentheses.
fn is_stopped(pid: Pid) -> bool {
    let stat = fs_err::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
}

fn agent() -> io::Result<Pid> {
    let text = fs_err::read_to_string(PID_FILE)?;
    let pid = text.trim().parse().ok().and_then(Pid::from_raw);
    pid.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{PID_FILE}: {text:?}")))
}

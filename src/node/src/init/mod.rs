//! `rkube init`, PID 1 of a node: boot fixes, then its children kept alive independently of one another.
//!
//! Single-threaded, no runtime, no network: so small that it has nothing to crash with. It may not know of pods.

mod child;
mod containerd;
mod fixes;
mod log;
mod pause;
mod shutdown;

use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal as NixSignal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nodespec::{NodeConfig, paths};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{WaitOptions, wait};

use child::{Child, Recipe};
use log::LogFile;
pub use pause::pause_container;

/// Why init could not begin.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The node's configuration is missing or malformed.
    #[error("cannot read the node's configuration {}", paths::CONFIG)]
    Config(#[source] io::Error),
    /// Signals, pipes or folders that init itself needs.
    #[error("cannot set up init")]
    Setup(#[from] io::Error),
}

/// Runs until told to stop by a signal; returns the exit code.
pub fn run() -> Result<u8, InitError> {
    for folder in [
        "/run/rkube",
        "/run/containerd",
        paths::LOGS,
        "/var/lib/rkube",
        "/var/lib/containerd",
    ] {
        fs_err::create_dir_all(folder)?;
    }
    let mut own = LogFile::open(paths::LOGS, "init");
    let config = read_config().map_err(InitError::Config)?;
    own.line(&format!(
        "node {} of cluster {}, rkube {}",
        config.name,
        config.cluster,
        env!("CARGO_PKG_VERSION")
    ));
    let signals = signals()?;
    let facts = fixes::run(&config, |line| own.line(line));
    if let Err(error) = containerd::configure(&config, &facts) {
        // on a full disk, for example: what an earlier boot wrote is better than a node that does not come up
        own.line(&format!("containerd keeps its configuration: {error}"));
    }
    let mut children = [
        Child::new(containerd_recipe(), LogFile::open(paths::LOGS, "containerd"))?,
        Child::new(resolver_recipe(), LogFile::open(paths::LOGS, "resolver"))?,
        Child::new(node_recipe(), LogFile::open(paths::LOGS, "node"))?,
    ];
    loop {
        for child in &mut children {
            if child.due().is_some_and(|due| due <= Instant::now()) {
                child.start();
            }
        }
        wait_for_event(&signals, &children)?;
        for child in &mut children {
            child.drain();
        }
        let mut stop = false;
        while let Ok(Some(signal)) = signals.read_signal() {
            stop |= signal.ssi_signo != NixSignal::SIGCHLD as u32;
        }
        reap(&mut children);
        if stop {
            shutdown::run(&mut children, &signals, &mut own);
            return Ok(0);
        }
    }
}

fn containerd_recipe() -> Recipe {
    Recipe {
        name: "containerd",
        program: "/usr/bin/containerd",
        args: &["--config", containerd::CONFIG],
        // A small heap that is returned early: containerd idles between bursts of pod starts.
        env: &[("GOGC", "50"), ("GODEBUG", "madvdontneed=1")],
    }
}

fn node_recipe() -> Recipe {
    Recipe {
        name: "node",
        program: paths::BINARY,
        args: &["node"],
        // Few threads, short bursts: more arenas would only hold on to memory.
        env: &[("MALLOC_ARENA_MAX", "2")],
    }
}

fn resolver_recipe() -> Recipe {
    Recipe {
        name: "resolver",
        program: paths::BINARY,
        args: &["node", "resolver"],
        env: &[("MALLOC_ARENA_MAX", "1")],
    }
}

fn read_config() -> io::Result<NodeConfig> {
    let text = fs_err::read(paths::CONFIG)?;
    serde_json::from_slice(&text).map_err(io::Error::from)
}

/// Lets signals through again in a child of init, which blocks those that it reads from a descriptor: what is blocked is
/// inherited, and an agent that never hears of SIGTERM is killed in the end.
pub fn unblock_signals() -> io::Result<()> {
    SigSet::all().thread_unblock()?;
    Ok(())
}

/// Blocks the signals init acts on and delivers them through a descriptor.
fn signals() -> io::Result<SignalFd> {
    let mut set = SigSet::empty();
    for signal in [
        NixSignal::SIGCHLD,
        NixSignal::SIGTERM,
        NixSignal::SIGINT,
        NixSignal::SIGPWR,
    ] {
        set.add(signal);
    }
    set.thread_block()?;
    Ok(SignalFd::with_flags(
        &set,
        SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC,
    )?)
}

/// Sleeps until a signal, output of a child, or the next start that is due.
fn wait_for_event(signals: &SignalFd, children: &[Child]) -> io::Result<()> {
    let due = children.iter().filter_map(Child::due).min();
    let timeout = due.map(|due| {
        due.saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1))
    });
    wait_until(signals, children, timeout)
}

fn wait_until(signals: &SignalFd, children: &[Child], timeout: Option<Duration>) -> io::Result<()> {
    let mut descriptors = vec![PollFd::new(signals, PollFlags::IN)];
    descriptors.extend(children.iter().map(|child| PollFd::new(&child.output, PollFlags::IN)));
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match poll(&mut descriptors, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Collects every ended process: our children, and orphans of theirs such as containerd's shims.
fn reap(children: &mut [Child]) {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        let how = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => format!("ended with exit code {code}"),
            (None, Some(signal)) => format!("was killed by signal {signal}"),
            (None, None) => continue,
        };
        for child in children.iter_mut() {
            if child.reaped(pid, &how) {
                break;
            }
        }
    }
}

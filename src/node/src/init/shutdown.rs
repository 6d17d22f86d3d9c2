//! Orderly shutdown within the engine's stop timeout: `rkube node` first, so that nothing restarts what is being
//! stopped; then pods' containers; then containerd.

use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signalfd::SignalFd;
use nodespec::paths;
use rustix::process::Signal;

use super::child::Child;
use super::log::LogFile;
use super::{reap, wait_until};
use crate::freeze;

const NODE_DEADLINE: Duration = Duration::from_millis(700);
const PODS_DEADLINE: Duration = Duration::from_millis(1200);
const RESOLVER_DEADLINE: Duration = Duration::from_millis(50);
const CONTAINERD_DEADLINE: Duration = Duration::from_millis(300);

/// Stops everything. Whatever is left dies with PID 1's namespace.
pub(super) fn run(children: &mut [Child], signals: &SignalFd, log: &mut LogFile) {
    log.line("stopping");
    children.iter_mut().for_each(|child| child.last = true);
    // a frozen agent takes no signal, on control groups v1 not even SIGKILL, and the namespace ends with its last process
    if let Err(error) = freeze::thaw_all() {
        log.line(&format!("the paused agent cannot be let go: {error}"));
    }
    stop(children, "node", NODE_DEADLINE, signals);
    stop_pods(children, signals, log);
    stop(children, "resolver", RESOLVER_DEADLINE, signals);
    stop(children, "containerd", CONTAINERD_DEADLINE, signals);
    rustix::fs::sync();
    log.line("stopped");
}

fn stop(children: &mut [Child], name: &str, deadline: Duration, signals: &SignalFd) {
    let Some(index) = children.iter().position(|child| child.recipe.name == name) else {
        return;
    };
    children[index].signal(Signal::TERM);
    let until = Instant::now() + deadline;
    while children[index].running() && step(children, signals, until) {}
    if children[index].running() {
        children[index].signal(Signal::KILL);
    }
}

/// A process of its own does it: speaking CRI takes a runtime that PID 1 does without.
fn stop_pods(children: &mut [Child], signals: &SignalFd, log: &mut LogFile) {
    let Ok(mut process) = Command::new(paths::BINARY).args(["node", "stop-pods"]).spawn() else {
        log.line("cannot run `rkube node stop-pods`; containers are killed without grace");
        return;
    };
    let until = Instant::now() + PODS_DEADLINE;
    while matches!(process.try_wait(), Ok(None)) {
        if !step(children, signals, until) {
            let _ = process.kill();
            break;
        }
    }
}

/// Waits for one event; false once `until` has passed.
fn step(children: &mut [Child], signals: &SignalFd, until: Instant) -> bool {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return false;
    }
    // Short waits: the child that stops pods may be reaped here before its own handle sees the end.
    let _ = wait_until(signals, children, Some(left.min(Duration::from_millis(20))));
    while let Ok(Some(_)) = signals.read_signal() {}
    for child in children.iter_mut() {
        child.drain();
    }
    reap(children);
    true
}

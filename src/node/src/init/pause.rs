//! `rkube pause-container`: the process that holds a pod's namespaces open.
//!
//! Reaps zombies when pods share a PID namespace. No threads, no runtime: its memory is paid once per pod.

use std::io;

use nix::sys::signal::{SigSet, Signal};
use rustix::process::{WaitOptions, wait};

/// Waits for a signal to end; returns the exit code.
pub fn pause_container() -> io::Result<u8> {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT] {
        set.add(signal);
    }
    set.thread_block()?;
    loop {
        if set.wait()? != Signal::SIGCHLD {
            return Ok(0);
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}

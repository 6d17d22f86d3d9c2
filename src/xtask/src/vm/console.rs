//! The machine's serial console: what its check says, and when it is over.

use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

const DEADLINE: Duration = Duration::from_mins(25);
/// Console lines an error shows.
const TAIL: usize = 30;

/// Prints the check's lines; fails if one of them says so or the end does not come.
pub(super) fn follow(mut child: Child) -> anyhow::Result<()> {
    let mut console = BufReader::new(child.stdout.take().context("no console")?);
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut line = Vec::new();
        while console.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            if sender
                .send(String::from_utf8_lossy(&line).trim_end().to_owned())
                .is_err()
            {
                return;
            }
            line.clear();
        }
    });
    let (began, mut all, mut failed) = (Instant::now(), Vec::new(), false);
    let verdict = loop {
        match lines.recv_timeout(DEADLINE.saturating_sub(began.elapsed())) {
            Ok(line) => {
                if let Some((_, said)) = line.split_once("check: ") {
                    if said == "end" {
                        break Ok(());
                    }
                    failed |= said.starts_with("FAIL");
                    say(&format!("{:>5} s  {said}", began.elapsed().as_secs()));
                }
                all.push(line);
            }
            Err(RecvTimeoutError::Timeout) => break Err("the machine's check did not end in time"),
            Err(RecvTimeoutError::Disconnected) => break Err("the machine ended without a verdict"),
        }
    };
    child.kill()?;
    child.wait()?;
    if let Err(reason) = verdict {
        bail!(
            "{reason}; last lines of its console:\n{}",
            all[all.len().saturating_sub(TAIL)..].join("\n")
        );
    }
    if failed {
        bail!("a check failed in the machine");
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what the machine said is the result")]
fn say(line: &str) {
    println!("{line}");
}

//! Waiting for a condition.

use std::time::{Duration, Instant};

use anyhow::anyhow;

const PAUSE: Duration = Duration::from_millis(50);

/// Looks until `look` succeeds; fails with what it last said.
pub fn until<T>(what: &str, seconds: u64, mut look: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(seen) if Instant::now() > end => {
                return Err(anyhow!("{what}: not after {seconds} s; last seen: {seen:#}"));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

//! Waiting for a condition.

use std::time::{Duration, Instant};

use anyhow::anyhow;

const PAUSE: Duration = Duration::from_millis(50);
/// Tests say how long an idle machine takes; two cores that do other things as well take longer. Only a test that fails waits
/// for it.
const SLOWER: u64 = 4;

/// Looks until `look` succeeds; fails with what it last said.
pub fn until<T>(what: &str, seconds: u64, mut look: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let seconds = seconds * SLOWER;
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

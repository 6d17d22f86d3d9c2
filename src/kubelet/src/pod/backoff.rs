//! Growing delays per key: 10 s to 5 min, forgotten after twice the longest.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_mins(5);

#[derive(Debug, Clone, Copy)]
struct Entry {
    delay: Duration,
    updated: Timestamp,
}

/// Delays of one pod's containers and images.
#[derive(Debug, Default)]
pub(crate) struct Backoff(HashMap<String, Entry>);

fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

impl Backoff {
    /// How long the key is still held back for what happened at `event`; `None` if it may go on. The delay is also given
    /// in full, as messages show it.
    pub(crate) fn held(&self, key: &str, event: Timestamp, now: Timestamp) -> Option<(Duration, Duration)> {
        let entry = self
            .0
            .get(key)
            .filter(|entry| since(entry.updated, now) < LONGEST * 2)?;
        let left = entry
            .delay
            .checked_sub(since(event, now))
            .filter(|left| !left.is_zero())?;
        Some((left, entry.delay))
    }

    /// Notes one more attempt.
    pub(crate) fn next(&mut self, key: &str, now: Timestamp) {
        let fresh = self.0.get(key).filter(|entry| since(entry.updated, now) < LONGEST * 2);
        let delay = fresh.map_or(FIRST, |entry| (entry.delay * 2).min(LONGEST));
        self.0.insert(key.to_owned(), Entry { delay, updated: now });
    }

    /// Forgets the key.
    pub(crate) fn clear(&mut self, key: &str) {
        self.0.remove(key);
    }
}

/// A duration as Go prints it, for messages that users compare: `10s`, `1m20s`, `5m0s`.
pub(crate) fn go_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn delays_double_and_are_forgotten() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.held("k", at(0), at(0)), None);
        backoff.next("k", at(0));
        assert_eq!(backoff.held("k", at(0), at(4)), Some((Duration::from_secs(6), FIRST)));
        assert_eq!(backoff.held("k", at(0), at(10)), None);
        for _ in 0..10 {
            backoff.next("k", at(10));
        }
        assert_eq!(backoff.held("k", at(10), at(10)), Some((LONGEST, LONGEST)));
        assert_eq!(backoff.held("k", at(700), at(700)), None);
    }

    #[test]
    fn durations_read_as_in_go() {
        assert_eq!(go_duration(Duration::from_secs(10)), "10s");
        assert_eq!(go_duration(LONGEST), "5m0s");
    }
}

//! Processor use as a rate: between the newest measurement and one that lies long enough before it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// Shorter spans would show single bursts.
const SPAN: i64 = 10_000_000_000;

#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Nanoseconds since the epoch, and of processor time.
    at: i64,
    cpu: u64,
}

#[derive(Debug, Clone, Copy)]
struct Pair {
    before: Option<Seen>,
    last: Seen,
}

/// Measurements of the past, by group.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<String, Pair>>);

impl Rates {
    /// Notes a measurement; gives nano-cores once there was one before.
    pub(crate) fn note(&self, group: &str, at: Timestamp, cpu: u64) -> Option<u64> {
        let at = i64::try_from(at.as_nanosecond()).unwrap_or_default();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Seen { at, cpu };
        let pair = all.entry(group.to_owned()).or_insert(Pair {
            before: None,
            last: now,
        });
        if at - pair.last.at >= SPAN {
            pair.before = Some(pair.last);
            pair.last = now;
        }
        // less than a span after the last one, the one before it still serves
        let base = pair.before.unwrap_or(pair.last);
        let span = at - base.at;
        if span <= 0 || cpu < base.cpu {
            return None;
        }
        let nanos = u128::from(cpu - base.cpu) * 1_000_000_000 / u128::from(span.unsigned_abs());
        u64::try_from(nanos).ok()
    }

    /// Forgets groups that are gone.
    pub(crate) fn keep(&self, is_there: impl Fn(&str) -> bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|group, _| is_there(group));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_spans_at_least_ten_seconds_once_it_can() {
        let rates = Rates::default();
        let at = |seconds: i64| Timestamp::from_second(1_700_000_000 + seconds).unwrap();
        assert_eq!(rates.note("a", at(0), 0), None);
        assert_eq!(rates.note("a", at(5), 5_000_000_000), Some(1_000_000_000));
        assert_eq!(rates.note("a", at(20), 10_000_000_000), Some(500_000_000));
        // twenty-one seconds, although the last question was a second ago
        assert_eq!(rates.note("a", at(21), 10_000_000_000), Some(476_190_476));
        // a new container of the same name
        assert_eq!(rates.note("a", at(40), 1), None);
    }
}

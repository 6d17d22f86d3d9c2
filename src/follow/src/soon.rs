//! How soon a broken watch is tried again: the API is on this machine or next to it, so soon.

use std::time::Duration;

use kube::runtime::utils::Backoff;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// Doubles from 0.1 s to 2 s. The client library's default goes to 30 s, which a user of a local cluster would notice
/// after every restart of the control plane.
#[derive(Debug, Default)]
pub struct Soon(Option<Duration>);

impl Iterator for Soon {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let delay = self.0.map_or(FIRST, |last| (last * 2).min(LONGEST));
        self.0 = Some(delay);
        self.0
    }
}

impl Backoff for Soon {
    fn reset(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_start_over() {
        let mut soon = Soon::default();
        let millis: Vec<u128> = soon.by_ref().take(7).map(|delay| delay.as_millis()).collect();
        assert_eq!(millis, [100, 200, 400, 800, 1600, 2000, 2000]);
        soon.reset();
        assert_eq!(soon.next(), Some(FIRST));
    }
}

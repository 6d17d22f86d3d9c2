//! When gathered changes are applied to the kernel.

use std::time::Duration;

use tokio::time::Instant;

/// Changes that come within this time are applied together.
const GATHER: Duration = Duration::from_millis(10);
/// After a failed transaction everything is made anew, this much later.
const RETRY: Duration = Duration::from_secs(1);

/// Soon after a change; but applying thousands of objects that come one by one leaves as much time for other work.
#[derive(Debug)]
pub(crate) struct Pace {
    due: Option<Instant>,
    gather: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            due: None,
            gather: GATHER,
        }
    }
}

impl Pace {
    /// Something is to be applied.
    pub(crate) fn changed(&mut self) {
        self.due.get_or_insert_with(|| Instant::now() + self.gather);
    }

    /// Ends when it is time to apply; never if nothing is to be applied.
    pub(crate) fn wait(&self) -> impl Future<Output = ()> + use<> {
        let due = self.due;
        async move {
            match due {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }

    /// What began then has been applied, or has failed.
    pub(crate) fn applied(&mut self, begun: Instant, succeeded: bool) {
        self.gather = GATHER.max(begun.elapsed());
        self.due = (!succeeded).then(|| Instant::now() + RETRY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn changes_are_gathered_for_as_long_as_the_last_time_took() {
        let mut pace = Pace::default();
        let waited = async |pace: &Pace| {
            let begun = Instant::now();
            pace.wait().await;
            begun.elapsed()
        };
        pace.changed();
        assert_eq!(waited(&pace).await, GATHER);
        let begun = Instant::now();
        tokio::time::advance(Duration::from_millis(300)).await;
        pace.applied(begun, true);
        pace.changed();
        pace.changed();
        assert_eq!(waited(&pace).await, Duration::from_millis(300));
        pace.applied(Instant::now(), false);
        assert_eq!(waited(&pace).await, RETRY);
    }
}

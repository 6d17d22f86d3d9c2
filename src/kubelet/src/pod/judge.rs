//! Whether the pod's time is up: deleted, failed by somebody else, or past its deadline.

use std::time::Duration;

use jiff::Timestamp;

use super::actor::{Actor, Life};

impl Actor {
    /// Decides whether the pod's time is up.
    pub(super) fn judge(&mut self) {
        if self.life != Life::Running {
            return;
        }
        if self.removed || self.pod.metadata.deletion_timestamp.is_some() {
            self.life = Life::Ending;
            return;
        }
        // Evicted or failed by someone else.
        let shown = self.pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if matches!(shown, Some("Succeeded" | "Failed")) {
            if let Some(status) = &self.pod.status {
                self.status = status.clone();
            }
            self.life = Life::Ending;
            return;
        }
        let Some(deadline) = self.pod.spec.as_ref().and_then(|spec| spec.active_deadline_seconds) else {
            return;
        };
        let Some(began) = self.status.start_time.as_ref().map(|time| time.0) else {
            return;
        };
        let left = deadline - Timestamp::now().duration_since(began).as_secs();
        if left > 0 {
            self.wake_in(Duration::from_secs(left as u64));
        } else {
            let message = "Pod was active on the node longer than the specified deadline".to_owned();
            self.failed = Some(("DeadlineExceeded".to_owned(), message));
            self.life = Life::Ending;
        }
    }
}

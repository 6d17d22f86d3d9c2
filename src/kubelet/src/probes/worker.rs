//! The life of one probe: delay, period, thresholds.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod, Probe};
use tasks::CancellationToken;
use tokio::time::{MissedTickBehavior, interval_at};

use super::{Purpose, Verdict, run as probe_run};
use crate::context::Context;
use crate::events::Kind;
use crate::pod::mailbox::{Done, Mailbox, Message};

/// What is probed.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) context: Arc<Context>,
    pub(super) mailbox: Mailbox,
    pub(super) pod: Arc<Pod>,
    pub(super) container: Container,
    pub(super) id: String,
    pub(super) ip: String,
    /// Nanoseconds since the epoch.
    pub(super) started_at: i64,
    /// The container is gone.
    pub(super) cancel: CancellationToken,
    /// The pod is ending: only readiness still matters.
    pub(super) ending: CancellationToken,
}

/// Pauses between the first attempts of a cheap probe.
const EARLY: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(80),
    Duration::from_millis(160),
    Duration::from_millis(320),
];

/// Successes or failures in a row, against their thresholds.
#[derive(Debug)]
struct Streak {
    success: u32,
    failure: u32,
    needed: (u32, u32),
}

impl Streak {
    fn new(probe: &Probe) -> Self {
        let threshold =
            |value: Option<i32>, default: u32| value.filter(|value| *value > 0).map_or(default, |value| value as u32);
        let needed = (
            threshold(probe.success_threshold, 1),
            threshold(probe.failure_threshold, 3),
        );
        Self {
            success: 0,
            failure: 0,
            needed,
        }
    }

    /// `Some(healthy)` once a threshold is reached.
    fn note(&mut self, healthy: bool) -> Option<bool> {
        if healthy {
            (self.success, self.failure) = (self.success + 1, 0);
            (self.success >= self.needed.0).then_some(true)
        } else {
            (self.success, self.failure) = (0, self.failure + 1);
            (self.failure >= self.needed.1).then_some(false)
        }
    }
}

/// Probes until the container is gone or the verdict is final. `ready` is the readiness to begin with.
pub(super) async fn run(target: Target, purpose: Purpose, probe: Probe, ready: bool) {
    let end = if purpose == Purpose::Readiness {
        &target.cancel
    } else {
        &target.ending
    };
    tokio::select! {
        () = end.cancelled() => {}
        () = rounds(&target, purpose, &probe, ready) => {}
    }
}

async fn rounds(target: &Target, purpose: Purpose, probe: &Probe, mut ready: bool) {
    let seconds = |value: Option<i32>, default: u64| {
        Duration::from_secs(value.filter(|value| *value > 0).map_or(default, |value| value as u64))
    };
    let started = Timestamp::from_nanosecond(i128::from(target.started_at)).unwrap_or_default();
    let age = Duration::try_from(Timestamp::now().duration_since(started)).unwrap_or_default();
    let delay = seconds(probe.initial_delay_seconds, 0).saturating_sub(age);
    let mut ticks = interval_at(tokio::time::Instant::now() + delay, seconds(probe.period_seconds, 10));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let timeout = seconds(probe.timeout_seconds, 1);
    // A container that has just started is seldom ready at once, and often a moment later: instead of letting it wait for
    // a whole period, try before the first attempt that counts. Not with exec, which costs a process each time.
    if purpose != Purpose::Liveness && !ready && probe.exec.is_none() {
        tokio::time::sleep(delay).await;
        let succeeds = async {
            for pause in EARLY {
                if attempt(target, probe, timeout).await.is_ok() {
                    break;
                }
                tokio::time::sleep(pause).await;
            }
        };
        // a period later, the first attempt that counts is due
        drop(tokio::time::timeout(ticks.period(), succeeds).await);
    }
    let mut streak = Streak::new(probe);
    loop {
        ticks.tick().await;
        let outcome = attempt(target, probe, timeout).await;
        if let Err(output) = &outcome {
            let message = format!("{} probe failed: {output}", purpose.title());
            target.context.recorder.pod(
                &target.pod,
                Some(&target.container.name),
                Kind::Warning,
                "Unhealthy",
                message,
            );
        }
        let verdict = match (purpose, streak.note(outcome.is_ok())) {
            (_, None) | (Purpose::Liveness, Some(true)) => continue,
            (Purpose::Startup, Some(true)) => Verdict::Started,
            (Purpose::Startup | Purpose::Liveness, Some(false)) => Verdict::Failed(purpose),
            (Purpose::Readiness, Some(now)) if now == ready => continue,
            (Purpose::Readiness, Some(now)) => {
                ready = now;
                Verdict::Ready(now)
            }
        };
        let last = purpose != Purpose::Readiness;
        target.mailbox.send(Message::Done(Done::Probed {
            id: target.id.clone(),
            verdict,
        }));
        if last {
            return;
        }
    }
}

async fn attempt(target: &Target, probe: &Probe, timeout: Duration) -> Result<(), String> {
    let Target { context, container, .. } = target;
    probe_run::once(context, &target.id, container, probe, &target.ip, timeout).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_count_runs_only() {
        let probe = Probe {
            failure_threshold: Some(2),
            success_threshold: Some(2),
            ..Probe::default()
        };
        let mut streak = Streak::new(&probe);
        let seen: Vec<Option<bool>> = [true, false, true, true, false, false]
            .map(|one| streak.note(one))
            .to_vec();
        assert_eq!(seen, [None, None, None, Some(true), None, Some(false)]);
    }
}

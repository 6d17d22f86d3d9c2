//! What reaches an actor by its mailbox: a newer object, and results of work that went on beside it.

use super::actor::{Actor, Life};
use super::mailbox::{Done, Inbox, Message};
use crate::events::Kind;
use crate::probes::Verdict;

impl Actor {
    /// Takes in what has gathered. True if the runtime is to be looked at; false if only the status may have changed.
    pub(super) async fn take(&mut self, inbox: Inbox) -> bool {
        let mut look = inbox.removed || inbox.runtime || inbox.objects || !inbox.done.is_empty();
        self.removed |= inbox.removed;
        let mut described = false;
        if let Some(pod) = inbox.pod {
            // Most updates are echoes of the status that was written from here.
            look |= pod.spec != self.pod.spec
                || pod.metadata.deletion_timestamp != self.pod.metadata.deletion_timestamp
                || pod.metadata.deletion_grace_period_seconds != self.pod.metadata.deletion_grace_period_seconds
                || pod.status.as_ref().map(|status| &status.phase)
                    != self.pod.status.as_ref().map(|status| &status.phase);
            described = pod.metadata.labels != self.pod.metadata.labels
                || pod.metadata.annotations != self.pod.metadata.annotations;
            self.pod = pod;
        }
        if (inbox.objects || described) && self.prepared && self.life == Life::Running {
            self.prepare_volumes().await;
        }
        for done in inbox.done {
            self.finished(done);
        }
        look
    }

    fn finished(&mut self, done: Done) {
        match done {
            Done::Pulled { container, result } => self.pulled(&container, result),
            Done::Stopped { id, error } => {
                if let Some(error) = error {
                    tracing::warn!(container = id, error, "container not stopped; trying again");
                }
                self.stopping.remove(&id);
            }
            Done::PostStartFailed { id, message } => {
                if let Some(name) = self
                    .view
                    .containers
                    .iter()
                    .find(|held| held.id == id)
                    .map(|held| held.name.clone())
                {
                    self.context.recorder.pod(
                        &self.pod,
                        Some(&name),
                        Kind::Warning,
                        "FailedPostStartHook",
                        "PostStartHook failed",
                    );
                    tracing::debug!(name, message, "postStart hook failed");
                }
                self.known.unhealthy.insert(id, "FailedPostStartHook".to_owned());
            }
            Done::Probed { id, verdict } => self.probed(&id, verdict),
        }
    }

    fn probed(&mut self, id: &str, verdict: Verdict) {
        let Some(name) = self
            .view
            .containers
            .iter()
            .find(|held| held.id == id)
            .map(|held| held.name.clone())
        else {
            return;
        };
        let Some(kind) = self.probes.note(id, &verdict) else {
            return;
        };
        self.known.unhealthy.insert(
            id.to_owned(),
            format!("Container {name} failed {kind} probe, will be restarted"),
        );
    }

    /// Sends a message to itself from work it does not wait for.
    pub(super) fn reply(&self) -> impl Fn(Done) + Send + 'static {
        let mailbox = self.mailbox.clone();
        move |done| mailbox.send(Message::Done(done))
    }
}

//! What an actor tells of its pod: the status, to the writer; what has become ready, to whoever traces.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodStatus;

use super::actor::{Actor, Life};
use crate::sources::mirror;
use crate::status::{self, Desired};

impl Actor {
    /// Tells whoever traces of containers that have become ready.
    fn note_ready(&self, old: &PodStatus, new: &PodStatus) {
        let ready = |status: &PodStatus, name: &str| {
            let mut list = status.container_statuses.iter().flatten();
            list.any(|container| container.name == name && container.ready)
        };
        for container in new.container_statuses.iter().flatten() {
            if container.ready && !ready(old, &container.name) {
                self.context
                    .recorder
                    .step(&self.pod, Some(&container.name), "Ready", None, "");
            }
        }
    }

    /// Computes the status and hands it to the writer if it has changed.
    pub(super) fn tell(&mut self) {
        let facts = status::Facts {
            applied: self.applied.clone(),
            waiting: self.waiting.clone(),
            ready: self.probes.ready.clone(),
            started: self.probes.started.clone(),
            terminal: self.life != Life::Running,
            failed: self.failed.clone(),
            host_ips: self.context.host_ips(),
        };
        // Conditions of others come from the object as last seen, the kubelet's own from what it last said.
        let mut old = self.status.clone();
        let shown = self
            .pod
            .status
            .as_ref()
            .and_then(|status| status.conditions.clone())
            .unwrap_or_default();
        status::adopt_foreign(&mut old, shown);
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
        let mut status = status::generate(&self.pod, &old, &self.view, &facts, now);
        self.note_ready(&old, &status);
        let ended = self.life == Life::Ended;
        if !ended && self.life == Life::Ending {
            // A terminal phase promises that nothing runs any more.
            status::hold_back_terminal(&mut status, &old);
        }
        let delete = ended && !self.removed && self.pod.metadata.deletion_timestamp.is_some();
        self.status = status.clone();
        if !self.removed || mirror::is_static(&self.pod) && !ended {
            self.writer.set(Desired {
                pod: self.pod.clone(),
                status,
                delete,
            });
        }
    }
}

//! The pod's volumes: made before its containers, and again when what they show is due to change.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::actor::{Actor, RETRY};
use crate::events::Kind;
use crate::volumes::{Preparation, lookup::Lookup};

impl Actor {
    /// Prepares the pod's volumes, or refreshes them. False if one cannot be made now.
    pub(super) async fn prepare_volumes(&mut self) -> bool {
        let namespace = self.pod.metadata.namespace.clone().unwrap_or_default();
        let ips = self.ips();
        let preparation = Preparation {
            pod: &self.pod,
            root: &self.context.options.root,
            facts: &self.context.facts(ips),
            lookup: Lookup {
                context: &self.context,
                namespace: &namespace,
                mailbox: &self.mailbox,
                tokens: &self.tokens,
                mounted: &self.mounted,
            },
        };
        let began = Instant::now();
        match preparation.run().await {
            Ok(places) => {
                self.volumes = places;
                if !self.prepared {
                    let took = Some(began.elapsed());
                    self.context.recorder.step(&self.pod, None, "Volumes", took, "");
                }
                self.prepared = true;
                true
            }
            Err((volume, error)) => {
                let (reason, message) = error.event(&volume);
                self.context
                    .recorder
                    .pod(&self.pod, None, Kind::Warning, reason, message);
                self.wake_in(RETRY);
                false
            }
        }
    }

    /// Prepares volumes again that say when, and sees to being there in time.
    pub(super) async fn refresh_volumes(&mut self) {
        let due = [self.tokens.next_refresh(), self.mounted.next_look()];
        if let Some(refresh) = due.into_iter().flatten().min() {
            let left = refresh.duration_since(Timestamp::now());
            match Duration::try_from(left) {
                Ok(left) if !left.is_zero() => self.wake_in(left),
                _ => {
                    self.prepare_volumes().await;
                    self.wake_in(Duration::from_mins(1));
                }
            }
        }
    }
}

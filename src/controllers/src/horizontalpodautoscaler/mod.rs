//! Horizontal pod autoscaling: as many replicas as metrics call for.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/podautoscaler`.

mod behavior;
mod calculate;
mod evaluate;
mod groups;
mod source;
mod sync;
mod target;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use machinery::selector::LabelSelector;

use crate::shared::record::Events;
use crate::shared::{Ctx, Key, Queue, Result, work};
use behavior::History;
use sync::Pass;

/// Metrics are no objects and cannot be watched.
const AGAIN: Duration = Duration::from_secs(15);

/// What is remembered of autoscalers from pass to pass.
#[derive(Default)]
struct Known {
    histories: Mutex<HashMap<Key, History>>,
    selectors: Mutex<HashMap<Key, LabelSelector>>,
}

impl Known {
    fn with<T>(&self, key: &Key, act: impl FnOnce(&mut History) -> T) -> T {
        let mut histories = self.histories.lock().unwrap_or_else(PoisonError::into_inner);
        act(histories.entry(key.clone()).or_default())
    }

    /// Notes whose pods an autoscaler selects; gives all that select any of them.
    fn claim(&self, key: &Key, selector: LabelSelector, pods: &[Arc<Pod>]) -> Vec<String> {
        let mut selectors = self.selectors.lock().unwrap_or_else(PoisonError::into_inner);
        selectors.insert(key.clone(), selector);
        let mut rivals: Vec<String> = selectors
            .iter()
            .filter(|(other, _)| other.namespace == key.namespace)
            .filter(|(_, selector)| pods.iter().any(|pod| selector.matches(pod.labels())))
            .map(|(other, _)| other.to_string())
            .collect();
        rivals.sort();
        rivals
    }

    fn forget(&self, key: &Key) {
        self.histories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
        self.selectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let (queue, known) = (Queue::new(), Arc::new(Known::default()));
    let (weak, weak_known) = (Arc::downgrade(&queue), Arc::downgrade(&known));
    ctx.autoscalers.on(move |old, new| {
        let (Some(queue), Some(known)) = (weak.upgrade(), weak_known.upgrade()) else {
            return false;
        };
        match (old, new) {
            // our own writes are no news
            (Some(old), Some(new)) if old.spec == new.spec => {}
            (_, Some(new)) => queue.add(Key::of(new.as_ref())),
            (Some(old), None) => known.forget(&Key::of(old.as_ref())),
            (None, None) => {}
        }
        true
    });
    ctx.autoscalers.synced().await;
    ctx.pods.synced().await;
    let events = Events::new(ctx.client.clone(), "horizontal-pod-autoscaler");
    work("horizontalpodautoscaler", &queue, 5, |key: Key| {
        let (ctx, queue, known, events) = (ctx.clone(), queue.clone(), known.clone(), events.clone());
        async move {
            let Some(hpa) = ctx.autoscalers.get(&key) else {
                return Ok(());
            };
            let pass = Pass {
                ctx: &ctx,
                events: &events,
                known: &known,
                key: &key,
                status: hpa.status.clone().unwrap_or_default(),
                hpa,
                now: Timestamp::now(),
            };
            let outcome = pass.run().await;
            // what went wrong is in conditions and events; the next pass comes in its own time
            queue.add_within(key.clone(), AGAIN);
            if let Err(error) = outcome {
                tracing::debug!(%key, %error, "autoscaler");
            }
            Ok(())
        }
    })
    .await
}

//! Pods whose claims have yet to be bound for the node that was chosen: each keeps its place there meanwhile, so that nobody
//! takes it and pods that must not meet do not.
//!
//! Semantics: upstream reserves the node, has the claims bound, and gives up after `bindTimeoutSeconds`.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Nomination, Scheduler};
use crate::cache::NodeInfo;
use crate::evict;
use crate::plugins::Refusal;
use crate::pod::PodInfo;
use crate::volumes::Needs;

/// A place that is kept.
#[derive(Debug, Clone)]
pub(super) struct Settled {
    pub(super) node: String,
    pub(super) until: Instant,
}

impl Settled {
    /// What the pod's claims are bound for is not asked again.
    pub(super) fn elsewhere(&self, node: &NodeInfo) -> Option<(&'static str, Refusal)> {
        let refusal = || Refusal::hopeless("node(s) are not where the pod's volumes are being bound");
        (node.name != self.node).then(|| ("VolumeBinding", refusal()))
    }
}

impl Scheduler {
    /// Has the pod's claims bound for the node. The pod is decided on again when they are, for this node only.
    pub(super) async fn settle(&mut self, pod: Arc<PodInfo>, needs: &Needs, settled: Settled) {
        if let Some(node) = self.cache.nodes().find(|known| known.name == settled.node)
            && let Err(error) = self.volumes.settle(&self.client, needs, node).await
        {
            tracing::debug!(pod = pod.key(), node = settled.node, %error, "claims not told of the pod's node");
            self.queue.park(pod, Instant::now());
            self.queue.wake();
            return;
        }
        if pod.nominated == settled.node {
            return self.keep(pod, settled);
        }
        // whoever adds nodes should know, and so should this scheduler if it is started anew
        match evict::nominate(&self.client, &pod, &settled.node).await {
            Ok(told) => self.keep(PodInfo::of(&told), settled),
            Err(error) => {
                tracing::debug!(pod = pod.key(), node = settled.node, %error, "the chosen node is not written");
                self.keep(pod, settled);
            }
        }
    }

    /// The pod waits, and counts as if it ran there.
    pub(super) fn keep(&mut self, pod: Arc<PodInfo>, settled: Settled) {
        let mut assumed = PodInfo::clone(&pod);
        assumed.node.clone_from(&settled.node);
        self.cache.place(Arc::new(assumed));
        self.queue.park_until(pod.clone(), Instant::now(), settled.until);
        self.settled.insert(pod.uid.clone(), settled);
    }

    /// The place that was kept for the pod, which is free now.
    pub(super) fn give_up_place(&mut self, uid: &str) -> Option<Settled> {
        let settled = self.settled.remove(uid)?;
        self.cache.remove_pod(uid);
        Some(settled)
    }

    /// The place if it is still the one to wait for, or why it is not, in upstream's words.
    pub(super) fn still(
        &self,
        settled: Option<Settled>,
        pod: &PodInfo,
        needs: &Needs,
    ) -> Result<Option<Settled>, String> {
        let Some(settled) = settled else { return Ok(None) };
        let failed = |why: String| {
            Err(format!(
                "running PreBind plugin \"VolumeBinding\": binding volumes: {why}"
            ))
        };
        if let Some(claim) = self.volumes.given_up(needs, &settled.node) {
            return failed(format!("provisioning failed for PVC \"{claim}\""));
        }
        if (needs.must_wait() || needs.is_lost()) && settled.until <= Instant::now() {
            tracing::warn!(pod = pod.key(), node = settled.node, "claims were not bound in time");
            return failed("context deadline exceeded".to_owned());
        }
        Ok(Some(settled))
    }

    /// The pod is told, and may go elsewhere after its back-off.
    pub(super) async fn refused_late(&mut self, pod: Arc<PodInfo>, why: &str) {
        self.cannot(pod, why, Nomination::Cleared).await;
        self.queue.wake();
    }
}

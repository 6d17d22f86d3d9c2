//! What happens to a pod that fits nowhere: others are sent away for it, if that helps, and it is told.

use std::sync::Arc;

use tokio::time::Instant;

use super::Scheduler;
use crate::cache::NodeInfo;
use crate::cycle::Unschedulable;
use crate::plugins::Topology;
use crate::pod::PodInfo;
use crate::profile::Profile;
use crate::volumes::Needs;
use crate::{bind, evict, preempt};

/// What becomes of the node that the pod counted on.
#[derive(Debug)]
pub(super) enum Nomination {
    /// As it was: nothing was found out.
    Kept,
    /// It counts on none.
    Cleared,
    /// Room is made there.
    On(String),
}

impl Scheduler {
    /// Why the pod may not send others away, in upstream's words.
    fn may_not_preempt(&self, pod: &PodInfo, refused: &Unschedulable) -> Option<String> {
        if pod.never_preempts {
            return Some("not eligible due to preemptionPolicy=Never.".to_owned());
        }
        // it is in vain to wait for room on a node that will not do then either
        let waits = !refused.is_hopeless(&pod.nominated) && preempt::is_waiting(pod, self.cache.nodes());
        waits.then(|| "not eligible due to a terminating pod on the nominated node.".to_owned())
    }

    /// Sends less important pods away if that lets the pod in, on a node that reaches its volumes. Says why not, in
    /// upstream's words.
    pub(super) async fn make_room(
        &mut self,
        profile: &Profile,
        pod: &Arc<PodInfo>,
        needs: &Needs,
        refused: &Unschedulable,
    ) -> (Option<String>, Nomination) {
        if !profile.plugins.preempt() {
            return (None, Nomination::Cleared);
        }
        if let Some(why) = self.may_not_preempt(pod, refused) {
            return (Some(why), Nomination::Kept);
        }
        let plan = |nodes: &[&NodeInfo], budgets: &[_]| {
            let topology = Topology::of(pod, nodes, &self.namespaces);
            let reach = |node: &NodeInfo| self.volumes.filter(&profile.plugins, needs, node);
            preempt::plan(profile, pod, nodes.iter().copied(), reach, &topology, budgets)
        };
        let nodes: Vec<_> = self.cache.nodes_for(pod).collect();
        let nodes: Vec<&NodeInfo> = nodes.iter().map(AsRef::as_ref).collect();
        if plan(&nodes, &[]).is_none() {
            return (Some(refused.no_room()), Nomination::Cleared);
        }
        let budgets = match evict::budgets(&self.client).await {
            Ok(budgets) => budgets,
            Err(error) => {
                tracing::warn!(pod = pod.key(), %error, "disruption budgets not read");
                return (None, Nomination::Kept);
            }
        };
        let Some(mut plan) = plan(&nodes, &budgets) else {
            return (Some(refused.no_room()), Nomination::Cleared);
        };
        // who only keeps a place has not begun, and goes back to the queue
        let (kept, running) = std::mem::take(&mut plan.victims)
            .into_iter()
            .partition::<Vec<_>, _>(|victim| self.settled.contains_key(&victim.uid));
        plan.victims = running;
        if let Err(error) = evict::carry_out(&self.client, pod, &plan).await {
            tracing::warn!(pod = pod.key(), node = plan.node, %error, "no room made");
            return (None, Nomination::Kept);
        }
        for victim in kept {
            self.send_back(&victim, pod, &plan.node).await;
        }
        self.take_back_promises(pod, &plan.node).await;
        (None, Nomination::On(plan.node))
    }

    /// A pod that kept a place while its claims were bound leaves it, and is tried again after its back-off.
    async fn send_back(&mut self, victim: &PodInfo, by: &PodInfo, node: &str) {
        self.give_up_place(&victim.uid);
        self.cache.forget_promise(&victim.uid);
        let note = format!("Preempted by pod {} on node {node}", by.uid);
        bind::record(&self.client, victim, "Normal", "Preempted", "Preempting", note).await;
        match evict::nominate(&self.client, victim, "").await {
            Ok(told) => self.queue.park(PodInfo::of(&told), Instant::now()),
            Err(error) => tracing::debug!(pod = victim.key(), %error, "promise not taken back"),
        }
        self.queue.wake_if(|waiting| waiting.uid == victim.uid);
    }

    /// Less important pods that were promised the node may not fit there any more: they look elsewhere at once.
    async fn take_back_promises(&mut self, pod: &PodInfo, node: &str) {
        for other in self.cache.promised_below(pod.priority, node) {
            if self.settled.contains_key(&other.uid) {
                continue;
            }
            self.cache.forget_promise(&other.uid);
            match evict::nominate(&self.client, &other, "").await {
                Ok(told) => self.pod_set(&told),
                Err(error) => tracing::debug!(pod = other.key(), node, %error, "promise not taken back"),
            }
        }
    }

    /// No node is to blame.
    pub(super) async fn fits_nowhere(&mut self, profile: &Profile, pod: Arc<PodInfo>, why: &str) {
        let refused = Unschedulable::everywhere(self.cache.nodes().count(), why);
        let (room, nomination) = match self.may_not_preempt(&pod, &refused) {
            _ if !profile.plugins.preempt() => (None, Nomination::Cleared),
            Some(why) => (Some(why), Nomination::Kept),
            None => (Some(refused.no_room()), Nomination::Cleared),
        };
        let message = self.message(&refused, room);
        self.cannot(pod, &message, nomination).await;
    }

    /// What the pod is told; of making room only if its profile does that.
    pub(super) fn message(&self, refused: &Unschedulable, no_room: Option<String>) -> String {
        match no_room.filter(|_| !self.cache.is_empty()) {
            Some(no_room) => format!("{refused} preemption: {no_room}"),
            None => refused.to_string(),
        }
    }

    /// Tells the pod, and lets it wait.
    pub(super) async fn cannot(&mut self, pod: Arc<PodInfo>, why: &str, nomination: Nomination) {
        let mut pod = Arc::unwrap_or_clone(pod);
        let made = matches!(nomination, Nomination::On(_));
        match nomination {
            Nomination::Kept => {}
            Nomination::Cleared => pod.nominated.clear(),
            Nomination::On(node) => pod.nominated = node,
        }
        let news = self.queue.tells(&pod.uid, why);
        // the answer is newer than what is heard meanwhile
        let told = bind::report(&self.client, &pod, bind::UNSCHEDULABLE, why, news).await;
        let pod = told.unwrap_or_else(|| Arc::new(pod));
        self.cache.promise(&pod);
        let uid = pod.uid.clone();
        self.queue.park(pod, Instant::now());
        if made {
            // a victim that ran nowhere is not heard to go
            self.queue.wake_if(|waiting| waiting.uid == uid);
        }
    }
}

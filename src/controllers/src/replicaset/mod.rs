//! As many pods as a ReplicaSet or a ReplicationController asks for.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/replicaset`.

mod set;
mod status;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition};
use k8s_openapi::api::core::v1::{Pod, ReplicationController};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt as _};

use crate::shared::error::code;
use crate::shared::expectations::Expectations;
use crate::shared::owner::{claim, controller_of, controller_ref, selector};
use crate::shared::record::Events;
use crate::shared::{Ctx, Error, Key, Queue, Result, pods, work};

use set::Set;

/// Pods made or deleted at most in one sync.
const BURST: usize = 500;

struct Controller {
    ctx: Arc<Ctx>,
    queue: Arc<Queue<Key>>,
    expectations: Arc<Expectations>,
    events: Events,
}

/// Runs the controller of ReplicaSets.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    start::<ReplicaSet>(ctx).await
}

/// Runs the controller of ReplicationControllers.
pub(crate) async fn run_replication(ctx: Arc<Ctx>) -> Result<()> {
    start::<ReplicationController>(ctx).await
}

async fn start<S: Set>(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let expectations = Arc::new(Expectations::default());
    S::informer(&ctx).feed(&queue);
    watch_pods::<S>(&ctx, &queue, &expectations);
    S::informer(&ctx).synced().await;
    ctx.pods.synced().await;
    let events = Events::new(ctx.client.clone(), S::REPORTER);
    let controller = Controller {
        ctx,
        queue: queue.clone(),
        expectations,
        events,
    };
    work(S::NAME, &queue, 5, |key: Key| Box::pin(controller.sync::<S>(key))).await
}

fn watch_pods<S: Set>(ctx: &Arc<Ctx>, queue: &Arc<Queue<Key>>, expectations: &Arc<Expectations>) {
    let (weak, expectations, weak_ctx) = (Arc::downgrade(queue), expectations.clone(), Arc::downgrade(ctx));
    ctx.pods.on(move |old, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        let owner = |pod: &Arc<Pod>| {
            let owner = controller_of(&pod.metadata).filter(|owner| owner.kind == S::kind(&()))?;
            Some(Key::new(pod.namespace().unwrap_or_default(), &*owner.name))
        };
        let (before, now) = (old.and_then(owner), new.and_then(owner));
        if let (None, Some(key)) = (old, &now) {
            expectations.created(key);
        }
        let leaving = new.is_none_or(|pod| pods::is_terminating(pod));
        if let (true, Some(key), Some(pod)) = (leaving, before.as_ref().or(now.as_ref()), new.or(old)) {
            expectations.deleted(key, &pod.uid().unwrap_or_default());
        }
        if before != now {
            before.into_iter().for_each(|key| queue.add(key));
        }
        match (now, new) {
            (Some(key), _) => queue.add(key),
            // An orphan: whoever selects it may adopt it.
            (None, Some(pod)) if controller_of(&pod.metadata).is_none() => {
                let labels = pod.metadata.labels.clone().unwrap_or_default();
                for set in S::informer(&ctx).in_namespace(&pod.namespace().unwrap_or_default()) {
                    let wanted = set.view().spec.as_ref().and_then(|spec| selector(&spec.selector).ok());
                    if wanted.is_some_and(|wanted| !wanted.is_everything() && wanted.matches(&labels)) {
                        queue.add(Key::of(set.as_ref()));
                    }
                }
            }
            _ => {}
        }
        true
    });
}

impl Controller {
    async fn sync<S: Set>(&self, key: Key) -> Result<()> {
        let Some(object) = S::informer(&self.ctx).get(&key) else {
            self.expectations.forget(&key);
            return Ok(());
        };
        let set = object.view();
        let Some(spec) = &set.spec else { return Ok(()) };
        let may_act = self.expectations.met(&key);
        let wanted = selector(&spec.selector)?;
        let all = self.ctx.pods.in_namespace(&key.namespace);
        let live: Vec<Arc<Pod>> = all.into_iter().filter(|pod| !pods::is_finished(pod)).collect();
        let claimed = claim(&self.ctx.client, object.as_ref(), &wanted, live).await?;
        let (terminating, active): (Vec<_>, Vec<_>) = claimed.into_iter().partition(|pod| pods::is_terminating(pod));
        let outcome = if may_act && set.metadata.deletion_timestamp.is_none() {
            self.manage(&key, object.as_ref(), &set, &active).await
        } else {
            Ok(())
        };
        let now = Timestamp::now();
        let failure = outcome
            .as_ref()
            .err()
            .map(|error| (active.len() < wanted_count(&set), error.to_string()));
        let status = status::calculate(&set, &active, terminating.len(), failure, now);
        // Seen as its own kind shows it: not every kind has every count.
        let status = {
            let mut shown = object.as_ref().clone();
            shown.set_status(status.clone());
            shown.view().status.unwrap_or(status)
        };
        if Some(&status) != set.status.as_ref() {
            let mut new = object.as_ref().clone();
            new.set_status(status);
            let api: Api<S> = Api::namespaced(self.ctx.client.clone(), &key.namespace);
            match api.replace_status(&key.name, &PostParams::default(), &new).await {
                Err(error) if code(&error) == 404 => {}
                other => drop(other?),
            }
        }
        outcome?;
        // A pod becomes available by the passing of time alone.
        if let Some(wait) = status::next_available(&set, &active, now) {
            self.queue.add_after(key, Duration::from_secs(wait));
        }
        Ok(())
    }

    async fn manage<S: Set>(&self, key: &Key, object: &S, set: &ReplicaSet, active: &[Arc<Pod>]) -> Result<()> {
        let wanted = wanted_count(set);
        match active.len().cmp(&wanted) {
            Ordering::Less => self.create(key, object, set, (wanted - active.len()).min(BURST)).await,
            Ordering::Greater => {
                self.delete(key, object, set, active, (active.len() - wanted).min(BURST))
                    .await
            }
            Ordering::Equal => Ok(()),
        }
    }

    async fn create<S: Set>(&self, key: &Key, object: &S, set: &ReplicaSet, count: usize) -> Result<()> {
        let Some(template) = set.spec.as_ref().and_then(|spec| spec.template.as_ref()) else {
            return Ok(());
        };
        let pod = pods::from_template(template, &key.namespace, &key.name, controller_ref(object));
        let api: Api<Pod> = Api::namespaced(self.ctx.client.clone(), &key.namespace);
        self.expectations.expect_creations(key, count);
        let (made, result) = pods::slow_start(count, |_| async {
            match api.create(&PostParams::default(), &pod).await {
                Ok(made) => {
                    let note = format!("Created pod: {}", made.name_any());
                    self.events.normal(object, "SuccessfulCreate", note).await;
                    Ok(())
                }
                Err(error) => Err(error.into()),
            }
        })
        .await;
        (made..count).for_each(|_| self.expectations.created(key));
        match result {
            // The namespace is on its way out: nothing to be made, nothing to complain of.
            Err(Error::Kube(error)) if is_terminating_namespace(&error) => Ok(()),
            Err(error) => {
                let note = format!("Error creating: {error}");
                self.events.warning(object, "FailedCreate", note).await;
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    async fn delete<S: Set>(
        &self,
        key: &Key,
        object: &S,
        set: &ReplicaSet,
        active: &[Arc<Pod>],
        count: usize,
    ) -> Result<()> {
        let mut order = active.to_vec();
        let related = self.related_by_node(set);
        pods::by_deletion_order(&mut order, &|node| related.get(node).copied().unwrap_or_default());
        order.truncate(count);
        self.expectations
            .expect_deletions(key, order.iter().filter_map(|pod| pod.uid()));
        let api: Api<Pod> = Api::namespaced(self.ctx.client.clone(), &key.namespace);
        let deletions = order.iter().map(|pod| async {
            let result = api.delete(&pod.name_any(), &DeleteParams::default()).await;
            match result {
                Ok(_) => {
                    let note = format!("Deleted pod: {}", pod.name_any());
                    self.events.normal(object, "SuccessfulDelete", note).await;
                    Ok(())
                }
                Err(error) => {
                    self.expectations.deleted(key, &pod.uid().unwrap_or_default());
                    if code(&error) == 404 {
                        Ok(())
                    } else {
                        Err(Error::from(error))
                    }
                }
            }
        });
        futures::future::join_all(deletions).await.into_iter().collect()
    }

    /// Active pods of all sets with the same controller, by node: a new set's pods give way where an old one's stand.
    fn related_by_node(&self, set: &ReplicaSet) -> HashMap<String, usize> {
        let namespace = set.namespace().unwrap_or_default();
        let uids: Vec<String> = match controller_of(&set.metadata) {
            None => set.uid().into_iter().collect(),
            Some(owner) => {
                let sets = self.ctx.replica_sets.in_namespace(&namespace).into_iter();
                let same = |set: &Arc<ReplicaSet>| controller_of(&set.metadata).is_some_and(|o| o.uid == owner.uid);
                sets.filter(same).filter_map(|set| set.uid()).collect()
            }
        };
        let mut counts = HashMap::new();
        for pod in self.ctx.pods.in_namespace(&namespace) {
            let related = controller_of(&pod.metadata).is_some_and(|owner| uids.contains(&owner.uid));
            if related && pods::is_active(&pod) {
                let node = pod
                    .spec
                    .as_ref()
                    .and_then(|spec| spec.node_name.clone())
                    .unwrap_or_default();
                *counts.entry(node).or_default() += 1;
            }
        }
        counts
    }
}

fn wanted_count(set: &ReplicaSet) -> usize {
    let replicas = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    usize::try_from(replicas).unwrap_or_default()
}

pub(crate) fn is_terminating_namespace(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    status.code == 403 && causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// The condition that creation or deletion of pods fails.
fn failure_condition(creating: bool, message: String, now: Timestamp) -> ReplicaSetCondition {
    ReplicaSetCondition {
        type_: "ReplicaFailure".to_owned(),
        status: "True".to_owned(),
        reason: Some(if creating { "FailedCreate" } else { "FailedDelete" }.to_owned()),
        message: Some(message),
        last_transition_time: Some(Time(now)),
    }
}

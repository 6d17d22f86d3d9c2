//! One pod of a DaemonSet on every node that it fits.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/daemon`.

mod nodes;
mod status;
mod update;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt as _};

use crate::shared::error::code;
use crate::shared::expectations::Expectations;
use crate::shared::owner::{claim, controller_of, controller_ref, selector};
use crate::shared::record::Events;
use crate::shared::{Ctx, Error, Key, Queue, Result, history, pods, work};

/// Label of pods and revisions with the template's hash.
const HASH: &str = "controller-revision-hash";
const KIND: &str = "DaemonSet";
const BURST: usize = 250;

struct Controller {
    ctx: Arc<Ctx>,
    queue: Arc<Queue<Key>>,
    expectations: Arc<Expectations>,
    events: Events,
}

/// Pods by the node they are, or will be, on.
type ByNode = BTreeMap<String, Vec<Arc<Pod>>>;

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let expectations = Arc::new(Expectations::default());
    watch(&ctx, &queue, &expectations);
    ctx.daemon_sets.synced().await;
    ctx.nodes.synced().await;
    ctx.pods.synced().await;
    ctx.controller_revisions.synced().await;
    let events = Events::new(ctx.client.clone(), "daemonset-controller");
    let controller = Controller {
        ctx,
        queue: queue.clone(),
        expectations,
        events,
    };
    work("daemonset", &queue, 2, |key: Key| Box::pin(controller.sync(key))).await
}

fn watch(ctx: &Arc<Ctx>, queue: &Arc<Queue<Key>>, expectations: &Arc<Expectations>) {
    ctx.daemon_sets.feed(queue);
    let (weak, expectations) = (Arc::downgrade(queue), expectations.clone());
    ctx.pods.on(move |old, new| {
        let Some(queue) = weak.upgrade() else { return false };
        let owner = |pod: &Arc<Pod>| {
            let owner = controller_of(&pod.metadata).filter(|owner| owner.kind == KIND)?;
            Some(Key::new(pod.namespace().unwrap_or_default(), &*owner.name))
        };
        if let Some(key) = new.or(old).and_then(owner) {
            if old.is_none() {
                expectations.created(&key);
            }
            if new.is_none_or(|pod| pods::is_terminating(pod)) {
                let uid = new.or(old).and_then(|pod| pod.uid()).unwrap_or_default();
                expectations.deleted(&key, &uid);
            }
            queue.add(key);
        }
        true
    });
    let (weak, weak_ctx) = (Arc::downgrade(queue), Arc::downgrade(ctx));
    ctx.nodes.on(move |old, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        if old.zip(new).is_none_or(|(old, new)| matters(old, new)) {
            ctx.daemon_sets
                .list()
                .iter()
                .for_each(|set| queue.add(Key::of(set.as_ref())));
        }
        true
    });
}

/// Heartbeats change nothing about where pods fit.
fn matters(old: &Node, new: &Node) -> bool {
    let seen = |node: &Node| {
        let spec = node.spec.clone().unwrap_or_default();
        (node.metadata.labels.clone(), spec.taints, spec.unschedulable)
    };
    seen(old) != seen(new)
}

impl Controller {
    async fn sync(&self, key: Key) -> Result<()> {
        let Some(set) = self.ctx.daemon_sets.get(&key) else {
            self.expectations.forget(&key);
            return Ok(());
        };
        let Some(spec) = &set.spec else { return Ok(()) };
        let wanted = selector(&spec.selector)?;
        if wanted.is_everything() {
            let note = "This daemon set is selecting all pods. A non-empty selector is required.".to_owned();
            self.events.warning(set.as_ref(), "SelectingAll", note).await;
            return Ok(());
        }
        if set.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let mut set = set.as_ref().clone();
        let revisions = history::revisions(&self.ctx, &set, &wanted).await?;
        let mut collisions = set.status.as_ref().and_then(|status| status.collision_count);
        let current = history::current(&self.ctx, &set, &spec.template, HASH, &mut collisions, &revisions).await?;
        set.status.get_or_insert_default().collision_count = collisions;
        let hash = current.labels().get(HASH).cloned().unwrap_or_default();
        let all = self.ctx.pods.in_namespace(&key.namespace);
        let mut by_node: ByNode = BTreeMap::new();
        let claimed = claim(&self.ctx.client, &set, &wanted, all).await?;
        for pod in &claimed {
            by_node.entry(nodes::target(pod)).or_default().push(pod.clone());
        }
        let outcome = if self.expectations.met(&key) {
            self.manage(&key, &set, &mut by_node, &hash).await
        } else {
            Ok(())
        };
        let now = Timestamp::now();
        self.write_status(&set, &by_node, &hash, now).await?;
        outcome?;
        let live = |revision: &k8s_openapi::api::apps::v1::ControllerRevision| {
            let own = revision.labels().get(HASH);
            own == Some(&hash) || claimed.iter().any(|pod| pod.labels().get(HASH) == own)
        };
        history::truncate(&self.ctx, &revisions, spec.revision_history_limit.unwrap_or(10), &live).await?;
        if spec.min_ready_seconds.is_some_and(|seconds| seconds > 0) && claimed.iter().any(|pod| pods::is_ready(pod)) {
            let waits = claimed.iter().any(|pod| {
                pods::is_ready(pod) && !pods::is_available(pod, spec.min_ready_seconds.unwrap_or_default(), now)
            });
            if waits {
                self.queue.add_after(key, Duration::from_secs(1));
            }
        }
        Ok(())
    }

    /// Pods where they should be and are not, and away where they should not be; then the rolling update.
    async fn manage(&self, key: &Key, set: &DaemonSet, by_node: &mut ByNode, hash: &str) -> Result<()> {
        let now = Timestamp::now();
        let nodes = self.ctx.nodes.list();
        let (mut create, mut delete) = (Vec::new(), Vec::new());
        for node in &nodes {
            let name = node.name_any();
            let empty = Vec::new();
            let here = by_node.get(&name).unwrap_or(&empty);
            let (run, stay) = nodes::should_run(node, set);
            decide(set, here, run, stay, hash, now, &mut delete);
            let present = here
                .iter()
                .any(|pod| !pods::is_finished(pod) || pods::is_terminating(pod));
            if run && !present {
                create.push(name);
            }
        }
        // Pods whose node is gone.
        for (name, here) in by_node.iter() {
            if !name.is_empty() && !nodes.iter().any(|node| node.name_any() == *name) {
                delete.extend(here.iter().filter(|pod| !pods::is_terminating(pod)).cloned());
            }
        }
        self.apply(key, set, create, delete, hash).await?;
        if !self.expectations.met(key) {
            return Ok(());
        }
        let strategy = set
            .spec
            .as_ref()
            .and_then(|spec| spec.update_strategy.clone())
            .unwrap_or_default();
        if strategy.type_.as_deref() == Some("OnDelete") {
            return Ok(());
        }
        let (create, delete) = update::plan(set, &nodes, by_node, hash, now);
        self.apply(key, set, create, delete, hash).await
    }

    async fn apply(
        &self,
        key: &Key,
        set: &DaemonSet,
        mut create: Vec<String>,
        mut delete: Vec<Arc<Pod>>,
        hash: &str,
    ) -> Result<()> {
        if create.is_empty() && delete.is_empty() {
            return Ok(());
        }
        create.truncate(BURST);
        delete.truncate(BURST);
        self.expectations
            .expect(key, create.len(), delete.iter().filter_map(|pod| pod.uid()).collect());
        let api: Api<Pod> = Api::namespaced(self.ctx.client.clone(), &key.namespace);
        let (made, result) = pods::slow_start(create.len(), |i| {
            let (api, node) = (&api, &create[i]);
            async move {
                let made = api.create(&PostParams::default(), &pod(set, node, hash)).await?;
                let note = format!("Created pod: {}", made.name_any());
                self.events.normal(set, "SuccessfulCreate", note).await;
                Ok(())
            }
        })
        .await;
        (made..create.len()).for_each(|_| self.expectations.created(key));
        for pod in &delete {
            match api.delete(&pod.name_any(), &DeleteParams::default()).await {
                Ok(_) => {
                    let note = format!("Deleted pod: {}", pod.name_any());
                    self.events.normal(set, "SuccessfulDelete", note).await;
                }
                Err(error) => {
                    self.expectations.deleted(key, &pod.uid().unwrap_or_default());
                    if code(&error) != 404 {
                        return Err(error.into());
                    }
                }
            }
        }
        match result {
            Err(Error::Kube(error)) if crate::replicaset::is_terminating_namespace(&error) => Ok(()),
            Err(error) => {
                self.events
                    .warning(set, "FailedCreate", format!("Error creating: {error}"))
                    .await;
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    async fn write_status(&self, set: &DaemonSet, by_node: &ByNode, hash: &str, now: Timestamp) -> Result<()> {
        let current = self
            .ctx
            .daemon_sets
            .get(&Key::of(set))
            .and_then(|set| set.status.clone());
        let status = status::calculate(set, &self.ctx.nodes.list(), by_node, hash, now);
        if current.as_ref() == Some(&status) {
            return Ok(());
        }
        let mut new = set.clone();
        new.status = Some(status);
        let api: Api<DaemonSet> = Api::namespaced(self.ctx.client.clone(), &set.namespace().unwrap_or_default());
        match api.replace_status(&set.name_any(), &PostParams::default(), &new).await {
            Err(error) if code(&error) == 404 => Ok(()),
            other => other.map(|_| ()).map_err(Error::from),
        }
    }
}

/// Pods of one node that must go: all if none may stay, finished ones, and all but one.
fn decide(
    set: &DaemonSet,
    here: &[Arc<Pod>],
    run: bool,
    stay: bool,
    hash: &str,
    now: Timestamp,
    delete: &mut Vec<Arc<Pod>>,
) {
    if !stay {
        delete.extend(here.iter().filter(|pod| !pods::is_terminating(pod)).cloned());
        return;
    }
    let (finished, mut running): (Vec<_>, Vec<_>) = here
        .iter()
        .filter(|pod| !pods::is_terminating(pod))
        .cloned()
        .partition(|pod| pods::is_finished(pod));
    // A finished pod is replaced.
    delete.extend(finished);
    if !run || running.len() <= 1 {
        return;
    }
    // During a surge an old and a new pod share the node; otherwise the oldest stays.
    let old_and_new = running.len() == 2
        && running
            .iter()
            .filter(|pod| pod.labels().get(HASH).is_some_and(|own| own == hash))
            .count()
            == 1
        && update::surge(set, 1) > 0;
    if !old_and_new {
        running.sort_by_key(|pod| {
            (
                !pods::is_available(pod, 0, now),
                pod.metadata.creation_timestamp.clone(),
                pod.name_any(),
            )
        });
        delete.extend(running.into_iter().skip(1));
    }
}

/// The pod for a node.
fn pod(set: &DaemonSet, node: &str, hash: &str) -> Pod {
    let spec = set.spec.clone().unwrap_or_default();
    let namespace = set.namespace().unwrap_or_default();
    let mut pod = pods::from_template(&spec.template, &namespace, &set.name_any(), controller_ref(set));
    pod.labels_mut().insert(HASH.to_owned(), hash.to_owned());
    if let Some(spec) = &mut pod.spec {
        nodes::pin(spec, node);
        nodes::tolerate(spec);
    }
    pod
}

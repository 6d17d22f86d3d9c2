//! The scheduler's task: events in, one decision at a time out.

use std::sync::Arc;

use follow::{Change, changes};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::runtime::watcher::Config;
use kube::{Api, Client, ResourceExt as _};
use tokio::time::Instant;

use crate::cache::{Cache, NodeInfo};
use crate::pod::PodInfo;
use crate::queue::Queue;
use crate::volumes::{Needs, Volumes};
use crate::{bind, cycle, evict, preempt};

const NAME: &str = "default-scheduler";

/// Why the scheduler ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A watch ended for good; the supervisor starts over.
    #[error("the {0} watch ended")]
    WatchEnded(&'static str),
}

struct Scheduler {
    client: Client,
    cache: Cache,
    queue: Queue,
    volumes: Volumes,
    /// Both lists have been read once: before, a node may look emptier than it is.
    synced: (bool, bool),
    decisions: u64,
}

/// Schedules pods until cancelled or a watch ends.
pub fn run(client: Client) -> BoxFuture<'static, Result<(), RunError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(work(client))
}

async fn work(client: Client) -> Result<(), RunError> {
    let mut nodes = changes::<Node>(Api::all(client.clone()), Config::default());
    let mut pods = changes::<Pod>(Api::all(client.clone()), Config::default());
    let mut claims = changes::<PersistentVolumeClaim>(Api::all(client.clone()), Config::default());
    let mut volumes = changes::<PersistentVolume>(Api::all(client.clone()), Config::default());
    let mut classes = changes::<StorageClass>(Api::all(client.clone()), Config::default());
    let mut scheduler = Scheduler {
        client,
        cache: Cache::default(),
        queue: Queue::default(),
        volumes: Volumes::default(),
        synced: (false, false),
        decisions: 0,
    };
    loop {
        let next = scheduler.queue.advance(Instant::now());
        let timer = async {
            match next {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        // changes first: a decision is made on everything that is known
        tokio::select! {
            biased;
            change = nodes.next() => scheduler.node(change.ok_or(RunError::WatchEnded("node"))?),
            change = pods.next() => scheduler.pod(change.ok_or(RunError::WatchEnded("pod"))?),
            change = claims.next() => scheduler.claim(change.ok_or(RunError::WatchEnded("claim"))?),
            change = volumes.next() => {
                scheduler.volumes.volume(change.ok_or(RunError::WatchEnded("volume"))?);
                scheduler.queue.retry(|pod| !pod.claims.is_empty(), Instant::now());
            }
            change = classes.next() => scheduler.volumes.class(change.ok_or(RunError::WatchEnded("class"))?),
            () = std::future::ready(()), if scheduler.has_work() => scheduler.schedule_one().await,
            () = timer => {}
        }
    }
}

impl Scheduler {
    fn has_work(&mut self) -> bool {
        self.synced == (true, true) && self.queue.has_active()
    }

    fn node(&mut self, change: Change<Node>) {
        match change {
            Change::Set(node) => self.cache.put_node(&node),
            Change::Gone(identity) => self.cache.remove_node(&identity.name),
            Change::Listed => self.synced.0 = true,
        }
        self.queue.wake();
    }

    fn claim(&mut self, change: Change<PersistentVolumeClaim>) {
        let (namespace, name) = match &change {
            Change::Set(claim) => (claim.namespace().unwrap_or_default(), claim.name_any()),
            Change::Gone(identity) => (identity.namespace.clone(), identity.name.clone()),
            Change::Listed => (String::new(), String::new()),
        };
        if self.volumes.claim(change) {
            let uses = |pod: &PodInfo| pod.namespace == namespace && pod.claims.iter().any(|claim| claim.name == name);
            self.queue.retry(uses, Instant::now());
        }
    }

    fn pod(&mut self, change: Change<Pod>) {
        match change {
            Change::Set(pod) => self.pod_set(&pod),
            Change::Gone(identity) => {
                self.cache.remove_pod(&identity.uid);
                self.cache.forget_promise(&identity.uid);
                self.queue.remove(&identity.uid);
                self.queue.wake();
            }
            Change::Listed => self.synced.1 = true,
        }
    }

    fn pod_set(&mut self, pod: &Pod) {
        let info = PodInfo::of(pod);
        if info.finished || info.deleting {
            self.cache.forget_promise(&info.uid);
        } else {
            self.cache.promise(&info);
        }
        if info.finished {
            self.cache.remove_pod(&info.uid);
            self.queue.remove(&info.uid);
            self.queue.wake();
        } else if !info.node.is_empty() {
            self.queue.remove(&info.uid);
            self.cache.place(info);
        } else if info.scheduler != NAME || info.gated || info.deleting {
            self.queue.remove(&info.uid);
        } else if !self.cache.is_placed(&info.uid) && !self.queue.is_parked(&info) {
            self.queue.push(info);
        }
    }

    /// Sends less important pods away if that lets the pod in, on a node that reaches its volumes.
    async fn make_room(&mut self, pod: &Arc<PodInfo>, needs: &Needs) {
        let reached = |node: &&NodeInfo| self.volumes.filter(needs, node).is_none();
        let possible = preempt::plan(pod, self.cache.nodes().filter(reached), &[]).is_some();
        if !possible || preempt::is_waiting(pod, self.cache.nodes()) {
            return;
        }
        let budgets = match evict::budgets(&self.client).await {
            Ok(budgets) => budgets,
            Err(error) => return tracing::warn!(pod = pod.key(), %error, "disruption budgets not read"),
        };
        let nodes: Vec<_> = self.cache.nodes_for(pod).collect();
        let plan = preempt::plan(pod, nodes.iter().map(AsRef::as_ref).filter(reached), &budgets);
        drop(nodes);
        let Some(plan) = plan else { return };
        if let Err(error) = evict::carry_out(&self.client, pod, &plan).await {
            return tracing::warn!(pod = pod.key(), node = plan.node, %error, "no room made");
        }
        let mut promised = PodInfo::clone(pod);
        promised.nominated = plan.node;
        self.cache.promise(&Arc::new(promised));
    }

    async fn schedule_one(&mut self) {
        let Some(pod) = self.queue.pop() else { return };
        // spread ties without a random source: every decision starts elsewhere
        self.decisions = self.decisions.wrapping_add(1);
        let needs = match self.volumes.needs(&pod) {
            Ok(needs) => needs,
            Err(why) => {
                let why = format!("0/{} nodes are available: {why}.", self.cache.nodes().count());
                return self.cannot(pod, &why).await;
            }
        };
        let nodes: Vec<_> = self.cache.nodes_for(&pod).collect();
        let reach = |node: &NodeInfo| self.volumes.filter(&needs, node);
        let choice = cycle::choose(&pod, nodes.iter().map(AsRef::as_ref), reach, self.decisions);
        drop(nodes);
        match choice {
            Ok(node) if needs.must_wait() => self.settle(pod, &needs, &node).await,
            Ok(node) => self.bind(pod, node).await,
            Err(why) => {
                self.make_room(&pod, &needs).await;
                self.cannot(pod, &why.to_string()).await;
            }
        }
    }

    /// Has the pod's claims bound for the node. The pod is decided on again when they are, which ties it to this node.
    async fn settle(&mut self, pod: Arc<PodInfo>, needs: &Needs, node: &str) {
        let node = self.cache.nodes().find(|known| known.name == node);
        if let Some(node) = node
            && let Err(error) = self.volumes.settle(&self.client, needs, node).await
        {
            tracing::debug!(pod = pod.key(), node = node.name, %error, "claims not told of the pod's node");
            self.queue.wake();
        }
        self.queue.park(pod, Instant::now());
    }

    async fn bind(&mut self, pod: Arc<PodInfo>, node: String) {
        let mut assumed = PodInfo::clone(&pod);
        assumed.node.clone_from(&node);
        self.cache.place(Arc::new(assumed));
        if let Err(error) = bind::bind(&self.client, &pod, &node).await {
            tracing::warn!(pod = pod.key(), node, %error, "binding failed");
            self.cache.remove_pod(&pod.uid);
            self.queue.park(pod, Instant::now());
            self.queue.wake();
        }
    }

    async fn cannot(&mut self, pod: Arc<PodInfo>, why: &str) {
        let first = self.queue.attempts(&pod.uid) <= 1;
        bind::report(&self.client, &pod, why, first).await;
        self.queue.park(pod, Instant::now());
    }
}

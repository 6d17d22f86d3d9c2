//! The scheduler's task: events in, one decision at a time out.

use std::sync::Arc;

use follow::{Change, changes};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use tokio::time::Instant;

use crate::cache::Cache;
use crate::pod::PodInfo;
use crate::queue::Queue;
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
    let mut scheduler = Scheduler {
        client,
        cache: Cache::default(),
        queue: Queue::default(),
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

    /// Sends less important pods away if that lets the pod in.
    async fn make_room(&mut self, pod: &Arc<PodInfo>) {
        if preempt::is_waiting(pod, self.cache.nodes()) || preempt::plan(pod, self.cache.nodes(), &[]).is_none() {
            return;
        }
        let budgets = match evict::budgets(&self.client).await {
            Ok(budgets) => budgets,
            Err(error) => return tracing::warn!(pod = pod.key(), %error, "disruption budgets not read"),
        };
        let nodes: Vec<_> = self.cache.nodes_for(pod).collect();
        let plan = preempt::plan(pod, nodes.iter().map(AsRef::as_ref), &budgets);
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
        let nodes: Vec<_> = self.cache.nodes_for(&pod).collect();
        let choice = cycle::choose(&pod, nodes.iter().map(AsRef::as_ref), self.decisions);
        drop(nodes);
        match choice {
            Ok(node) => {
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
            Err(why) => {
                let first = self.queue.attempts(&pod.uid) <= 1;
                bind::report(&self.client, &pod, &why.to_string(), first).await;
                self.make_room(&pod).await;
                self.queue.park(pod, Instant::now());
            }
        }
    }
}

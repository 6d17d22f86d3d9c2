//! The scheduler's task: events in, one decision at a time out.

use std::collections::HashSet;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::time::Instant;

use crate::cache::Cache;
use crate::pod::PodInfo;
use crate::queue::Queue;
use crate::{bind, cycle};

const NAME: &str = "default-scheduler";

/// Why the scheduler ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A watch ended for good; the supervisor starts over.
    #[error("the {0} watch ended")]
    WatchEnded(&'static str),
}

/// Watches that start over by themselves with back-off.
fn follow<K>(api: Api<K>) -> impl Stream<Item = Result<Event<K>, watcher::Error>>
where
    K: kube::Resource + Clone + std::fmt::Debug + Send + serde::de::DeserializeOwned + 'static,
{
    watcher(api, watcher::Config::default()).default_backoff()
}

struct Scheduler {
    client: Client,
    cache: Cache,
    queue: Queue,
    /// Names seen since a relist began.
    nodes_seen: HashSet<String>,
    pods_seen: HashSet<String>,
    /// Both lists have been read once: before, a node may look emptier than it is.
    synced: (bool, bool),
    decisions: u64,
}

/// Schedules pods until cancelled or a watch ends.
pub async fn run(client: Client) -> Result<(), RunError> {
    let mut nodes = std::pin::pin!(follow::<Node>(Api::all(client.clone())));
    let mut pods = std::pin::pin!(follow::<Pod>(Api::all(client.clone())));
    let mut scheduler = Scheduler {
        client,
        cache: Cache::default(),
        queue: Queue::default(),
        nodes_seen: HashSet::new(),
        pods_seen: HashSet::new(),
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
            event = nodes.next() => match event {
                Some(Ok(event)) => scheduler.node_event(event),
                Some(Err(error)) => tracing::warn!(%error, "watching nodes"),
                None => return Err(RunError::WatchEnded("node")),
            },
            event = pods.next() => match event {
                Some(Ok(event)) => scheduler.pod_event(event),
                Some(Err(error)) => tracing::warn!(%error, "watching pods"),
                None => return Err(RunError::WatchEnded("pod")),
            },
            () = std::future::ready(()), if scheduler.has_work() => scheduler.schedule_one().await,
            () = timer => {}
        }
    }
}

impl Scheduler {
    fn has_work(&mut self) -> bool {
        self.synced == (true, true) && self.queue.has_active()
    }

    fn node_event(&mut self, event: Event<Node>) {
        match event {
            Event::Apply(node) => self.cache.put_node(&node),
            Event::InitApply(node) => {
                self.nodes_seen.extend(node.metadata.name.clone());
                self.cache.put_node(&node);
            }
            Event::Delete(node) => self
                .cache
                .remove_node(node.metadata.name.as_deref().unwrap_or_default()),
            Event::Init => self.nodes_seen.clear(),
            Event::InitDone => {
                self.cache.retain_nodes(&std::mem::take(&mut self.nodes_seen));
                self.synced.0 = true;
            }
        }
        self.queue.wake();
    }

    fn pod_event(&mut self, event: Event<Pod>) {
        match event {
            Event::Apply(pod) => self.pod(&pod),
            Event::InitApply(pod) => {
                self.pods_seen.extend(pod.metadata.uid.clone());
                self.pod(&pod);
            }
            Event::Delete(pod) => {
                let uid = pod.metadata.uid.as_deref().unwrap_or_default();
                self.cache.remove_pod(uid);
                self.queue.remove(uid);
                self.queue.wake();
            }
            Event::Init => self.pods_seen.clear(),
            Event::InitDone => {
                let seen = std::mem::take(&mut self.pods_seen);
                self.cache.retain_pods(&seen);
                self.queue.retain(&seen);
                self.synced.1 = true;
            }
        }
    }

    fn pod(&mut self, pod: &Pod) {
        let info = PodInfo::of(pod);
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

    async fn schedule_one(&mut self) {
        let Some(pod) = self.queue.pop() else { return };
        // spread ties without a random source: every decision starts elsewhere
        self.decisions = self.decisions.wrapping_add(1);
        match cycle::choose(&pod, self.cache.nodes(), self.decisions) {
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
                self.queue.park(pod, Instant::now());
            }
        }
    }
}

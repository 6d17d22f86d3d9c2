//! The scheduler's task: events in, one decision at a time out.

use std::collections::HashMap;
use std::sync::Arc;

use follow::{Change, changes};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment};
use kube::runtime::watcher::Config;
use kube::{Api, Client, ResourceExt as _};
use tokio::time::Instant;
use traces::{Decision, Recorder};

use crate::cache::{Cache, NodeInfo};
use crate::devices::Devices;
use crate::pod::PodInfo;
use crate::profile::{Profile, Profiles};
use crate::queue::Queue;
use crate::services::Services;
use crate::terms::Namespaces;
use crate::volumes::{Needs, Volumes};
use crate::{bind, cycle};

mod room;
mod settle;

use room::Nomination;
use settle::Settled;

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
    services: Services,
    namespaces: Namespaces,
    profiles: Profiles,
    /// Pods that keep a place on a node while their claims are bound, by UID.
    settled: HashMap<String, Settled>,
    /// Nodes, pods and namespaces have been read once: before, a node may look emptier than it is.
    synced: (bool, bool, bool),
    decisions: u64,
    traces: Recorder,
}

/// Schedules the profiles' pods until cancelled or a watch ends. Whoever traces is told of each decision.
pub fn run(client: Client, profiles: Profiles, traces: Recorder) -> BoxFuture<'static, Result<(), RunError>> {
    // boxed: compiled in this crate, once, and not in every crate that awaits it
    Box::pin(work(client, profiles, traces))
}

async fn work(client: Client, profiles: Profiles, traces: Recorder) -> Result<(), RunError> {
    let mut nodes = changes::<Node>(Api::all(client.clone()), Config::default());
    let mut pods = changes::<Pod>(Api::all(client.clone()), Config::default());
    let mut claims = changes::<PersistentVolumeClaim>(Api::all(client.clone()), Config::default());
    let mut volumes = changes::<PersistentVolume>(Api::all(client.clone()), Config::default());
    let mut namespaces = changes::<Namespace>(Api::all(client.clone()), Config::default());
    let mut classes = changes::<StorageClass>(Api::all(client.clone()), Config::default());
    let mut services = changes::<Service>(Api::all(client.clone()), Config::default());
    let mut drivers = changes::<CSIDriver>(Api::all(client.clone()), Config::default());
    let mut csi_nodes = changes::<CSINode>(Api::all(client.clone()), Config::default());
    let mut capacities = changes::<CSIStorageCapacity>(Api::all(client.clone()), Config::default());
    let mut attachments = changes::<VolumeAttachment>(Api::all(client.clone()), Config::default());
    let mut scheduler = Scheduler {
        client,
        cache: Cache::default(),
        queue: Queue::new(profiles.backoff),
        profiles,
        volumes: Volumes::default(),
        services: Services::default(),
        namespaces: Namespaces::default(),
        settled: HashMap::new(),
        synced: (false, false, false),
        decisions: 0,
        traces,
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
            change = namespaces.next() => scheduler.namespace(change.ok_or(RunError::WatchEnded("namespace"))?),
            change = claims.next() => scheduler.claim(change.ok_or(RunError::WatchEnded("claim"))?),
            change = volumes.next() => {
                scheduler.volumes.volume(change.ok_or(RunError::WatchEnded("volume"))?);
                scheduler.queue.retry(|pod| !pod.claims.is_empty(), Instant::now());
            }
            change = classes.next() => {
                scheduler.volumes.class(change.ok_or(RunError::WatchEnded("class"))?);
                scheduler.storage_changed();
            }
            change = services.next() => scheduler.services.take(change.ok_or(RunError::WatchEnded("service"))?),
            change = drivers.next() => {
                scheduler.volumes.driver(change.ok_or(RunError::WatchEnded("driver"))?);
                scheduler.storage_changed();
            }
            change = csi_nodes.next() => {
                scheduler.volumes.csi_node(change.ok_or(RunError::WatchEnded("CSINode"))?);
                scheduler.storage_changed();
            }
            change = capacities.next() => {
                scheduler.volumes.capacity(change.ok_or(RunError::WatchEnded("capacity"))?);
                scheduler.storage_changed();
            }
            change = attachments.next() => {
                scheduler.volumes.attachment(change.ok_or(RunError::WatchEnded("attachment"))?);
                scheduler.storage_changed();
            }
            () = std::future::ready(()), if scheduler.has_work() => scheduler.schedule_one().await,
            () = timer => {}
        }
    }
}

impl Scheduler {
    fn has_work(&mut self) -> bool {
        self.synced == (true, true, true) && self.queue.has_active()
    }

    fn node(&mut self, change: Change<Node>) {
        match change {
            Change::Set(node) => self.cache.put_node(&node),
            Change::Gone(identity) => self.cache.remove_node(&identity.name),
            Change::Listed => self.synced.0 = true,
        }
        self.queue.wake();
    }

    /// What drivers have or can take is something else now.
    fn storage_changed(&mut self) {
        self.queue.wake_if(|pod| !pod.claims.is_empty());
    }

    fn namespace(&mut self, change: Change<Namespace>) {
        match change {
            Change::Set(namespace) => {
                let labels = namespace.metadata.labels.clone().unwrap_or_default();
                let before = self.namespaces.insert(namespace.name_any(), labels.clone());
                if before != Some(labels) {
                    self.queue.wake_if(PodInfo::heeds_others);
                }
            }
            Change::Gone(identity) => drop(self.namespaces.remove(&identity.name)),
            Change::Listed => self.synced.2 = true,
        }
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
                self.settled.remove(&identity.uid);
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
            self.settled.remove(&info.uid);
            self.queue.remove(&info.uid);
            self.queue.wake();
        } else if !info.node.is_empty() {
            self.queue.remove(&info.uid);
            self.settled.remove(&info.uid);
            self.cache.place(info);
            self.queue.wake_if(PodInfo::heeds_others);
        } else if self.profiles.get(&info.scheduler).is_none() || info.gated || info.deleting {
            self.queue.remove(&info.uid);
            self.give_up_place(&info.uid);
        } else if !self.queue.keeps(&info) && !self.cache.is_placed(&info.uid) {
            self.queue.push(info);
        }
    }

    async fn schedule_one(&mut self) {
        let Some(pod) = self.queue.pop() else { return };
        let Some(profile) = self.profiles.get(&pod.scheduler).cloned() else {
            return;
        };
        let pod = self.spread_by_default(pod, &profile);
        // the pod is not in its own way
        let mut settled = self.give_up_place(&pod.uid);
        // spread ties without a random source: every decision starts elsewhere
        self.decisions = self.decisions.wrapping_add(1);
        let needs = match self.volumes.needs(&pod, self.cache.nodes()) {
            Ok(needs) => needs,
            Err(why) if profile.plugins.heed_claims() => return self.fits_nowhere(&profile, pod, &why).await,
            Err(_) => Needs::default(),
        };
        match self.still(settled.take(), &pod, &needs) {
            Ok(known) => settled = known,
            Err(why) => return self.refused_late(pod, &why).await,
        }
        // the claim was heard to be bound, and its volume has yet to be heard of
        if needs.is_lost()
            && let Some(settled) = settled
        {
            return self.keep(pod, settled);
        }
        let devices = match Devices::of(&self.client, &pod).await {
            Ok(devices) => devices,
            Err(why) => return self.fits_nowhere(&profile, pod, &why).await,
        };
        let nodes: Vec<_> = self.cache.nodes_for(&pod).collect();
        let by_volumes = |node: &NodeInfo| self.volumes.filter(&profile.plugins, &needs, node);
        let elsewhere = |node: &NodeInfo| settled.as_ref().and_then(|settled| settled.elsewhere(node));
        let reach = |node: &NodeInfo| {
            elsewhere(node)
                .or_else(|| by_volumes(node))
                .or_else(|| devices.filter(node))
        };
        let seen: Vec<&NodeInfo> = nodes.iter().map(AsRef::as_ref).collect();
        let mut told = self.traces.is_on().then(Vec::new);
        let (at, began) = (traces::now(), Instant::now());
        let choice = cycle::choose(
            &profile,
            &pod,
            &seen,
            &self.namespaces,
            reach,
            self.decisions,
            told.as_mut(),
        );
        drop(nodes);
        if let Some(verdicts) = told {
            let decision = Decision {
                at,
                took: began.elapsed().as_micros() as u64,
                uid: pod.uid.clone(),
                pod: pod.key(),
                chosen: choice.as_ref().ok().cloned(),
                ..Decision::default()
            };
            self.traces.decision(decision.of(verdicts));
        }
        match choice {
            Ok(node) if needs.must_wait() && profile.plugins.bind_claims() => {
                let until = settled.map_or(Instant::now() + profile.args.bind_timeout, |settled| settled.until);
                self.settle(pod, &needs, Settled { node, until }).await;
            }
            Ok(node) => self.bind(pod, node).await,
            // its node will not do any more: another might
            Err(_) if settled.is_some() => self.queue.push(pod),
            Err(why) => {
                let (room, nomination) = self.make_room(&profile, &pod, &needs, &why).await;
                let message = self.message(&why, room);
                self.cannot(pod, &message, nomination).await;
            }
        }
    }

    async fn bind(&mut self, pod: Arc<PodInfo>, node: String) {
        let mut assumed = PodInfo::clone(&pod);
        assumed.node.clone_from(&node);
        self.cache.place(Arc::new(assumed));
        self.cache.forget_promise(&pod.uid);
        if let Err(error) = bind::bind(&self.client, &pod, &node).await {
            tracing::warn!(pod = pod.key(), node, %error, "binding failed");
            // one that is gone or has a node by now has nothing to be told
            if !matches!(&error, kube::Error::Api(status) if matches!(status.code, 404 | 409)) {
                let message = format!("binding rejected: {error}");
                bind::report(&self.client, &pod, bind::FAILED, &message, true).await;
            }
            self.cache.remove_pod(&pod.uid);
            self.cache.promise(&pod);
            self.queue.park(pod, Instant::now());
            self.queue.wake();
        }
    }

    /// The pod with the profile's constraints, if it has none of its own.
    fn spread_by_default(&self, pod: Arc<PodInfo>, profile: &Profile) -> Arc<PodInfo> {
        let defaults = &profile.args.spread;
        let spread = self.services.spread(&pod, defaults);
        if spread.is_empty() {
            return pod;
        }
        let mut pod = Arc::unwrap_or_clone(pod);
        pod.spread = spread;
        pod.spread_leniently = defaults.lenient;
        Arc::new(pod)
    }
}

//! The actor's loop: gather what is new, look at the runtime, take the next steps, tell the status.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, PodStatus, ResourceRequirements};
use tasks::Group;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::mailbox::Mailbox;
use super::plan::{DEFINITION_CHANGED, Known, plan};
use super::pull::Pulls;
use crate::admission::Rejection;
use crate::context::Context;
use crate::events::Kind;
use crate::probes::Probes;
use crate::runtime::View;
use crate::status::Writer;
use crate::volumes::{self, lookup::Tokens, mounted::Mounted};

/// After a failure whose end nothing announces.
pub(super) const RETRY: Duration = Duration::from_secs(2);
/// Rounds of "look and act" without waiting; a pod of many init containers needs some.
const ROUNDS: usize = 16;

/// Where a pod is in its life here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// Its containers are to run.
    Running,
    /// Everything is to stop; it never runs again.
    Ending,
    /// Everything has stopped and its volumes are gone.
    Ended,
}

/// State of one pod.
pub(super) struct Actor {
    pub(super) context: Arc<Context>,
    pub(super) pod: Arc<Pod>,
    pub(super) mailbox: Mailbox,
    pub(super) group: Group,
    pub(super) writer: Writer,
    pub(super) view: View,
    pub(super) status: PodStatus,
    pub(super) life: Life,
    /// Its object is gone.
    pub(super) removed: bool,
    pub(super) failed: Option<(String, String)>,
    pub(super) known: Known,
    pub(super) probes: Probes,
    pub(super) pulls: Pulls,
    pub(super) backoff: Backoff,
    pub(super) waiting: HashMap<String, (String, String)>,
    /// Resources that containers (by id) were given.
    pub(super) applied: HashMap<String, ResourceRequirements>,
    /// Containers being stopped, with the grace they were given.
    pub(super) stopping: HashMap<String, Duration>,
    pub(super) volumes: volumes::Places,
    pub(super) prepared: bool,
    /// The sandbox whose isolation was waited for.
    pub(super) isolated: Option<String>,
    pub(super) tokens: Arc<Tokens>,
    pub(super) mounted: Mounted,
    /// Earliest moment to look again without being told.
    pub(super) wake: Option<Instant>,
}

/// How an actor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing of the pod is left.
    Done,
    /// A defect; the pod is still there and needs another actor.
    Panicked,
}

/// Starts the actor of `pod`; it ends when the pod is gone from API and runtime.
/// A rejected pod fails without having run.
pub(crate) fn start(
    context: Arc<Context>,
    pod: Arc<Pod>,
    rejection: Option<Rejection>,
    done: impl FnOnce(String, End) + Send + 'static,
) -> Mailbox {
    let mailbox = Mailbox::new(pod.metadata.uid.clone().unwrap_or_default());
    if let Some((reason, message)) = &rejection {
        context
            .recorder
            .pod(&pod, None, Kind::Warning, reason, message.as_str());
    }
    let group = Group::below(context.group.token());
    let actor = Actor {
        writer: Writer::start(context.clone(), &context.group),
        probes: Probes::new(context.clone(), group.clone(), mailbox.clone()),
        mailbox: mailbox.clone(),
        status: pod.status.clone().unwrap_or_default(),
        life: if rejection.is_some() {
            Life::Ending
        } else {
            Life::Running
        },
        removed: false,
        failed: rejection.map(|(reason, message)| (reason.to_owned(), message)),
        view: View::default(),
        known: Known::default(),
        pulls: Pulls::default(),
        backoff: Backoff::default(),
        waiting: HashMap::new(),
        applied: HashMap::new(),
        stopping: HashMap::new(),
        volumes: volumes::Places::new(),
        prepared: false,
        isolated: None,
        tokens: Arc::default(),
        mounted: Mounted::default(),
        wake: None,
        group,
        context: context.clone(),
        pod,
    };
    context.group.spawn("pod", async move {
        let uid = actor.mailbox.uid().to_owned();
        let group = actor.group.clone();
        let end = match AssertUnwindSafe(Box::pin(actor.run())).catch_unwind().await {
            Ok(()) => End::Done,
            Err(_) => End::Panicked,
        };
        // Probes and pulls of an actor that is gone must not go on.
        group.token().cancel();
        done(uid, end);
    });
    mailbox
}

impl Actor {
    async fn run(mut self) {
        self.adopt().await;
        let mut look = true;
        loop {
            if look {
                self.wake = None;
                if self.reconcile().await {
                    break;
                }
            } else {
                self.tell();
            }
            let wake = self.wake.unwrap_or_else(|| Instant::now() + Duration::from_hours(24));
            let mailbox = self.mailbox.clone();
            look = tokio::select! {
                inbox = mailbox.receive() => self.take(inbox).await,
                () = tokio::time::sleep_until(wake) => true,
            };
        }
        let uid = self.mailbox.uid().to_owned();
        self.context.config_maps.release(&uid, &HashSet::new());
        self.context.secrets.release(&uid, &HashSet::new());
        self.context.claims.release(&uid, &HashSet::new());
        self.group.stop(Duration::from_secs(1)).await;
    }

    /// What a predecessor left running goes on untouched: probes resume from the verdicts the API shows.
    async fn adopt(&mut self) {
        if let Ok(view) = self.context.runtime.view(self.mailbox.uid()).await {
            self.view = view;
        }
        let statuses = self
            .status
            .container_statuses
            .iter()
            .flatten()
            .chain(self.status.init_container_statuses.iter().flatten());
        for shown in statuses.cloned().collect::<Vec<_>>() {
            let id = shown
                .container_id
                .as_deref()
                .and_then(|id| id.strip_prefix("containerd://"))
                .unwrap_or_default();
            let running = self.view.running().any(|container| container.id == id);
            if let Some(resources) = shown.resources.filter(|_| running) {
                self.applied.insert(id.to_owned(), resources);
            }
            if running {
                self.probes.remember(id, shown.started == Some(true), shown.ready);
            }
        }
        if matches!(self.status.phase.as_deref(), Some("Succeeded" | "Failed")) {
            self.life = Life::Ending;
        }
    }

    pub(super) fn spec(&self) -> PodSpec {
        self.pod.spec.clone().unwrap_or_default()
    }

    /// The pod's addresses; on the node's network they are the node's.
    pub(super) fn ips(&self) -> Vec<String> {
        if self.pod.spec.as_ref().and_then(|spec| spec.host_network) == Some(true) {
            return self.context.host_ips();
        }
        self.view
            .sandbox()
            .map(|sandbox| sandbox.ips.clone())
            .unwrap_or_default()
    }

    /// The container or ephemeral container of that name.
    pub(super) fn container(&self, name: &str) -> Option<Container> {
        let spec = self.pod.spec.as_ref()?;
        let plain = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        if let Some(found) = plain.into_iter().find(|container| container.name == name) {
            return Some(found.clone());
        }
        let ephemeral = spec
            .ephemeral_containers
            .iter()
            .flatten()
            .find(|container| container.name == name)?;
        serde_json::from_value(serde_json::to_value(ephemeral).ok()?).ok()
    }

    /// Makes the loop look again after `delay` at the latest.
    pub(super) fn wake_in(&mut self, delay: Duration) {
        let at = Instant::now() + delay;
        self.wake = Some(self.wake.map_or(at, |present| present.min(at)));
    }

    /// One pass. True once nothing of the pod is left to care for.
    async fn reconcile(&mut self) -> bool {
        for _ in 0..ROUNDS {
            match self.context.runtime.view(self.mailbox.uid()).await {
                Ok(view) => self.view = view,
                Err(error) => {
                    tracing::warn!(pod = self.pod.metadata.name, %error, "runtime does not answer");
                    self.wake_in(RETRY);
                    return false;
                }
            }
            self.probes.sync(&self.pod, &self.view);
            self.known.started.clone_from(&self.probes.started);
            let held: HashSet<&str> = self.view.containers.iter().map(|held| held.id.as_str()).collect();
            self.known.unhealthy.retain(|id, _| held.contains(id.as_str()));
            self.applied.retain(|id, _| held.contains(id.as_str()));
            self.judge();
            let acted = match self.life {
                Life::Running => self.advance().await,
                Life::Ending => self.end().await,
                Life::Ended => false,
            };
            self.tell();
            if !acted {
                break;
            }
        }
        if self.life == Life::Ended && self.removed {
            self.forget().await;
            return true;
        }
        false
    }

    /// Takes the steps of the plan. True if the runtime is to be looked at again at once.
    async fn advance(&mut self) -> bool {
        let plan = plan(&self.spec(), &self.view, &self.known);
        if plan.finish {
            self.life = Life::Ending;
            return true;
        }
        for (id, reason) in &plan.stop {
            if reason.ends_with(DEFINITION_CHANGED) {
                self.known.replace.insert(id.clone());
            }
            self.stop_container(id, reason, None);
        }
        if let Some(attempt) = plan.sandbox {
            // A sandbox takes a while; until then the API shows that the pod has arrived.
            self.tell();
            return self.create_sandbox(attempt).await;
        }
        if self.view.sandbox().is_none() {
            return false;
        }
        if !self.prepared && !self.prepare_volumes().await {
            return false;
        }
        self.resize().await;
        if !plan.start.is_empty() {
            self.isolate().await;
        }
        let mut acted = false;
        for name in self.ephemeral_to_start().into_iter().chain(plan.start) {
            acted |= self.start_container(&name).await;
        }
        self.refresh_volumes().await;
        acted
    }

    fn ephemeral_to_start(&self) -> Vec<String> {
        let spec = self.pod.spec.as_ref();
        let list = spec
            .and_then(|spec| spec.ephemeral_containers.as_ref())
            .into_iter()
            .flatten();
        list.map(|container| container.name.clone())
            .filter(|name| self.view.latest(name).is_none())
            .collect()
    }
}

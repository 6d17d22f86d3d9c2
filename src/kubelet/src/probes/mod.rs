//! Startup, liveness and readiness probes: one task per container and probe, verdicts to the pod's actor.

mod grpc;
mod http;
mod run;
mod worker;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tasks::{CancellationToken, Group};

use crate::context::Context;
use crate::pod::mailbox::Mailbox;
use crate::pod::restart::is_sidecar;
use crate::runtime::{Container as Held, View};

pub(crate) use http::get as http_get;

/// What a probe is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Startup,
    Liveness,
    Readiness,
}

impl Purpose {
    /// As events write it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
        }
    }
}

/// A change that a probe has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The startup probe has succeeded.
    Started,
    /// The readiness probe has changed its mind.
    Ready(bool),
    /// The container is to be restarted.
    Failed(Purpose),
}

/// Probes of one pod.
pub(crate) struct Probes {
    context: Arc<Context>,
    group: Group,
    mailbox: Mailbox,
    /// Containers (by id) that are ready.
    pub(crate) ready: HashSet<String>,
    /// Containers (by id) that have started.
    pub(crate) started: HashSet<String>,
    watched: HashMap<String, Watched>,
    remembered: HashMap<String, (bool, bool)>,
    frozen: bool,
}

struct Watched {
    cancel: CancellationToken,
    container: Container,
    target: worker::Target,
}

impl Probes {
    pub(crate) fn new(context: Arc<Context>, group: Group, mailbox: Mailbox) -> Self {
        Self {
            context,
            group,
            mailbox,
            ready: HashSet::new(),
            started: HashSet::new(),
            watched: HashMap::new(),
            remembered: HashMap::new(),
            frozen: false,
        }
    }

    /// Takes over what a predecessor had found of a container that has run on.
    pub(crate) fn remember(&mut self, id: &str, started: bool, ready: bool) {
        self.remembered.insert(id.to_owned(), (started, ready));
    }

    /// A pod that ends keeps its readiness probes (endpoints show it as serving while it can), nothing else.
    pub(crate) fn stop_readiness_updates(&mut self) {
        if !self.frozen {
            self.frozen = true;
            for watched in self.watched.values() {
                watched.target.ending.cancel();
            }
        }
    }

    /// Begins probing containers that run now and forgets those that do not.
    pub(crate) fn sync(&mut self, pod: &Arc<Pod>, view: &View) {
        let running: HashMap<&str, &Held> = view.running().map(|held| (held.id.as_str(), held)).collect();
        self.watched.retain(|id, watched| {
            let alive = running.contains_key(id.as_str());
            if !alive {
                watched.cancel.cancel();
            }
            alive
        });
        self.ready.retain(|id| running.contains_key(id.as_str()));
        self.started.retain(|id| running.contains_key(id.as_str()));
        let ip = view
            .sandbox()
            .and_then(|sandbox| sandbox.ips.first().cloned())
            .unwrap_or_default();
        let host_network = pod.spec.as_ref().and_then(|spec| spec.host_network) == Some(true);
        let ip = if host_network {
            self.context.options.node_ip.to_string()
        } else {
            ip
        };
        for (id, held) in running {
            if self.watched.contains_key(id) {
                continue;
            }
            let Some(container) = find(pod, &held.name) else {
                self.started.insert(id.to_owned());
                continue;
            };
            self.begin(pod, held, container, &ip);
        }
    }

    fn begin(&mut self, pod: &Arc<Pod>, held: &Held, container: Container, ip: &str) {
        let cancel = self.group.token().child_token();
        let target = worker::Target {
            context: self.context.clone(),
            mailbox: self.mailbox.clone(),
            pod: pod.clone(),
            container: container.clone(),
            id: held.id.clone(),
            ip: ip.to_owned(),
            started_at: held.started_at,
            cancel: cancel.clone(),
            ending: cancel.child_token(),
        };
        let (was_started, was_ready) = self.remembered.get(&held.id).copied().unwrap_or_default();
        let startup = container.startup_probe.clone().filter(|_| !was_started);
        self.watched.insert(
            held.id.clone(),
            Watched {
                cancel,
                container,
                target,
            },
        );
        match startup {
            Some(probe) => self.spawn(&held.id, Purpose::Startup, probe, false),
            None => self.on_started(&held.id, was_ready),
        }
    }

    fn on_started(&mut self, id: &str, was_ready: bool) {
        self.started.insert(id.to_owned());
        let Some(watched) = self.watched.get(id) else { return };
        let (liveness, readiness) = (
            watched.container.liveness_probe.clone(),
            watched.container.readiness_probe.clone(),
        );
        if let Some(probe) = liveness {
            self.spawn(id, Purpose::Liveness, probe, false);
        }
        match readiness {
            Some(probe) => {
                if was_ready {
                    self.ready.insert(id.to_owned());
                }
                self.spawn(id, Purpose::Readiness, probe, was_ready);
            }
            None => {
                self.ready.insert(id.to_owned());
            }
        }
    }

    fn spawn(&self, id: &str, purpose: Purpose, probe: k8s_openapi::api::core::v1::Probe, ready: bool) {
        if let Some(watched) = self.watched.get(id) {
            self.group
                .spawn("probe", worker::run(watched.target.clone(), purpose, probe, ready));
        }
    }

    /// Takes note of a verdict. Gives the probe's name if the container is to be restarted for it.
    pub(crate) fn note(&mut self, id: &str, verdict: &Verdict) -> Option<&'static str> {
        match verdict {
            Verdict::Started => self.on_started(id, false),
            Verdict::Ready(true) => drop(self.ready.insert(id.to_owned())),
            Verdict::Ready(false) => drop(self.ready.remove(id)),
            Verdict::Failed(Purpose::Startup) => return Some("startup"),
            Verdict::Failed(_) => return Some("liveness"),
        }
        None
    }
}

/// Regular containers and sidecars have probes; init and ephemeral containers have none.
fn find(pod: &Pod, name: &str) -> Option<Container> {
    let spec = pod.spec.as_ref()?;
    let sidecars = spec
        .init_containers
        .iter()
        .flatten()
        .filter(|container| is_sidecar(container));
    spec.containers
        .iter()
        .chain(sidecars)
        .find(|container| container.name == name)
        .cloned()
}

/// The number of a port that is given by number or by the container's own name for it.
pub(crate) fn port_number(port: &IntOrString, container: &Container) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(name) => {
            let named = container
                .ports
                .iter()
                .flatten()
                .find(|port| port.name.as_ref() == Some(name));
            named.map(|port| port.container_port).or_else(|| name.parse().ok())
        }
    };
    number
        .and_then(|number| u16::try_from(number).ok())
        .filter(|number| *number > 0)
        .ok_or_else(|| match port {
            IntOrString::Int(number) => format!("invalid port number: {number}"),
            IntOrString::String(name) => format!("couldn't find port: {name:?} in container {}", container.name),
        })
}

//! What the scheduler keeps of a pod.

use std::collections::BTreeMap;
use std::sync::Arc;

use claims::ClaimUse;
use k8s_openapi::api::core::v1::{Affinity, Container, Pod, PodSpec, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use k8s_openapi::jiff::Timestamp;
use machinery::quantity::Quantity;

use crate::devices;
use crate::terms::{Labels, Spread, Terms};

/// Amounts by resource name: `cpu` in thousandths, everything else in whole units.
pub(crate) type Amounts = BTreeMap<String, i64>;

/// What the score of a pod without requests counts with, as upstream does.
pub(crate) const DEFAULT_CPU: i64 = 100;
pub(crate) const DEFAULT_MEMORY: i64 = 200 << 20;

/// The reason of the condition `DisruptionTarget` of pods that have to make room.
pub(crate) const PREEMPTED: &str = "PreemptionByScheduler";

/// A port that a pod takes on its node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostPort {
    pub(crate) port: i32,
    pub(crate) protocol: String,
    /// Empty for all addresses.
    pub(crate) address: String,
}

impl HostPort {
    pub(crate) fn collides(&self, other: &Self) -> bool {
        self.port == other.port
            && self.protocol == other.protocol
            && (self.address == other.address || self.address.is_empty() || other.address.is_empty())
    }
}

/// Immutable facts of a pod.
#[derive(Debug, Clone, Default)]
pub(crate) struct PodInfo {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    pub(crate) node: String,
    pub(crate) priority: i32,
    pub(crate) requests: Amounts,
    /// Requests with the defaults for scoring.
    pub(crate) scored: Amounts,
    pub(crate) ports: Vec<HostPort>,
    pub(crate) node_selector: BTreeMap<String, String>,
    pub(crate) affinity: Option<Affinity>,
    pub(crate) tolerations: Vec<Toleration>,
    /// Of pods that are spread by default: those of a ReplicaSet, a StatefulSet or a ReplicationController.
    pub(crate) owner: Option<String>,
    pub(crate) scheduler: String,
    pub(crate) gated: bool,
    pub(crate) finished: bool,
    pub(crate) deleting: bool,
    /// Being deleted because a more important pod needs its room.
    pub(crate) preempted: bool,
    pub(crate) generation: Option<i64>,
    pub(crate) images: Vec<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) started: Option<Timestamp>,
    /// Makes no room for itself.
    pub(crate) never_preempts: bool,
    /// The node that it has been promised.
    pub(crate) nominated: String,
    pub(crate) claims: Vec<ClaimUse>,
    pub(crate) terms: Terms,
    pub(crate) spread: Vec<Spread>,
    /// The constraints are the system's defaults: nodes need not have all their labels.
    pub(crate) spread_leniently: bool,
    /// Claims for devices, by name; `None` for one that has yet to be made.
    pub(crate) devices: Vec<Option<String>>,
}

impl PodInfo {
    pub(crate) fn of(pod: &Pod) -> Arc<Self> {
        let empty = PodSpec::default();
        let spec = pod.spec.as_ref().unwrap_or(&empty);
        let phase = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref())
            .unwrap_or_default();
        let scored = requests(spec, |mut own| {
            own.entry("cpu".to_owned()).or_insert(DEFAULT_CPU);
            own.entry("memory".to_owned()).or_insert(DEFAULT_MEMORY);
            own
        });
        let requests = requests(spec, |own| own);
        let meta = &pod.metadata;
        let labels: Labels = meta.labels.clone().unwrap_or_default().into_iter().collect();
        let namespace = meta.namespace.clone().unwrap_or_default();
        Arc::new(Self {
            terms: Terms::of(spec.affinity.as_ref(), &namespace, &labels),
            spread: Spread::all(spec, &labels),
            spread_leniently: false,
            devices: devices::names(pod),
            namespace,
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            resource_version: meta.resource_version.clone().unwrap_or_default(),
            node: spec.node_name.clone().unwrap_or_default(),
            priority: spec.priority.unwrap_or_default(),
            requests,
            scored,
            ports: host_ports(spec),
            node_selector: spec.node_selector.clone().unwrap_or_default().into_iter().collect(),
            affinity: spec.affinity.clone(),
            tolerations: spec.tolerations.clone().unwrap_or_default(),
            owner: meta
                .owner_references
                .iter()
                .flatten()
                .find(|owner| owner.controller == Some(true))
                .filter(|owner| {
                    matches!(
                        owner.kind.as_str(),
                        "ReplicaSet" | "StatefulSet" | "ReplicationController"
                    )
                })
                .map(|owner| owner.uid.clone()),
            scheduler: spec
                .scheduler_name
                .clone()
                .unwrap_or_else(|| "default-scheduler".to_owned()),
            gated: spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty()),
            finished: matches!(phase, "Succeeded" | "Failed"),
            deleting: meta.deletion_timestamp.is_some(),
            preempted: meta.deletion_timestamp.is_some() && is_preempted(pod),
            generation: meta.generation,
            labels,
            started: pod
                .status
                .as_ref()
                .and_then(|status| status.start_time.as_ref())
                .map(|time| time.0),
            never_preempts: spec.preemption_policy.as_deref() == Some("Never"),
            nominated: pod
                .status
                .as_ref()
                .and_then(|status| status.nominated_node_name.clone())
                .unwrap_or_default(),
            images: images(spec),
            claims: claims::claims_of(meta.name.as_deref().unwrap_or_default(), spec),
        })
    }

    /// Whether it may go somewhere depends on where other pods are.
    pub(crate) fn heeds_others(&self) -> bool {
        self.spread.iter().any(|constraint| constraint.hard) || !self.terms.is_empty()
    }

    /// True of something that was heard late.
    pub(crate) fn is_older_than(&self, other: &Self) -> bool {
        is_older(&self.resource_version, &other.resource_version)
    }

    /// `namespace/name`.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// True if the first version came before the second. Versions that cannot be compared count as new.
pub(crate) fn is_older(version: &str, than: &str) -> bool {
    let number = |version: &str| version.parse::<u64>().ok();
    number(version)
        .zip(number(than))
        .is_some_and(|(version, than)| version < than)
}

fn is_preempted(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut disruption = conditions.filter(|condition| condition.type_ == "DisruptionTarget");
    disruption
        .next()
        .is_some_and(|condition| condition.status == "True" && condition.reason.as_deref() == Some(PREEMPTED))
}

fn amounts<'a>(quantities: impl IntoIterator<Item = (&'a String, &'a ApiQuantity)>) -> Amounts {
    quantities
        .into_iter()
        .filter_map(|(name, quantity)| {
            let quantity: Quantity = quantity.0.parse().ok()?;
            Some((
                name.clone(),
                if name == "cpu" {
                    quantity.milli_value()
                } else {
                    quantity.value()
                },
            ))
        })
        .collect()
}

/// Amounts of a node's `allocatable`.
pub(crate) fn allocatable<'a>(quantities: impl IntoIterator<Item = (&'a String, &'a ApiQuantity)>) -> Amounts {
    amounts(quantities)
}

fn of_container(container: &Container) -> Amounts {
    let requests = container
        .resources
        .as_ref()
        .and_then(|resources| resources.requests.as_ref());
    amounts(requests.into_iter().flatten())
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let slot = sum.entry(name.clone()).or_default();
        *slot = slot.saturating_add(*amount);
    }
}

fn raise(most: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        let slot = most.entry(name.clone()).or_default();
        *slot = (*slot).max(*amount);
    }
}

/// What the pod needs at its peak: containers and sidecars together, or an init container beside the sidecars before it. `counted`
/// says what a container counts for that requests so much.
fn requests(spec: &PodSpec, counted: fn(Amounts) -> Amounts) -> Amounts {
    let of_container = |container: &Container| counted(of_container(container));
    let mut running = Amounts::new();
    spec.containers
        .iter()
        .for_each(|container| add(&mut running, &of_container(container)));
    let (mut sidecars, mut peak) = (Amounts::new(), Amounts::new());
    for container in spec.init_containers.iter().flatten() {
        let own = of_container(container);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut sidecars, &own);
            raise(&mut peak, &sidecars);
        } else {
            let mut beside = sidecars.clone();
            add(&mut beside, &own);
            raise(&mut peak, &beside);
        }
    }
    add(&mut running, &sidecars);
    raise(&mut peak, &running);
    let whole = spec
        .resources
        .as_ref()
        .and_then(|resources| resources.requests.as_ref());
    for (name, amount) in amounts(whole.into_iter().flatten()) {
        peak.insert(name, amount);
    }
    add(&mut peak, &amounts(spec.overhead.iter().flatten()));
    peak
}

/// The names of its images as nodes list them.
fn images(spec: &PodSpec) -> Vec<String> {
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    let images = containers.filter_map(|container| container.image.as_deref());
    let tagged = |image: &str| image.rsplit('/').next().is_some_and(|last| last.contains(':'));
    images
        .map(|image| {
            if tagged(image) {
                image.to_owned()
            } else {
                format!("{image}:latest")
            }
        })
        .collect()
}

fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let sidecars = spec
        .init_containers
        .iter()
        .flatten()
        .filter(|container| container.restart_policy.as_deref() == Some("Always"));
    let ports = spec
        .containers
        .iter()
        .chain(sidecars)
        .flat_map(|container| container.ports.iter().flatten());
    ports
        .filter_map(|port| {
            let number = port.host_port.filter(|number| *number > 0)?;
            let address = port
                .host_ip
                .clone()
                .filter(|address| address != "0.0.0.0")
                .unwrap_or_default();
            Some(HostPort {
                port: number,
                protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
                address,
            })
        })
        .collect()
}

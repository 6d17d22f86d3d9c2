//! A pod's status from its spec and from what the runtime holds. Pure: no clock but the one passed in, no I/O.

mod conditions;
mod containers;
mod phase;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::pod::resources;
use crate::runtime::View;

pub(crate) use writer::{Desired, Writer};

/// What the actor knows beyond spec and runtime.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Containers (by name) that wait: reason and message.
    pub(crate) waiting: HashMap<String, (String, String)>,
    /// Containers (by id) whose readiness probe succeeds, or that have none.
    pub(crate) ready: HashSet<String>,
    /// Containers (by id) that have passed their startup probe, or have none.
    pub(crate) started: HashSet<String>,
    /// The pod is not to run any more, whatever its restart policy.
    pub(crate) terminal: bool,
    /// Phase `Failed` with this reason and message, e.g. `DeadlineExceeded`.
    pub(crate) failed: Option<(String, String)>,
    /// Resources that containers (by id) were given.
    pub(crate) applied: HashMap<String, ResourceRequirements>,
    /// The node's addresses.
    pub(crate) host_ips: Vec<String>,
}

/// The pod's status now; `old` is the one last written, for start and transition times.
pub(crate) fn generate(pod: &Pod, old: &PodStatus, view: &View, facts: &Facts, now: Timestamp) -> PodStatus {
    let spec = pod.spec.clone().unwrap_or_default();
    let init_statuses = containers::statuses(&spec, containers::Group::Init, old, view, facts);
    let statuses = containers::statuses(&spec, containers::Group::Regular, old, view, facts);
    let ephemeral = containers::statuses(&spec, containers::Group::Ephemeral, old, view, facts);
    let all: Vec<ContainerStatus> = init_statuses.iter().chain(&statuses).cloned().collect();
    let initialized = phase::any_regular_started(&spec, &all);
    let mut phase = phase::of(&spec, &all, facts.terminal, initialized).to_owned();
    // A terminal phase is never left.
    if let Some(last) = old
        .phase
        .as_deref()
        .filter(|phase| matches!(*phase, "Succeeded" | "Failed"))
    {
        last.clone_into(&mut phase);
    }
    let (mut reason, mut message) = (None, None);
    if let Some((why, text)) = &facts.failed {
        "Failed".clone_into(&mut phase);
        (reason, message) = (Some(why.clone()), Some(text.clone()));
    } else if phase == "Failed" {
        (reason, message) = (old.reason.clone(), old.message.clone());
    }
    let host_network = spec.host_network == Some(true);
    let ips = if host_network {
        facts.host_ips.clone()
    } else {
        view.sandbox().map(|sandbox| sandbox.ips.clone()).unwrap_or_default()
    };
    // The address stays in the status of a pod that has ended.
    let ips = if ips.is_empty() {
        old.pod_ips.iter().flatten().map(|ip| ip.ip.clone()).collect()
    } else {
        ips
    };
    let conditions = conditions::all(pod, old, view, &all, &phase, now);
    PodStatus {
        phase: Some(phase),
        reason,
        message,
        conditions: Some(conditions),
        host_ip: facts.host_ips.first().cloned(),
        host_ips: Some(facts.host_ips.iter().map(|ip| HostIP { ip: ip.clone() }).collect()),
        pod_ip: ips.first().cloned(),
        pod_ips: (!ips.is_empty()).then(|| ips.into_iter().map(|ip| PodIP { ip }).collect()),
        start_time: Some(old.start_time.clone().unwrap_or(Time(now))),
        qos_class: Some(resources::qos(&spec).name().to_owned()),
        init_container_statuses: (!init_statuses.is_empty()).then_some(init_statuses),
        container_statuses: Some(statuses),
        ephemeral_container_statuses: (!ephemeral.is_empty()).then_some(ephemeral),
        observed_generation: pod.metadata.generation,
        ..Default::default()
    }
}

/// Takes over the conditions that others have written since.
pub(crate) fn adopt_foreign(status: &mut PodStatus, shown: Vec<PodCondition>) {
    let conditions = status.conditions.get_or_insert_default();
    conditions.retain(|condition| writer::OWN_CONDITIONS.contains(&condition.type_.as_str()));
    conditions.extend(
        shown
            .into_iter()
            .filter(|condition| !writer::OWN_CONDITIONS.contains(&condition.type_.as_str())),
    );
}

/// Keeps the phase as it was while containers are still being stopped.
pub(crate) fn hold_back_terminal(status: &mut PodStatus, old: &PodStatus) {
    let terminal = |phase: &Option<String>| matches!(phase.as_deref(), Some("Succeeded" | "Failed"));
    if terminal(&status.phase) && !terminal(&old.phase) {
        status.phase = old.phase.clone().or_else(|| Some("Pending".to_owned()));
    }
}

//! A pod's conditions: those the kubelet owns are computed, all others stay as they are.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition, PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::phase::any_regular_started;
use crate::pod::restart::is_sidecar;
use crate::runtime::View;

struct Verdict {
    status: bool,
    reason: &'static str,
    message: String,
}

const YES: Verdict = Verdict {
    status: true,
    reason: "",
    message: String::new(),
};

fn no(reason: &'static str, message: String) -> Verdict {
    Verdict {
        status: false,
        reason,
        message,
    }
}

/// All conditions, the kubelet's own first.
pub(super) fn all(
    pod: &Pod,
    old: &PodStatus,
    view: &View,
    statuses: &[ContainerStatus],
    phase: &str,
    now: Timestamp,
) -> Vec<PodCondition> {
    let spec = pod.spec.clone().unwrap_or_default();
    let present = old.conditions.clone().unwrap_or_default();
    let containers = containers_ready(&spec, statuses, phase);
    let ready = if containers.status {
        gates(&spec, &present)
    } else {
        no(containers.reason, containers.message.clone())
    };
    let sandbox = if view.sandbox().is_some() {
        YES
    } else {
        no("", String::new())
    };
    let own = [
        ("PodReadyToStartContainers", sandbox),
        ("Initialized", initialized(&spec, statuses, phase)),
        ("Ready", ready),
        ("ContainersReady", containers),
        ("PodScheduled", YES),
    ];
    let names: Vec<&str> = own.iter().map(|(name, _)| *name).collect();
    let mut conditions: Vec<PodCondition> = own
        .into_iter()
        .map(|(name, verdict)| condition(pod, &present, name, verdict, now))
        .collect();
    conditions.extend(
        present
            .into_iter()
            .filter(|condition| !names.contains(&condition.type_.as_str())),
    );
    conditions
}

fn condition(pod: &Pod, present: &[PodCondition], name: &str, verdict: Verdict, now: Timestamp) -> PodCondition {
    let status = if verdict.status { "True" } else { "False" };
    let before = present.iter().find(|condition| condition.type_ == name);
    let since = before
        .filter(|before| before.status == status)
        .and_then(|before| before.last_transition_time.clone());
    PodCondition {
        type_: name.to_owned(),
        status: status.to_owned(),
        reason: Some(verdict.reason.to_owned()).filter(|reason| !reason.is_empty()),
        message: Some(verdict.message).filter(|message| !message.is_empty()),
        last_transition_time: Some(since.unwrap_or(Time(now))),
        observed_generation: pod.metadata.generation,
        ..Default::default()
    }
}

fn containers_ready(spec: &PodSpec, statuses: &[ContainerStatus], phase: &str) -> Verdict {
    let sidecars = spec
        .init_containers
        .iter()
        .flatten()
        .filter(|container| is_sidecar(container));
    let (mut unknown, mut unready) = (Vec::new(), Vec::new());
    for container in sidecars.chain(&spec.containers) {
        match statuses.iter().find(|status| status.name == container.name) {
            None => unknown.push(container.name.as_str()),
            Some(status) if !status.ready => unready.push(container.name.as_str()),
            Some(_) => {}
        }
    }
    match phase {
        "Succeeded" if unknown.is_empty() => return no("PodCompleted", String::new()),
        "Failed" => return no("PodFailed", String::new()),
        _ => {}
    }
    complaint(&[("unknown", unknown), ("unready", unready)]).map_or(YES, |message| no("ContainersNotReady", message))
}

fn complaint(lists: &[(&str, Vec<&str>)]) -> Option<String> {
    let texts = lists.iter().filter(|(_, names)| !names.is_empty());
    let texts: Vec<String> = texts
        .map(|(what, names)| format!("containers with {what} status: [{}]", names.join(" ")))
        .collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn initialized(spec: &PodSpec, statuses: &[ContainerStatus], phase: &str) -> Verdict {
    let (mut unknown, mut incomplete) = (Vec::new(), Vec::new());
    for container in spec.init_containers.iter().flatten() {
        match statuses.iter().find(|status| status.name == container.name) {
            None => unknown.push(container.name.as_str()),
            Some(status) => {
                let done = if is_sidecar(container) {
                    status.started == Some(true)
                } else {
                    status.ready
                };
                if !done {
                    incomplete.push(container.name.as_str());
                }
            }
        }
    }
    if phase == "Succeeded" && unknown.is_empty() {
        return Verdict {
            status: true,
            reason: "PodCompleted",
            message: String::new(),
        };
    }
    if any_regular_started(spec, statuses) {
        return YES;
    }
    complaint(&[("unknown", unknown), ("incomplete", incomplete)])
        .map_or(YES, |message| no("ContainersNotInitialized", message))
}

fn gates(spec: &PodSpec, present: &[PodCondition]) -> Verdict {
    let mut messages = Vec::new();
    for gate in spec.readiness_gates.iter().flatten() {
        let name = &gate.condition_type;
        match present.iter().find(|condition| condition.type_ == *name) {
            None => messages.push(format!(
                "corresponding condition of pod readiness gate {name:?} does not exist."
            )),
            Some(condition) if condition.status != "True" => messages.push(format!(
                "the status of pod readiness gate {name:?} is not \"True\", but {}",
                condition.status
            )),
            Some(_) => {}
        }
    }
    if messages.is_empty() {
        YES
    } else {
        no("ReadinessGatesNotReady", messages.join(", "))
    }
}

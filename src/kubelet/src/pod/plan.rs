//! What a pod needs next, as a pure function of its spec and of what the runtime holds. The actor carries it out.

use std::collections::{HashMap, HashSet};

use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::restart::{is_sidecar, should_restart, should_restart_init};
use crate::runtime::{State, View, labels};

/// Ends the reason for stopping a container whose spec is another now; it starts again whatever the restart policy.
pub(super) const DEFINITION_CHANGED: &str = "definition changed, will be restarted";

/// What is known besides spec and runtime.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Containers (by id) that must be stopped, with the reason as it appears in the event.
    pub(crate) unhealthy: HashMap<String, String>,
    /// Containers (by id) that have passed their startup probe.
    pub(crate) started: HashSet<String>,
    /// Containers (by id) that are being stopped and start again whatever the restart policy.
    pub(crate) replace: HashSet<String>,
}

/// The next steps, to be taken in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Everything is to end: no container runs and none is to be started, or initialization failed for good.
    pub(crate) finish: bool,
    /// Containers to stop: id and reason.
    pub(crate) stop: Vec<(String, String)>,
    /// A new sandbox with this attempt number.
    pub(crate) sandbox: Option<u32>,
    /// Names of containers to start, once the sandbox is ready.
    pub(crate) start: Vec<String>,
}

/// Computes the next steps of a pod that is to run.
pub(crate) fn plan(spec: &PodSpec, view: &View, known: &Known) -> Plan {
    match view.sandbox() {
        Some(sandbox) => in_sandbox(spec, view, &sandbox.id, known),
        None => without_sandbox(spec, view),
    }
}

/// No usable sandbox: whatever still runs in an old one stops, then all starts over in a new one.
fn without_sandbox(spec: &PodSpec, view: &View) -> Plan {
    let mut plan = Plan::default();
    for container in view.running() {
        plan.stop.push((
            container.id.clone(),
            "Pod sandbox changed, it will be killed and re-created.".to_owned(),
        ));
    }
    if !plan.stop.is_empty() {
        return plan;
    }
    let wanted: Vec<&Container> = spec
        .containers
        .iter()
        .filter(|container| wanted(spec, container, view))
        .collect();
    let never = spec.restart_policy.as_deref() == Some("Never");
    // A pod that may not restart and has had containers does not get a second sandbox.
    if wanted.is_empty() || never && !view.sandboxes.is_empty() && !view.containers.is_empty() {
        plan.finish = true;
        return plan;
    }
    plan.sandbox = Some(view.sandboxes.first().map_or(0, |sandbox| sandbox.attempt + 1));
    plan.start = match spec.init_containers.as_deref().and_then(<[Container]>::first) {
        Some(first) => vec![first.name.clone()],
        None => wanted.into_iter().map(|container| container.name.clone()).collect(),
    };
    plan
}

/// True if a container that does not run is to be started.
fn wanted(spec: &PodSpec, container: &Container, view: &View) -> bool {
    view.latest(&container.name).is_none_or(|latest| match latest.state {
        // Created and never started: the start failed, or the agent died in between.
        State::Created | State::Unknown => true,
        State::Exited => should_restart(spec, container, latest.exit_code),
        State::Running => false,
    })
}

fn in_sandbox(spec: &PodSpec, view: &View, sandbox: &str, known: &Known) -> Plan {
    let mut plan = Plan::default();
    for container in view.running().filter(|container| container.sandbox != sandbox) {
        plan.stop
            .push((container.id.clone(), "Container belongs to an old sandbox".to_owned()));
    }
    if !init(spec, view, sandbox, known, &mut plan) {
        return plan;
    }
    let mut kept = 0;
    for container in &spec.containers {
        let latest = view.latest(&container.name);
        match latest.filter(|latest| latest.state == State::Running) {
            Some(running) => {
                let hash = labels::container_hash(&container.name, container.image.as_deref());
                if let Some(reason) = known.unhealthy.get(&running.id) {
                    plan.stop.push((running.id.clone(), reason.clone()));
                } else if running.hash != hash {
                    let reason = format!("Container {} {DEFINITION_CHANGED}", container.name);
                    plan.stop.push((running.id.clone(), reason));
                }
                kept += 1;
            }
            None if wanted(spec, container, view)
                || latest.is_some_and(|latest| known.replace.contains(&latest.id)) =>
            {
                plan.start.push(container.name.clone());
            }
            None => {}
        }
    }
    if kept == 0 && plan.start.is_empty() {
        // Only sidecars are left, if anything: the pod has done its work.
        return Plan {
            finish: true,
            ..Plan::default()
        };
    }
    plan
}

/// Init containers in order. True once regular containers may run.
fn init(spec: &PodSpec, view: &View, sandbox: &str, known: &Known, plan: &mut Plan) -> bool {
    let in_sandbox = |name: &str| view.latest(name).filter(|container| container.sandbox == sandbox);
    let initialized = spec
        .containers
        .iter()
        .any(|container| in_sandbox(&container.name).is_some());
    for container in spec.init_containers.iter().flatten() {
        let latest = in_sandbox(&container.name);
        let state = latest.map(|latest| latest.state);
        if is_sidecar(container) {
            let running = latest.filter(|latest| latest.state == State::Running);
            if let Some(reason) = running.and_then(|running| known.unhealthy.get(&running.id)) {
                plan.stop
                    .extend(running.map(|running| (running.id.clone(), reason.clone())));
            }
            if running.is_none() {
                plan.start.push(container.name.clone());
            }
            let started = running.is_some_and(|running| known.started.contains(&running.id));
            if !initialized && !started {
                return false;
            }
        } else if !initialized {
            match (state, latest) {
                (Some(State::Running), _) => return false,
                (Some(State::Exited), Some(exited)) if exited.exit_code == 0 => {}
                (Some(State::Exited), Some(exited)) if !should_restart_init(spec, container, exited.exit_code) => {
                    *plan = Plan {
                        finish: true,
                        ..Plan::default()
                    };
                    return false;
                }
                _ => {
                    plan.start.push(container.name.clone());
                    return false;
                }
            }
        }
    }
    true
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;

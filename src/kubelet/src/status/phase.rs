//! The phase: a summary of where a pod is in its life.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, PodSpec};

use crate::pod::restart::{is_sidecar, should_restart, should_restart_init};

fn find<'a>(statuses: &'a [ContainerStatus], name: &str) -> Option<&'a ContainerStatus> {
    statuses.iter().find(|status| status.name == name)
}

/// A container's exit, present or (while it waits to run again) last.
enum Standing {
    Absent,
    Waiting,
    Running { started: bool },
    Ended { code: i32, waits: bool },
}

fn standing(statuses: &[ContainerStatus], container: &Container) -> Standing {
    let Some(status) = find(statuses, &container.name) else {
        return Standing::Absent;
    };
    let state = status.state.clone().unwrap_or_default();
    if state.running.is_some() {
        return Standing::Running {
            started: status.started == Some(true),
        };
    }
    if let Some(terminated) = state.terminated {
        return Standing::Ended {
            code: terminated.exit_code,
            waits: false,
        };
    }
    if state.waiting.is_none() {
        return Standing::Absent;
    }
    match status.last_state.as_ref().and_then(|last| last.terminated.as_ref()) {
        Some(last) => Standing::Ended {
            code: last.exit_code,
            waits: true,
        },
        None => Standing::Waiting,
    }
}

/// True once a regular container runs or has run: initialization is behind the pod for good.
pub(super) fn any_regular_started(spec: &PodSpec, statuses: &[ContainerStatus]) -> bool {
    spec.containers.iter().any(|container| {
        matches!(
            standing(statuses, container),
            Standing::Running { .. } | Standing::Ended { .. }
        )
    })
}

/// The phase by the states of all containers. `terminal`: nothing is restarted any more.
pub(super) fn of(spec: &PodSpec, statuses: &[ContainerStatus], terminal: bool, initialized: bool) -> &'static str {
    let (mut pending_init, mut pending_sidecars) = (false, false);
    let (mut unknown, mut running, mut waiting) = (0, 0, 0);
    for container in spec.init_containers.iter().flatten() {
        match (is_sidecar(container), standing(statuses, container)) {
            (false, Standing::Absent | Standing::Running { .. } | Standing::Waiting) => pending_init = true,
            (false, Standing::Ended { code, .. }) => {
                if code != 0 && !should_restart_init(spec, container, code) {
                    return "Failed";
                }
            }
            (true, Standing::Absent) => unknown += 1,
            (true, Standing::Running { started }) => {
                pending_sidecars |= !started;
                running += 1;
            }
            (true, Standing::Waiting) => {
                pending_sidecars = true;
                waiting += 1;
            }
            // Ended sidecars say nothing about the pod.
            (true, Standing::Ended { .. }) => {}
        }
    }
    let (mut stopped, mut restarting, mut succeeded) = (0, 0, 0);
    for container in &spec.containers {
        match standing(statuses, container) {
            Standing::Absent => unknown += 1,
            Standing::Waiting => waiting += 1,
            Standing::Running { .. } => running += 1,
            Standing::Ended { code, waits } => {
                stopped += 1;
                restarting += i32::from(should_restart(spec, container, code));
                succeeded += i32::from(code == 0 && !waits);
            }
        }
    }
    if pending_init || pending_sidecars && !initialized || waiting > 0 {
        return "Pending";
    }
    if running > 0 && unknown == 0 {
        return "Running";
    }
    if running == 0 && stopped > 0 && unknown == 0 {
        return match (terminal || restarting == 0, stopped == succeeded) {
            (false, _) => "Running",
            (true, true) => "Succeeded",
            (true, false) => "Failed",
        };
    }
    "Pending"
}

//! Statuses of a pod's containers, in the order of the spec.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    ContainerUser, EphemeralContainer, LinuxContainerUser, PodSpec, PodStatus, ResourceRequirements, VolumeMount,
    VolumeMountStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::Facts;
use crate::pod::restart::is_sidecar;
use crate::runtime::{Container as Held, State, View};

/// Which list of the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Init,
    Regular,
    Ephemeral,
}

struct Wanted {
    name: String,
    image: String,
    sidecar: bool,
    resources: Option<ResourceRequirements>,
    mounts: Vec<VolumeMount>,
}

fn wanted(spec: &PodSpec, group: Group) -> Vec<Wanted> {
    let plain = |container: &Container| Wanted {
        name: container.name.clone(),
        image: container.image.clone().unwrap_or_default(),
        sidecar: is_sidecar(container),
        resources: container.resources.clone(),
        mounts: container.volume_mounts.clone().unwrap_or_default(),
    };
    let ephemeral = |container: &EphemeralContainer| Wanted {
        name: container.name.clone(),
        image: container.image.clone().unwrap_or_default(),
        sidecar: false,
        resources: None,
        mounts: container.volume_mounts.clone().unwrap_or_default(),
    };
    match group {
        Group::Init => spec.init_containers.iter().flatten().map(plain).collect(),
        Group::Regular => spec.containers.iter().map(plain).collect(),
        Group::Ephemeral => spec.ephemeral_containers.iter().flatten().map(ephemeral).collect(),
    }
}

/// The statuses of one group.
pub(super) fn statuses(
    spec: &PodSpec,
    group: Group,
    old: &PodStatus,
    view: &View,
    facts: &Facts,
) -> Vec<ContainerStatus> {
    let has_init = spec.init_containers.as_ref().is_some_and(|list| !list.is_empty());
    let initial = if has_init && group != Group::Ephemeral {
        "PodInitializing"
    } else {
        "ContainerCreating"
    };
    let old = match group {
        Group::Init => old.init_container_statuses.as_deref(),
        Group::Regular => old.container_statuses.as_deref(),
        Group::Ephemeral => old.ephemeral_container_statuses.as_deref(),
    };
    let old = |name: &str| old.unwrap_or_default().iter().find(|status| status.name == name);
    wanted(spec, group)
        .into_iter()
        .map(|want| {
            let last = old(&want.name);
            one(want, group, initial, last, view, facts)
        })
        .collect()
}

fn one(
    want: Wanted,
    group: Group,
    initial: &str,
    old: Option<&ContainerStatus>,
    view: &View,
    facts: &Facts,
) -> ContainerStatus {
    let latest = view.latest(&want.name);
    let mut status = ContainerStatus {
        name: want.name.clone(),
        image: want.image.clone(),
        started: Some(false),
        ..Default::default()
    };
    if let Some(held) = latest {
        status.state = Some(state(held));
        status.last_state = Some(view.previous(&want.name).map(terminated_state).unwrap_or_default());
        status.restart_count = held.restarts as i32;
        status.container_id = Some(container_id(held));
        status.image = if held.image.is_empty() {
            want.image
        } else {
            held.image.clone()
        };
        status.image_id.clone_from(&held.image_id);
        status.user = user(held);
        let running = held.state == State::Running;
        status.started = Some(running && facts.started.contains(&held.id));
        status.ready = match group {
            Group::Init if !want.sidecar => held.state == State::Exited && held.exit_code == 0,
            Group::Ephemeral => false,
            _ => running && facts.started.contains(&held.id) && facts.ready.contains(&held.id),
        };
        if running {
            status.resources = facts.applied.get(&held.id).cloned().or_else(|| want.resources.clone());
            status.allocated_resources = want.resources.and_then(|resources| resources.requests);
        }
        status.volume_mounts = Some(mounts(&want.mounts)).filter(|mounts| !mounts.is_empty());
    } else {
        status.state = Some(waiting(initial, ""));
        status.last_state = Some(ContainerState::default());
        if let Some(gone) = old.filter(|old| old.container_id.is_some()) {
            vanished(&mut status, gone, facts.terminal);
        }
    }
    // A reason why it cannot run now stands above how it ended last.
    let running = latest.is_some_and(|held| held.state == State::Running);
    if let Some((reason, message)) = facts.waiting.get(&want.name).filter(|_| !running) {
        if let Some(ended) = status.state.as_ref().filter(|state| state.terminated.is_some()) {
            status.last_state = Some(ended.clone());
        }
        status.state = Some(waiting(reason, message));
    }
    status
}

/// The API knows of a container that the runtime has lost, e.g. with its disk: it ended, nobody knows how.
fn vanished(status: &mut ContainerStatus, gone: &ContainerStatus, terminal: bool) {
    status.restart_count = gone.restart_count;
    let ended = gone
        .state
        .clone()
        .filter(|state| state.terminated.is_some())
        .unwrap_or_else(|| ContainerState {
            terminated: Some(ContainerStateTerminated {
                exit_code: 137,
                reason: Some("ContainerStatusUnknown".to_owned()),
                message: Some("The container could not be located when the pod was terminated".to_owned()),
                container_id: gone.container_id.clone(),
                ..Default::default()
            }),
            ..Default::default()
        });
    if terminal {
        status.state = Some(ended);
        status.container_id.clone_from(&gone.container_id);
        status.image_id.clone_from(&gone.image_id);
    } else {
        status.last_state = Some(ended);
    }
}

fn container_id(held: &Held) -> String {
    format!("containerd://{}", held.id)
}

fn waiting(reason: &str, message: &str) -> ContainerState {
    let message = Some(message.to_owned()).filter(|message| !message.is_empty());
    ContainerState {
        waiting: Some(ContainerStateWaiting {
            reason: Some(reason.to_owned()),
            message,
        }),
        ..Default::default()
    }
}

fn state(held: &Held) -> ContainerState {
    match held.state {
        State::Running => ContainerState {
            running: Some(ContainerStateRunning {
                started_at: time(held.started_at),
            }),
            ..Default::default()
        },
        State::Created => ContainerState {
            waiting: Some(ContainerStateWaiting::default()),
            ..Default::default()
        },
        State::Exited | State::Unknown => terminated_state(held),
    }
}

fn terminated_state(held: &Held) -> ContainerState {
    let unknown = held.state == State::Unknown;
    let reason = match held.reason.as_str() {
        _ if unknown => "ContainerStatusUnknown",
        "" if held.exit_code == 0 => "Completed",
        "" => "Error",
        reason => reason,
    };
    ContainerState {
        terminated: Some(ContainerStateTerminated {
            exit_code: if unknown { 137 } else { held.exit_code },
            reason: Some(reason.to_owned()),
            message: Some(held.message.clone()).filter(|message| !message.is_empty()),
            started_at: time(held.started_at),
            finished_at: time(held.finished_at),
            container_id: Some(container_id(held)),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn time(nanoseconds: i64) -> Option<Time> {
    Timestamp::from_nanosecond(i128::from(nanoseconds))
        .ok()
        .filter(|_| nanoseconds > 0)
        .map(whole_seconds)
        .map(Time)
}

/// The API's times have whole seconds; anything finer would differ from what was read back and be written again.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn user(held: &Held) -> Option<ContainerUser> {
    let linux = held.user.as_ref()?.linux.as_ref()?;
    Some(ContainerUser {
        linux: Some(LinuxContainerUser {
            uid: linux.uid,
            gid: linux.gid,
            supplemental_groups: Some(linux.supplemental_groups.clone()).filter(|groups| !groups.is_empty()),
        }),
    })
}

fn mounts(mounts: &[VolumeMount]) -> Vec<VolumeMountStatus> {
    let one = |mount: &VolumeMount| VolumeMountStatus {
        name: mount.name.clone(),
        mount_path: mount.mount_path.clone(),
        read_only: mount.read_only,
        recursive_read_only: mount.read_only.filter(|read_only| *read_only).map(|_| {
            mount
                .recursive_read_only
                .clone()
                .unwrap_or_else(|| "Disabled".to_owned())
        }),
        ..Default::default()
    };
    mounts.iter().map(one).collect()
}

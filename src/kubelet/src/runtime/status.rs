//! A container's status as the kubelet reads it.

use cri::v1;

use super::{Container, State, labels};

pub(super) fn from_status(status: v1::ContainerStatus) -> Container {
    let get = |key: &str| {
        status
            .annotations
            .get(key)
            .or_else(|| status.labels.get(key))
            .cloned()
            .unwrap_or_default()
    };
    let state = match v1::ContainerState::try_from(status.state) {
        Ok(v1::ContainerState::ContainerCreated) => State::Created,
        Ok(v1::ContainerState::ContainerRunning) => State::Running,
        Ok(v1::ContainerState::ContainerExited) => State::Exited,
        _ => State::Unknown,
    };
    let message = if state == State::Exited {
        termination_message(&status, &get)
    } else {
        status.message.clone()
    };
    Container {
        name: get(labels::CONTAINER_NAME),
        sandbox: String::new(),
        restarts: get(labels::RESTART_COUNT).parse().unwrap_or_default(),
        state,
        hash: get(labels::CONTAINER_HASH),
        created_at: status.created_at,
        started_at: status.started_at,
        finished_at: status.finished_at,
        exit_code: status.exit_code,
        reason: status.reason,
        message,
        image: status.image.map(|image| image.image).unwrap_or_default(),
        image_id: Some(status.image_ref)
            .filter(|id| !id.is_empty())
            .unwrap_or(status.image_id),
        log_path: status.log_path,
        user: status.user,
        id: status.id,
    }
}

const MESSAGE_LIMIT: usize = 4096;
const FALLBACK_BYTES: usize = 2048;
const FALLBACK_LINES: usize = 80;

/// What the container left in its termination message file, or the end of its log if its policy asks for that.
fn termination_message(status: &v1::ContainerStatus, get: &dyn Fn(&str) -> String) -> String {
    let file = get(labels::TERMINATION_FILE);
    let mut message = if file.is_empty() {
        String::new()
    } else {
        crate::files::read_head(file.as_ref(), MESSAGE_LIMIT)
    };
    let fall_back = get(labels::TERMINATION_POLICY) == "FallbackToLogsOnError" && status.exit_code != 0;
    if message.is_empty() && fall_back {
        message = crate::logs::last_lines(status.log_path.as_ref(), FALLBACK_LINES, FALLBACK_BYTES);
    }
    if message.is_empty() {
        status.message.clone()
    } else {
        message
    }
}

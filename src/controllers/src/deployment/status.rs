//! The deployment's status and its conditions.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, DeploymentStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;

use super::{Rollout, numbers};

pub(super) fn get<'a>(deployment: &'a Deployment, ty: &str) -> Option<&'a DeploymentCondition> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == ty)
}

fn deadline(deployment: &Deployment) -> Option<i32> {
    let seconds = deployment.spec.as_ref().and_then(|spec| spec.progress_deadline_seconds);
    seconds.filter(|seconds| *seconds != i32::MAX)
}

pub(super) fn has_deadline(deployment: &Deployment) -> bool {
    deadline(deployment).is_some()
}

/// Whether all pods are new and available.
pub(super) fn is_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    status.updated_replicas.unwrap_or_default() == wanted
        && status.replicas.unwrap_or_default() == wanted
        && status.available_replicas.unwrap_or_default() == wanted
        && status.observed_generation.unwrap_or_default() >= deployment.metadata.generation.unwrap_or_default()
}

fn is_progressing(before: &DeploymentStatus, after: &DeploymentStatus) -> bool {
    let old =
        |status: &DeploymentStatus| status.replicas.unwrap_or_default() - status.updated_replicas.unwrap_or_default();
    after.updated_replicas > before.updated_replicas
        || old(after) < old(before)
        || after.ready_replicas > before.ready_replicas
        || after.available_replicas > before.available_replicas
}

/// Sets a condition; one that says the same stays as it is.
fn set(status: &mut DeploymentStatus, mut condition: DeploymentCondition) {
    let conditions = status.conditions.get_or_insert_default();
    if let Some(old) = conditions.iter().find(|old| old.type_ == condition.type_) {
        if old.status == condition.status && old.reason == condition.reason {
            return;
        }
        if old.status == condition.status {
            condition.last_transition_time = old.last_transition_time.clone();
        }
    }
    conditions.retain(|old| old.type_ != condition.type_);
    conditions.push(condition);
}

fn remove(status: &mut DeploymentStatus, ty: &str) {
    if let Some(conditions) = &mut status.conditions {
        conditions.retain(|condition| condition.type_ != ty);
    }
}

fn condition(ty: &str, status: &str, reason: &str, message: String, now: Timestamp) -> DeploymentCondition {
    DeploymentCondition {
        type_: ty.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_update_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
    }
}

impl Rollout<'_> {
    pub(super) fn set_progressing(&mut self, status: &str, reason: &str, message: String) {
        let condition = condition("Progressing", status, reason, message, Timestamp::now());
        set(self.deployment.status.get_or_insert_default(), condition);
    }

    /// A paused deployment makes no progress, and that is no failure.
    pub(super) fn note_pause(&mut self, now: Timestamp) {
        let current = get(&self.deployment, "Progressing").and_then(|condition| condition.reason.clone());
        if !has_deadline(&self.deployment) || current.as_deref() == Some("ProgressDeadlineExceeded") {
            return;
        }
        let noted = current.as_deref() == Some("DeploymentPaused");
        let paused = self.spec().paused == Some(true);
        let (reason, message) = match (paused, noted) {
            (true, false) => ("DeploymentPaused", "Deployment is paused"),
            (false, true) => ("DeploymentResumed", "Deployment is resumed"),
            _ => return,
        };
        let condition = condition("Progressing", "Unknown", reason, message.to_owned(), now);
        set(self.deployment.status.get_or_insert_default(), condition);
    }

    /// Counts and availability, without a word on progress.
    pub(super) fn status_only(&mut self, now: Timestamp) {
        self.deployment.status = Some(self.calculate(now));
    }

    fn calculate(&self, now: Timestamp) -> DeploymentStatus {
        let count = |of: &dyn Fn(&k8s_openapi::api::apps::v1::ReplicaSetStatus) -> i32| -> i32 {
            self.sets().filter_map(|set| set.status.as_ref()).map(of).sum()
        };
        let available = count(&|status| status.available_replicas.unwrap_or_default());
        let total: i32 = self.sets().map(numbers::replicas).sum();
        let updated = self
            .new
            .as_ref()
            .and_then(|new| new.status.as_ref())
            .map_or(0, |status| status.replicas);
        let some = |count: i32| (count != 0).then_some(count);
        let known = self.deployment.status.clone().unwrap_or_default();
        let mut status = DeploymentStatus {
            observed_generation: self.deployment.metadata.generation,
            replicas: some(count(&|status| status.replicas)),
            updated_replicas: some(updated),
            ready_replicas: some(count(&|status| status.ready_replicas.unwrap_or_default())),
            available_replicas: some(available),
            unavailable_replicas: some((total - available).max(0)),
            terminating_replicas: Some(count(&|status| status.terminating_replicas.unwrap_or_default())),
            collision_count: known.collision_count,
            conditions: known.conditions,
        };
        let enough = available >= self.replicas() - numbers::max_unavailable(&self.deployment);
        let (answer, reason, message) = if enough {
            (
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            (
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        set(
            &mut status,
            condition("Available", answer, reason, message.to_owned(), now),
        );
        status
    }

    /// Counts, availability and progress.
    pub(super) fn rollout_status(&mut self, now: Timestamp) {
        let mut status = self.calculate(now);
        let current = get(&self.deployment, "Progressing").cloned();
        let reason = current
            .as_ref()
            .and_then(|condition| condition.reason.clone())
            .unwrap_or_default();
        let settled = status.replicas == status.updated_replicas && reason == "NewReplicaSetAvailable";
        let subject = match &self.new {
            Some(new) => format!("ReplicaSet {:?}", new.name_any()),
            None => format!("Deployment {:?}", self.deployment.name_any()),
        };
        match deadline(&self.deployment) {
            None => remove(&mut status, "Progressing"),
            Some(_) if settled => {}
            Some(seconds) => {
                if is_complete(&self.deployment, &status) {
                    let message = format!("{subject} has successfully progressed.");
                    set(
                        &mut status,
                        condition("Progressing", "True", "NewReplicaSetAvailable", message, now),
                    );
                } else if is_progressing(&self.before, &status) {
                    let message = format!("{subject} is progressing.");
                    let mut progress = condition("Progressing", "True", "ReplicaSetUpdated", message, now);
                    if let Some(current) = current.filter(|current| current.status == "True") {
                        progress.last_transition_time = current.last_transition_time;
                    }
                    // The time of the last update is what the deadline counts from.
                    remove(&mut status, "Progressing");
                    set(&mut status, progress);
                } else if current.is_some_and(|current| timed_out(&current, seconds, now)) {
                    let message = format!("{subject} has timed out progressing.");
                    set(
                        &mut status,
                        condition("Progressing", "False", "ProgressDeadlineExceeded", message, now),
                    );
                }
            }
        }
        let failing = self.new.iter().chain(&self.old).filter_map(|set| set.status.as_ref());
        let mut failures = failing.flat_map(|status| status.conditions.iter().flatten());
        match failures.find(|condition| condition.type_ == "ReplicaFailure") {
            Some(failure) => {
                let copy = DeploymentCondition {
                    type_: failure.type_.clone(),
                    status: failure.status.clone(),
                    reason: failure.reason.clone(),
                    message: failure.message.clone(),
                    last_transition_time: failure.last_transition_time.clone(),
                    last_update_time: failure.last_transition_time.clone(),
                };
                set(&mut status, copy);
            }
            None => remove(&mut status, "ReplicaFailure"),
        }
        self.deployment.status = Some(status);
    }

    /// When the deadline of progress must be looked at again.
    pub(super) fn next_check(&self, now: Timestamp) -> Option<Duration> {
        let current = get(&self.deployment, "Progressing")?;
        let seconds = deadline(&self.deployment)?;
        let status = self.deployment.status.as_ref()?;
        let paused = self.spec().paused == Some(true);
        if paused
            || is_complete(&self.deployment, status)
            || current.reason.as_deref() == Some("ProgressDeadlineExceeded")
        {
            return None;
        }
        let passed = current
            .last_update_time
            .as_ref()
            .map_or(0, |time| now.duration_since(time.0).as_secs());
        Some(Duration::from_secs(
            u64::try_from(i64::from(seconds) - passed).unwrap_or_default() + 1,
        ))
    }
}

fn timed_out(current: &DeploymentCondition, seconds: i32, now: Timestamp) -> bool {
    match current.reason.as_deref() {
        Some("NewReplicaSetAvailable") => false,
        Some("ProgressDeadlineExceeded") => true,
        _ => current
            .last_update_time
            .as_ref()
            .is_some_and(|time| now.duration_since(time.0).as_secs() > i64::from(seconds)),
    }
}

//! Writes one pod's status to the API: the latest only, changes only, until it is there.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::{Map, Value, json};
use tasks::Group;
use tokio::sync::watch;

use crate::context::Context;
use crate::sources::mirror;

/// Conditions the kubelet owns; all others are left to their owners.
pub(super) const OWN_CONDITIONS: &[&str] = &[
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
];
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LONGEST_RETRY: Duration = Duration::from_secs(10);

/// What the API is to show.
#[derive(Debug, Clone)]
pub(crate) struct Desired {
    pub(crate) pod: Arc<Pod>,
    pub(crate) status: PodStatus,
    /// Everything of the pod has stopped and its object asks to be deleted: finish that.
    pub(crate) delete: bool,
}

/// Handle on the task that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    desired: watch::Sender<Option<Desired>>,
}

impl Writer {
    /// Starts the task; it ends when the handle is dropped and the last status is written, or with the group.
    pub(crate) fn start(context: Arc<Context>, group: &Group) -> Self {
        let (desired, receive) = watch::channel(None);
        group.spawn("status-writer", run(context, receive));
        Self { desired }
    }

    /// Replaces what is to be written.
    pub(crate) fn set(&self, desired: Desired) {
        self.desired.send_replace(Some(desired));
    }
}

async fn run(context: Arc<Context>, mut receive: watch::Receiver<Option<Desired>>) {
    let mut written: Option<PodStatus> = None;
    let mut retry = FIRST_RETRY;
    while receive.changed().await.is_ok() {
        loop {
            let Some(desired) = receive.borrow_and_update().clone() else {
                break;
            };
            match write(&context, &desired, written.as_ref()).await {
                Ok(()) => {
                    written = Some(desired.status);
                    retry = FIRST_RETRY;
                    break;
                }
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
                    tracing::debug!(
                        pod = desired.pod.metadata.name,
                        reason = status.reason,
                        "pod is gone or another"
                    );
                    break;
                }
                // A status that the API refuses is a defect here; trying the same again would hide it.
                Err(kube::Error::Api(status)) if status.code == 422 => {
                    tracing::warn!(
                        pod = desired.pod.metadata.name,
                        message = status.message,
                        "status refused"
                    );
                    break;
                }
                Err(error) => {
                    tracing::debug!(pod = desired.pod.metadata.name, %error, "status not written; trying again");
                    tokio::select! {
                        () = tokio::time::sleep(retry) => {}
                        changed = receive.changed() => if changed.is_err() { return },
                    }
                    retry = (retry * 2).min(LONGEST_RETRY);
                }
            }
        }
    }
}

async fn write(context: &Context, desired: &Desired, written: Option<&PodStatus>) -> kube::Result<()> {
    let namespace = desired.pod.metadata.namespace.clone().unwrap_or_default();
    let name = desired.pod.metadata.name.clone().unwrap_or_default();
    let api: Api<Pod> = Api::namespaced(context.client.clone(), &namespace);
    let mut uid = desired.pod.metadata.uid.clone();
    let mut before = written
        .cloned()
        .or_else(|| desired.pod.status.clone())
        .unwrap_or_default();
    if mirror::is_static(&desired.pod) {
        let mirrored = mirror::ensure(&api, &desired.pod, &context.options.node_name).await?;
        uid = mirrored.metadata.uid;
        before = mirrored.status.unwrap_or_default();
    }
    if let Some(status) = difference(&before, &desired.status) {
        let patch = json!({ "metadata": { "uid": uid }, "status": status });
        api.patch_status(&name, &PatchParams::default(), &Patch::Strategic(patch))
            .await?;
    }
    if desired.delete {
        let mut parameters = DeleteParams::default().grace_period(0);
        parameters.preconditions = Some(Preconditions {
            uid,
            resource_version: None,
        });
        api.delete(&name, &parameters).await?;
    }
    Ok(())
}

/// The strategic merge patch from one status to the next, if they differ.
fn difference(before: &PodStatus, after: &PodStatus) -> Option<Value> {
    let object = |status: &PodStatus| match serde_json::to_value(status) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    };
    let (mut old, mut new) = (object(before), object(after));
    for status in [&mut old, &mut new] {
        if let Some(Value::Array(conditions)) = status.get_mut("conditions") {
            conditions.retain(|condition| {
                condition["type"]
                    .as_str()
                    .is_some_and(|name| OWN_CONDITIONS.contains(&name))
            });
            conditions.sort_by_key(|condition| OWN_CONDITIONS.iter().position(|name| condition["type"] == *name));
        }
    }
    // Fields of other writers (nomination, resize) are not in ours and are not ours to clear.
    let cleared = [
        "reason",
        "message",
        "ephemeralContainerStatuses",
        "initContainerStatuses",
        "podIP",
        "podIPs",
    ];
    let mut patch = Map::new();
    for (key, value) in &new {
        if old.get(key) == Some(value) {
            continue;
        }
        let mut value = value.clone();
        if let (Value::Array(conditions), "conditions") = (&mut value, key.as_str()) {
            // Merged by type: what a condition no longer says must be said to be gone.
            for condition in conditions.iter_mut().filter_map(Value::as_object_mut) {
                for field in ["reason", "message"] {
                    condition.entry(field).or_insert(Value::Null);
                }
            }
        }
        if let (Value::Array(list), true) = (&mut value, matches!(key.as_str(), "podIPs" | "hostIPs")) {
            list.insert(0, json!({ "$patch": "replace" }));
        }
        patch.insert(key.clone(), value);
    }
    for key in cleared {
        if old.contains_key(key) && !new.contains_key(key) {
            patch.insert(key.to_owned(), Value::Null);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(value: Value) -> PodStatus {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn equal_statuses_give_no_patch() {
        let one = status(json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] }));
        let other = status(json!({ "phase": "Running", "conditions": [
            { "type": "example.com/x", "status": "True" }, { "type": "Ready", "status": "True" }] }));
        assert_eq!(difference(&one, &other), None);
    }

    #[test]
    fn conditions_are_sent_in_the_order_that_describe_shows() {
        let scheduled = json!({ "type": "PodScheduled", "status": "True" });
        let before = status(json!({ "conditions": [scheduled] }));
        let condition = |name: &str| json!({ "type": name, "status": "True" });
        let mut names = OWN_CONDITIONS.to_vec();
        names.sort_unstable();
        let after = names.iter().map(|name| condition(name)).collect::<Vec<_>>();
        let patch = difference(&before, &status(json!({ "conditions": after }))).unwrap();
        let sent: Vec<&str> = patch["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|c| c["type"].as_str())
            .collect();
        assert_eq!(sent, OWN_CONDITIONS);
    }

    #[test]
    fn changes_and_removals_are_sent_and_foreign_fields_left() {
        let before =
            status(json!({ "phase": "Pending", "reason": "x", "nominatedNodeName": "n", "podIPs": [{ "ip": "1" }] }));
        let after = status(json!({ "phase": "Running", "podIPs": [{ "ip": "2" }] }));
        let expected =
            json!({ "phase": "Running", "reason": null, "podIPs": [{ "$patch": "replace" }, { "ip": "2" }] });
        assert_eq!(difference(&before, &after), Some(expected));
    }
}

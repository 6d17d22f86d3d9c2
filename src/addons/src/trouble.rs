//! Why the pods of a workload do not run: containers that wait or fail, what events say of pods that have none, and why a
//! workload cannot make its pods.

use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use kube::api::{Api, DynamicObject, ListParams};
use kube::{Client, ResourceExt as _};
use serde_json::Value;

use crate::error::Trouble;

/// Events that are quoted of an object.
const EVENTS: usize = 2;

/// Of a workload and the pods that it selects. What cannot be found out is left out: there is an error to tell already.
pub(crate) async fn of(client: &Client, kind: &str, namespace: &str, workload: &DynamicObject) -> Vec<Trouble> {
    let (name, uid) = (workload.name_any(), workload.uid().unwrap_or_default());
    let workload = &workload.data;
    let labels = workload["spec"]["selector"]["matchLabels"].as_object();
    let pairs = labels.into_iter().flatten();
    let selector: Vec<String> = pairs
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect();
    if selector.is_empty() {
        return Vec::new();
    }
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let params = ListParams::default().labels(&selector.join(","));
    let Ok(found) = pods.list(&params).await else {
        return Vec::new();
    };
    let mut troubles = Vec::new();
    let refused = match refusal(workload) {
        // those that say it in no condition, and have no pods to look at, say it in events
        None if found.items.is_empty() => events(client, namespace, &format!("uid={uid}")).await,
        refused => refused.into_iter().collect(),
    };
    if !refused.is_empty() {
        troubles.push(Trouble {
            of: format!("{kind} {namespace}/{name}"),
            container: String::new(),
            image: String::new(),
            reason: refused.join("\n"),
        });
    }
    for pod in &found.items {
        let events = events(client, namespace, &format!("name={}", pod.name_any())).await;
        troubles.extend(of_pod(pod, &events));
    }
    troubles
}

/// Why a workload may not make all of its pods: a quota, an admission policy, Pod Security.
fn refusal(workload: &Value) -> Option<String> {
    let mut conditions = workload["status"]["conditions"].as_array().into_iter().flatten();
    let failure =
        conditions.find(|condition| condition["type"] == "ReplicaFailure" && condition["status"] == "True")?;
    let text = |field: &str| failure[field].as_str().unwrap_or_default();
    Some(format!("{}: {}", text("reason"), text("message")))
}

/// The newest warnings about an object.
async fn events(client: &Client, namespace: &str, involved: &str) -> Vec<String> {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    let params = ListParams::default().fields(&format!("involvedObject.{involved},type=Warning"));
    let mut found = api.list(&params).await.map(|list| list.items).unwrap_or_default();
    found.sort_by_key(|event| event.last_timestamp.clone());
    let newest = found.into_iter().rev().take(EVENTS);
    newest
        .map(|event| {
            let (reason, message) = (event.reason.unwrap_or_default(), event.message.unwrap_or_default());
            format!("{reason}: {message}")
        })
        .collect()
}

fn of_pod(pod: &Pod, events: &[String]) -> Vec<Trouble> {
    let name = format!("pod {}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
    let status = pod.status.clone().unwrap_or_default();
    let all = status.init_container_statuses.into_iter().flatten();
    let all = all.chain(status.container_statuses.into_iter().flatten());
    let mut troubles: Vec<Trouble> = all
        .filter_map(|container| {
            let mut reason = why(&container)?;
            for event in events {
                // the event of a failed pull quotes each source's answer
                reason.push('\n');
                reason.push_str(event);
            }
            Some(Trouble {
                of: name.clone(),
                container: container.name,
                image: container.image,
                reason,
            })
        })
        .collect();
    let ready = status.conditions.iter().flatten();
    let mut ready = ready.filter(|condition| condition.type_ == "Ready");
    if troubles.is_empty() && !ready.any(|condition| condition.status == "True") {
        let mut unmet = status.conditions.iter().flatten();
        let said = unmet.find_map(|condition| condition.message.clone().filter(|_| condition.status == "False"));
        let lines: Vec<String> = said.into_iter().chain(events.iter().cloned()).collect();
        troubles.push(Trouble {
            of: name,
            container: String::new(),
            image: String::new(),
            reason: lines.join("\n"),
        });
    }
    troubles
}

/// Why a container does not serve; `None` if it does, or is only on its way.
fn why(container: &ContainerStatus) -> Option<String> {
    let state = container.state.as_ref();
    if let Some(waiting) = state.and_then(|state| state.waiting.as_ref()) {
        let reason = waiting.reason.clone().unwrap_or_default();
        if matches!(reason.as_str(), "" | "PodInitializing" | "ContainerCreating") {
            return None;
        }
        return Some(match &waiting.message {
            Some(message) => format!("{reason}: {message}"),
            None => reason,
        });
    }
    let ended = state.and_then(|state| state.terminated.as_ref());
    ended.filter(|ended| ended.exit_code != 0).map(|ended| {
        let reason = ended.reason.clone().unwrap_or_default();
        let message = ended.message.clone().unwrap_or_default();
        format!("{reason}, exit code {}: {message}", ended.exit_code)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"namespace": "n", "name": "p"}, "status": status})).unwrap()
    }

    #[test]
    fn an_image_that_no_source_has_is_named_with_their_answers() {
        let waiting = json!({"containerStatuses": [{"name": "c", "image": "i:1", "imageID": "", "ready": false,
            "restartCount": 0, "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]});
        let events = ["Failed: mirror one: 404; mirror two: timeout".to_owned()];
        let troubles = of_pod(&pod(waiting), &events);
        assert_eq!(troubles.len(), 1);
        assert_eq!(
            (troubles[0].container.as_str(), troubles[0].image.as_str()),
            ("c", "i:1")
        );
        assert_eq!(
            troubles[0].reason,
            "ErrImagePull: not found\nFailed: mirror one: 404; mirror two: timeout"
        );
    }

    #[test]
    fn a_workload_that_may_not_make_its_pods_says_why() {
        let of = |status: &str| {
            refusal(
                &json!({"status": {"conditions": [{"type": "Available", "status": "False"},
                {"type": "ReplicaFailure", "status": status, "reason": "FailedCreate", "message": "exceeded quota: q"}]}}),
            )
        };
        assert_eq!(of("True").unwrap(), "FailedCreate: exceeded quota: q");
        assert_eq!(of("False"), None);
    }

    #[test]
    fn a_pod_that_fits_nowhere_says_so() {
        let status =
            json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}]});
        assert_eq!(of_pod(&pod(status), &[])[0].reason, "0/1 nodes are available");
        let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
        assert!(of_pod(&pod(ready), &[]).is_empty());
    }
}

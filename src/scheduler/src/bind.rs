//! Writing decisions: the binding, or the condition and event that say why there is none.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Binding, Event, EventSource, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::evict::nomination;
use crate::pod::PodInfo;

/// Of the `PodScheduled` condition: no node fits.
pub(crate) const UNSCHEDULABLE: &str = "Unschedulable";
/// Of the `PodScheduled` condition: a node fits, and something else went wrong.
pub(crate) const FAILED: &str = "SchedulerError";

/// Binds the pod to the node.
pub(crate) async fn bind(client: &Client, pod: &PodInfo, node: &str) -> Result<(), kube::Error> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace);
    let binding = Binding {
        metadata: ObjectMeta {
            name: Some(pod.name.clone()),
            uid: Some(pod.uid.clone()),
            ..ObjectMeta::default()
        },
        target: ObjectReference {
            kind: Some("Node".to_owned()),
            name: Some(node.to_owned()),
            ..ObjectReference::default()
        },
    };
    let _: serde_json::Value = pods
        .create_subresource("binding", &pod.name, &PostParams::default(), &binding)
        .await?;
    let message = format!("Successfully assigned {}/{} to {node}", pod.namespace, pod.name);
    record(client, pod, "Normal", "Scheduled", "Binding", message).await;
    Ok(())
}

/// Says on the pod why it has no node and which one it may count on, and in an event why if that is `news`. Returns the pod
/// as it is then.
pub(crate) async fn report(
    client: &Client,
    pod: &PodInfo,
    reason: &str,
    message: &str,
    news: bool,
) -> Option<Arc<PodInfo>> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace);
    let condition = json!({"metadata": {"uid": pod.uid}, "status": {"nominatedNodeName": nomination(&pod.nominated), "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": reason, "message": message,
        "lastProbeTime": null, "lastTransitionTime": Time(Timestamp::now()), "observedGeneration": pod.generation,
    }]}});
    let told = pods
        .patch_status(&pod.name, &PatchParams::default(), &Patch::Strategic(condition))
        .await;
    if let Err(error) = &told {
        tracing::debug!(pod = pod.key(), %error, "could not write the PodScheduled condition");
    }
    if news {
        record(
            client,
            pod,
            "Warning",
            "FailedScheduling",
            "Scheduling",
            message.to_owned(),
        )
        .await;
    }
    told.ok()
        .map(|pod| PodInfo::of(&pod))
        .filter(|told| told.uid == pod.uid)
}

pub(crate) async fn record(client: &Client, pod: &PodInfo, kind: &str, reason: &str, action: &str, message: String) {
    let events: Api<Event> = Api::namespaced(client.clone(), &pod.namespace);
    let now = Timestamp::now();
    let event = Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{:x}", pod.name, now.as_nanosecond())),
            namespace: Some(pod.namespace.clone()),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(pod.name.clone()),
            namespace: Some(pod.namespace.clone()),
            uid: Some(pod.uid.clone()),
            resource_version: Some(pod.resource_version.clone()),
            ..ObjectReference::default()
        },
        type_: Some(kind.to_owned()),
        reason: Some(reason.to_owned()),
        action: Some(action.to_owned()),
        message: Some(message),
        first_timestamp: Some(Time(now)),
        last_timestamp: Some(Time(now)),
        count: Some(1),
        reporting_component: Some(pod.scheduler.clone()),
        source: Some(EventSource {
            component: Some(pod.scheduler.clone()),
            host: None,
        }),
        ..Event::default()
    };
    if let Err(error) = events.create(&PostParams::default(), &event).await {
        tracing::debug!(pod = pod.key(), %error, "could not record an event");
    }
}

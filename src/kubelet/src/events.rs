//! Events about pods and the node: recorded without waiting, repeated ones counted on the first one's object.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, Node, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tasks::Group;
use tokio::sync::mpsc;
use traces::{Ring, Step};

/// Events waiting to be written; more are dropped, as upstream drops what its broadcaster cannot hold.
const QUEUE: usize = 1000;
/// Kinds of events remembered for counting.
const REMEMBERED: usize = 4096;

/// `Normal` or `Warning`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Warning,
}

#[derive(Debug)]
struct Record {
    about: ObjectReference,
    kind: Kind,
    reason: &'static str,
    message: String,
}

/// Steps kept for whoever traces: a pod's start takes some ten.
const STEPS: usize = 1024;

/// Handle for recording.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    events: mpsc::Sender<Record>,
    steps: Arc<Ring<Step>>,
}

impl Recorder {
    /// Starts the task that writes.
    pub(crate) fn start(client: Client, node: String, group: &Group) -> Self {
        let (send, receive) = mpsc::channel(QUEUE);
        group.spawn("events", run(client, node, receive));
        Self {
            events: send,
            steps: Arc::new(Ring::new(STEPS)),
        }
    }

    /// A step for a pod or, with `container`, one of its containers, and how long it took.
    pub(crate) fn step(&self, pod: &Pod, container: Option<&str>, step: &str, took: Option<Duration>, detail: &str) {
        self.steps.push(Step {
            at: traces::now(),
            took: took.map(|took| took.as_micros() as u64),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            container: container.unwrap_or_default().to_owned(),
            step: step.to_owned(),
            detail: detail.to_owned(),
            warning: false,
        });
    }

    /// The steps for these pods that are still known.
    pub(crate) fn steps(&self, pods: &[String]) -> Vec<Step> {
        self.steps.find(|step| pods.contains(&step.uid))
    }

    /// About a pod or, with `container`, one of its containers.
    pub(crate) fn pod(
        &self,
        pod: &Pod,
        container: Option<&str>,
        kind: Kind,
        reason: &'static str,
        message: impl Into<String>,
    ) {
        if kind == Kind::Warning || matches!(reason, "Killing" | "Pulling" | "BackOff") {
            self.steps.push(Step {
                at: traces::now(),
                uid: pod.metadata.uid.clone().unwrap_or_default(),
                container: container.unwrap_or_default().to_owned(),
                step: reason.to_owned(),
                warning: kind == Kind::Warning,
                ..Step::default()
            });
        }
        let is_init = |name: &str| {
            let list = pod.spec.as_ref().and_then(|spec| spec.init_containers.as_ref());
            list.is_some_and(|list| list.iter().any(|container| container.name == name))
        };
        let field_path = container.map(|name| {
            format!(
                "spec.{}{{{name}}}",
                if is_init(name) { "initContainers" } else { "containers" }
            )
        });
        let about = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: pod.metadata.name.clone(),
            namespace: pod.metadata.namespace.clone(),
            uid: pod.metadata.uid.clone(),
            resource_version: pod.metadata.resource_version.clone(),
            field_path,
        };
        let _ = self.events.try_send(Record {
            about,
            kind,
            reason,
            message: message.into(),
        });
    }

    /// About the node.
    pub(crate) fn node(&self, node: &Node, kind: Kind, reason: &'static str, message: impl Into<String>) {
        let about = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Node".to_owned()),
            name: node.metadata.name.clone(),
            uid: node.metadata.uid.clone(),
            ..Default::default()
        };
        let _ = self.events.try_send(Record {
            about,
            kind,
            reason,
            message: message.into(),
        });
    }
}

type Known = HashMap<(Option<String>, Option<String>, &'static str, String), (String, i32)>;

async fn run(client: Client, node: String, mut receive: mpsc::Receiver<Record>) {
    let mut known = Known::new();
    while let Some(record) = receive.recv().await {
        if known.len() > REMEMBERED {
            known.clear();
        }
        if let Err(error) = write(&client, &node, record, &mut known).await {
            tracing::debug!(%error, "event not written");
        }
    }
}

async fn write(client: &Client, node: &str, record: Record, known: &mut Known) -> kube::Result<()> {
    let namespace = record.about.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
    let now = Time(Timestamp::now());
    let key = (
        record.about.uid.clone(),
        record.about.field_path.clone(),
        record.reason,
        record.message.clone(),
    );
    if let Some((name, count)) = known.get_mut(&key) {
        *count += 1;
        let patch = json!({ "count": *count, "lastTimestamp": now });
        match api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            other => return other.map(drop),
        }
    }
    let name = format!(
        "{}.{:x}",
        record.about.name.clone().unwrap_or_default(),
        Timestamp::now().as_nanosecond()
    );
    let mut event = Event {
        involved_object: record.about,
        type_: Some(
            if record.kind == Kind::Normal {
                "Normal"
            } else {
                "Warning"
            }
            .to_owned(),
        ),
        reason: Some(record.reason.to_owned()),
        message: Some(record.message),
        source: Some(EventSource {
            component: Some("kubelet".to_owned()),
            host: Some(node.to_owned()),
        }),
        first_timestamp: Some(now.clone()),
        last_timestamp: Some(now),
        count: Some(1),
        reporting_component: Some("kubelet".to_owned()),
        reporting_instance: Some(node.to_owned()),
        ..Default::default()
    };
    event.metadata.name = Some(name.clone());
    event.metadata.namespace = Some(namespace);
    api.create(&PostParams::default(), &event).await?;
    known.insert(key, (name, 1));
    Ok(())
}

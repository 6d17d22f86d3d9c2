//! Tells users about port names that match nothing: an event at the policy, once.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tokio::sync::watch;

use super::compile::UnknownPort;

/// An event that takes longer is not worth the wait.
const DEADLINE: Duration = Duration::from_secs(5);

/// Writes events until whoever finds the names is gone.
pub(super) async fn complain(client: Client, node: String, mut heard: watch::Receiver<BTreeSet<UnknownPort>>) {
    let reporter = Reporter {
        controller: "rkube-network-policy".to_owned(),
        instance: Some(node),
    };
    let recorder = Recorder::new(client, reporter);
    let mut told = BTreeSet::new();
    while heard.changed().await.is_ok() {
        let unknown = heard.borrow_and_update().clone();
        for one in unknown.difference(&told) {
            let (event, about) = event(one);
            tracing::warn!(
                namespace = one.namespace,
                policy = one.policy,
                port = one.port,
                "unknown port name"
            );
            match tokio::time::timeout(DEADLINE, recorder.publish(&event, &about)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "event not written"),
                Err(_) => tracing::debug!("event not written in time"),
            }
        }
        told = unknown;
    }
}

fn event(unknown: &UnknownPort) -> (Event, ObjectReference) {
    let note = format!(
        "no pod that this applies to has a port named \"{}\"; the rule lets nothing through there",
        unknown.port
    );
    let event = Event {
        type_: EventType::Warning,
        reason: "UnknownPortName".to_owned(),
        note: Some(note),
        action: "Enforcing".to_owned(),
        secondary: None,
    };
    let about = ObjectReference {
        api_version: Some("networking.k8s.io/v1".to_owned()),
        kind: Some("NetworkPolicy".to_owned()),
        namespace: Some(unknown.namespace.clone()),
        name: Some(unknown.policy.clone()),
        uid: Some(unknown.uid.clone()),
        ..ObjectReference::default()
    };
    (event, about)
}

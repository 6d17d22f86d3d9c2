//! Events on Ingresses.

use k8s_openapi::api::networking::v1::Ingress;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource as _};

use crate::build::Problem;

pub(crate) fn recorder(client: Client) -> Recorder {
    let reporter = Reporter {
        controller: "ingress".into(),
        instance: None,
    };
    Recorder::new(client, reporter)
}

/// Says what is wrong with an Ingress.
pub(crate) async fn warn(recorder: &Recorder, ingress: &Ingress, problem: &Problem) {
    let event = Event {
        type_: EventType::Warning,
        reason: problem.reason.to_owned(),
        note: Some(problem.text.clone()),
        action: "Serving".to_owned(),
        secondary: None,
    };
    if let Err(error) = recorder.publish(&event, &ingress.object_ref(&())).await {
        tracing::debug!(%error, problem.reason, "event not written");
    }
}

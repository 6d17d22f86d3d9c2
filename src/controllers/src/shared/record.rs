//! Events about what controllers did. They are best effort: an event that cannot be written is only logged.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource, ResourceExt as _};

/// Writes events in the name of one controller.
#[derive(Clone)]
pub(crate) struct Events {
    recorder: Recorder,
}

impl Events {
    pub(crate) fn new(client: Client, controller: &str) -> Self {
        let reporter = Reporter {
            controller: controller.to_owned(),
            instance: None,
        };
        Self {
            recorder: Recorder::new(client, reporter),
        }
    }

    pub(crate) async fn normal<K: Resource<DynamicType = ()>>(&self, about: &K, reason: &str, note: String) {
        self.write(EventType::Normal, about, reason, note).await;
    }

    pub(crate) async fn warning<K: Resource<DynamicType = ()>>(&self, about: &K, reason: &str, note: String) {
        self.write(EventType::Warning, about, reason, note).await;
    }

    async fn write<K: Resource<DynamicType = ()>>(&self, type_: EventType, about: &K, reason: &str, mut note: String) {
        // The API's limit.
        if note.len() > 1024 {
            let cut = (0..=1020).rev().find(|i| note.is_char_boundary(*i)).unwrap_or(0);
            note.truncate(cut);
            note.push_str("...");
        }
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note),
            action: reason.to_owned(),
            secondary: None,
        };
        let reference = ObjectReference {
            api_version: Some(K::api_version(&()).into_owned()),
            kind: Some(K::kind(&()).into_owned()),
            name: Some(about.name_any()),
            namespace: about.namespace(),
            uid: about.uid(),
            resource_version: about.resource_version(),
            ..ObjectReference::default()
        };
        if let Err(error) = self.recorder.publish(&event, &reference).await {
            tracing::debug!(%error, reason, "event not written");
        }
    }
}

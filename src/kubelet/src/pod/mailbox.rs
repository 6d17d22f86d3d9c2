//! A pod actor's mailbox. It coalesces: the latest pod, flags for "look again", and results of work in flight; so it is
//! bounded by the pod itself and a sender never waits.

use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use tokio::sync::Notify;

use crate::probes::Verdict;

/// What an actor is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// The pod's object, new or changed.
    Pod(Arc<Pod>),
    /// The object is gone from the API or the manifest folder.
    Removed,
    /// The runtime has something new of this pod.
    RuntimeChanged,
    /// A ConfigMap or Secret the pod refers to has changed.
    ObjectChanged,
    /// Work in flight has ended.
    Done(Done),
}

/// Results of work that the actor started and did not wait for.
#[derive(Debug)]
pub(crate) enum Done {
    /// A pull for `container`: the image's reference or the reason it failed.
    Pulled {
        container: String,
        result: Result<String, String>,
    },
    /// The container was told to stop, and the runtime answered.
    Stopped { id: String, error: Option<String> },
    /// The `postStart` hook of a container failed.
    PostStartFailed { id: String, message: String },
    /// A probe's verdict changed.
    Probed { id: String, verdict: Verdict },
}

/// What has gathered since the actor last looked.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub(crate) pod: Option<Arc<Pod>>,
    pub(crate) removed: bool,
    pub(crate) runtime: bool,
    pub(crate) objects: bool,
    pub(crate) done: Vec<Done>,
}

/// The sending side; clones lead to the same actor.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    uid: String,
    inbox: Mutex<Inbox>,
    notify: Notify,
}

impl Mailbox {
    pub(crate) fn new(uid: String) -> Self {
        Self(Arc::new(Shared {
            uid,
            inbox: Mutex::default(),
            notify: Notify::new(),
        }))
    }

    /// The pod this mailbox belongs to.
    pub(crate) fn uid(&self) -> &str {
        &self.0.uid
    }

    pub(crate) fn send(&self, message: Message) {
        let mut inbox = self.0.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        match message {
            Message::Pod(pod) => inbox.pod = Some(pod),
            Message::Removed => inbox.removed = true,
            Message::RuntimeChanged => inbox.runtime = true,
            Message::ObjectChanged => inbox.objects = true,
            Message::Done(done) => inbox.done.push(done),
        }
        drop(inbox);
        self.0.notify.notify_one();
    }

    /// Waits for something and takes all of it.
    pub(crate) async fn receive(&self) -> Inbox {
        self.0.notify.notified().await;
        std::mem::take(&mut *self.0.inbox.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_sent_before_it_is_read_arrives_together_and_the_latest_pod_wins() {
        let mailbox = Mailbox::new("uid".to_owned());
        let pod = |name: &str| {
            let mut pod = Pod::default();
            pod.metadata.name = Some(name.to_owned());
            Message::Pod(Arc::new(pod))
        };
        mailbox.send(pod("old"));
        mailbox.send(Message::RuntimeChanged);
        mailbox.send(Message::Done(Done::Stopped {
            id: "a".to_owned(),
            error: None,
        }));
        mailbox.send(pod("new"));
        let inbox = mailbox.receive().await;
        assert_eq!(inbox.pod.unwrap().metadata.name.as_deref(), Some("new"));
        assert!(inbox.runtime && !inbox.removed && !inbox.objects);
        assert_eq!(inbox.done.len(), 1);
        mailbox.send(Message::Removed);
        let next = mailbox.receive().await;
        assert!(next.removed && next.pod.is_none() && next.done.is_empty());
    }
}

//! Images: pulled in the background, with back-off, and with every source's answer in the reason.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use cri::v1;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Container;
use tokio::time::Instant;

use super::actor::Actor;
use super::mailbox::Done;
use super::security::ImageUser;
use crate::events::Kind;
use crate::images;

/// How long `ErrImagePull` shows before it becomes `ImagePullBackOff`.
const SHOW_ERROR: Duration = Duration::from_secs(1);

/// Pulls of one pod, by container.
#[derive(Debug, Default)]
pub(super) struct Pulls {
    running: HashMap<String, Instant>,
    /// Pulled for a container that has not been started with it yet.
    fresh: HashSet<String>,
    failed: HashMap<String, (Timestamp, String)>,
}

/// An image at hand.
pub(super) struct Ready {
    pub(super) spec: v1::ImageSpec,
    pub(super) user: ImageUser,
}

fn policy(container: &Container) -> &str {
    let image = container.image.as_deref().unwrap_or_default();
    container.image_pull_policy.as_deref().unwrap_or_else(|| {
        let last = image.rsplit('/').next().unwrap_or_default();
        let latest = !last.contains('@') && last.split_once(':').is_none_or(|(_, tag)| tag == "latest");
        if latest { "Always" } else { "IfNotPresent" }
    })
}

impl Actor {
    /// The container's image if it is at hand and need not be pulled first; else why it waits is noted.
    pub(super) async fn image(&mut self, container: &Container) -> Option<Ready> {
        let name = &container.name;
        let image = container.image.clone().unwrap_or_default();
        let reference = images::normalize(&image);
        let present = match self.context.runtime.image(&reference).await {
            Ok(present) => present,
            Err(error) => {
                self.wait(
                    name,
                    "ImageInspectError",
                    &format!("Failed to inspect image \"{image}\": {error}"),
                );
                self.wake_in(SHOW_ERROR * 5);
                return None;
            }
        };
        let pulled = self.pulls.fresh.contains(name);
        match (policy(container), present) {
            ("Never", None) => {
                let message = format!("Container image \"{image}\" is not present with pull policy of Never");
                self.context.recorder.pod(
                    &self.pod,
                    Some(name),
                    Kind::Warning,
                    "ErrImageNeverPull",
                    message.clone(),
                );
                self.wait(name, "ErrImageNeverPull", &message);
                self.wake_in(SHOW_ERROR * 60);
                None
            }
            ("Always", Some(found)) if pulled => Some(self.at_hand(container, found, &reference)),
            (kind, Some(found)) if kind != "Always" => {
                if !pulled {
                    self.context
                        .recorder
                        .step(&self.pod, Some(name), "ImagePresent", None, &image);
                    let message = format!("Container image \"{image}\" already present on machine");
                    self.context
                        .recorder
                        .pod(&self.pod, Some(name), Kind::Normal, "Pulled", message);
                }
                Some(self.at_hand(container, found, &reference))
            }
            _ => {
                self.pull(container, &image, reference);
                None
            }
        }
    }

    fn at_hand(&mut self, container: &Container, found: v1::Image, reference: &str) -> Ready {
        self.pulls.fresh.remove(&container.name);
        let uid = found.uid.map(|uid| uid.value);
        // An image that names no user runs as root.
        let uid = if uid.is_none() && found.username.is_empty() {
            Some(0)
        } else {
            uid
        };
        let spec = v1::ImageSpec {
            image: found.id,
            user_specified_image: reference.to_owned(),
            ..Default::default()
        };
        Ready {
            spec,
            user: ImageUser {
                uid,
                name: found.username,
            },
        }
    }

    fn pull(&mut self, container: &Container, image: &str, reference: String) {
        let name = container.name.clone();
        if self.pulls.running.contains_key(&name) {
            return;
        }
        let now = Timestamp::now();
        if let Some((at, error)) = self.pulls.failed.get(&name).cloned()
            && let Some((left, _)) = self.backoff.held(&format!("image {reference}"), at, now)
        {
            return self.pull_held_back(&name, image, &error, now.duration_since(at), left);
        }
        self.context.recorder.pod(
            &self.pod,
            Some(&name),
            Kind::Normal,
            "Pulling",
            format!("Pulling image \"{image}\""),
        );
        self.pulls.running.insert(name.clone(), Instant::now());
        let (reply, context, pod) = (self.reply(), self.context.clone(), self.pod.clone());
        let mailbox = self.mailbox.clone();
        let attempt = self.view.sandbox().map(|sandbox| sandbox.attempt).unwrap_or_default();
        let sandbox = super::sandbox::config(&self.pod, attempt, &self.context.options);
        self.group.spawn("image-pull", async move {
            let result = Box::pin(images::pull(&context, &pod, &mailbox, &reference, sandbox)).await;
            reply(Done::Pulled {
                container: name,
                result,
            });
        });
    }

    /// The error itself shows for a moment, so that a watcher sees it; then that the pull waits.
    fn pull_held_back(&mut self, name: &str, image: &str, error: &str, age: SignedDuration, left: Duration) {
        if age.as_secs_f64() < SHOW_ERROR.as_secs_f64() {
            return self.wake_in(SHOW_ERROR);
        }
        let shown = self
            .waiting
            .get(name)
            .is_some_and(|(reason, _)| reason == "ImagePullBackOff");
        if !shown {
            let text = format!("Back-off pulling image \"{image}\"");
            self.context
                .recorder
                .pod(&self.pod, Some(name), Kind::Normal, "BackOff", text);
        }
        let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {error}");
        self.wait(name, "ImagePullBackOff", &message);
        self.wake_in(left);
    }

    /// Takes note of a pull's end.
    pub(super) fn pulled(&mut self, name: &str, result: Result<String, String>) {
        let took = self
            .pulls
            .running
            .remove(name)
            .map(|began| began.elapsed())
            .unwrap_or_default();
        let Some(container) = self.container(name) else { return };
        let image = container.image.unwrap_or_default();
        let key = format!("image {}", images::normalize(&image));
        match result {
            Ok(_) => {
                self.context
                    .recorder
                    .step(&self.pod, Some(name), "ImagePulled", Some(took), &image);
                let took = format!("{:.3}s", took.as_secs_f64());
                let message = format!("Successfully pulled image \"{image}\" in {took} ({took} including waiting)");
                self.context
                    .recorder
                    .pod(&self.pod, Some(name), Kind::Normal, "Pulled", message);
                self.pulls.fresh.insert(name.to_owned());
                self.pulls.failed.remove(name);
                self.backoff.clear(&key);
            }
            Err(error) => {
                let message = format!("Failed to pull image \"{image}\": {error}");
                self.context
                    .recorder
                    .pod(&self.pod, Some(name), Kind::Warning, "Failed", message);
                self.context
                    .recorder
                    .pod(&self.pod, Some(name), Kind::Warning, "Failed", "Error: ErrImagePull");
                self.wait(name, "ErrImagePull", &error);
                let now = Timestamp::now();
                self.backoff.next(&key, now);
                self.pulls.failed.insert(name.to_owned(), (now, error));
            }
        }
    }

    /// Notes why a container waits.
    pub(super) fn wait(&mut self, name: &str, reason: &str, message: &str) {
        self.waiting
            .insert(name.to_owned(), (reason.to_owned(), message.to_owned()));
    }
}

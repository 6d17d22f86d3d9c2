//! Stopping: hooks, grace, order, and what is removed once all is quiet.

use std::time::Duration;

use k8s_openapi::api::core::v1::Container;

use super::actor::{Actor, Life};
use super::mailbox::Done;
use super::restart::is_sidecar;
use super::{cgroup, hooks, sandbox};
use crate::events::Kind;
use crate::runtime::State;
use crate::sources::mirror;
use crate::volumes;

const DEFAULT_GRACE: i64 = 30;
/// What a container has left after a hook that used up its grace.
const LEAST_GRACE: Duration = Duration::from_secs(2);

impl Actor {
    /// Seconds a container gets between SIGTERM and SIGKILL.
    fn grace(&self) -> Duration {
        let asked = self.pod.metadata.deletion_grace_period_seconds;
        let own = self
            .pod
            .spec
            .as_ref()
            .and_then(|spec| spec.termination_grace_period_seconds);
        let seconds = asked.or(own).unwrap_or(DEFAULT_GRACE);
        Duration::from_secs(seconds.max(1) as u64)
    }

    /// Tells a container to end, unless it has been told with as little grace before.
    pub(super) fn stop_container(&mut self, id: &str, reason: &str, grace: Option<Duration>) {
        let Some(held) = self.view.containers.iter().find(|held| held.id == id).cloned() else {
            return;
        };
        let container = self.container(&held.name);
        let grace = grace.unwrap_or_else(|| self.probe_grace(container.as_ref(), id).unwrap_or_else(|| self.grace()));
        let earlier = self.stopping.get(id).copied();
        if earlier.is_some_and(|earlier| earlier <= grace) {
            return;
        }
        self.stopping.insert(id.to_owned(), grace);
        if earlier.is_none() {
            let message = if reason.is_empty() {
                format!("Stopping container {}", held.name)
            } else {
                reason.to_owned()
            };
            self.context
                .recorder
                .pod(&self.pod, Some(&held.name), Kind::Normal, "Killing", message);
        }
        // A hook runs once; a second, shorter order is about the time left only.
        let hook = container.as_ref().filter(|_| earlier.is_none()).and_then(|container| {
            container
                .lifecycle
                .as_ref()?
                .pre_stop
                .clone()
                .map(|handler| (container.clone(), handler))
        });
        let ip = self.ips().into_iter().next().unwrap_or_default();
        let (context, pod, reply, id) = (self.context.clone(), self.pod.clone(), self.reply(), id.to_owned());
        self.group.spawn("container-stop", async move {
            let began = tokio::time::Instant::now();
            if let Some((container, handler)) = hook
                && let Err(message) = hooks::run(&context, &id, &container, &handler, &ip, grace).await
            {
                tracing::debug!(message, "preStop hook failed");
                context.recorder.pod(
                    &pod,
                    Some(&container.name),
                    Kind::Warning,
                    "FailedPreStopHook",
                    "PreStopHook failed",
                );
            }
            let left = grace.saturating_sub(began.elapsed()).max(LEAST_GRACE.min(grace));
            let error = match context.runtime.stop_container(&id, left).await {
                Err(error) if !error.not_found() => Some(error.to_string()),
                _ => None,
            };
            reply(Done::Stopped { id, error });
        });
    }

    /// A liveness or startup probe may shorten the grace of the container it condemns.
    fn probe_grace(&self, container: Option<&Container>, id: &str) -> Option<Duration> {
        let reason = self.known.unhealthy.get(id)?;
        let container = container?;
        let probe = if reason.contains("startup") {
            &container.startup_probe
        } else {
            &container.liveness_probe
        };
        let seconds = probe.as_ref()?.termination_grace_period_seconds?;
        Some(Duration::from_secs(seconds.max(1) as u64))
    }

    /// Stops everything in order: regular containers at once, then sidecars from the last to the first, then the sandbox.
    /// True if the runtime is to be looked at again at once.
    pub(super) async fn end(&mut self) -> bool {
        self.probes.stop_readiness_updates();
        let spec = self.spec();
        let running: Vec<(String, String)> = self
            .view
            .running()
            .map(|held| (held.id.clone(), held.name.clone()))
            .collect();
        if !running.is_empty() {
            let sidecars: Vec<&Container> = spec
                .init_containers
                .iter()
                .flatten()
                .filter(|container| is_sidecar(container))
                .collect();
            let position = |name: &str| sidecars.iter().position(|container| container.name == name);
            let regular: Vec<&String> = running
                .iter()
                .filter(|(_, name)| position(name).is_none())
                .map(|(id, _)| id)
                .collect();
            let next: Vec<String> = if regular.is_empty() {
                let last = running.iter().max_by_key(|(_, name)| position(name));
                last.map(|(id, _)| id.clone()).into_iter().collect()
            } else {
                regular.into_iter().cloned().collect()
            };
            let grace = self.removed.then(|| self.grace());
            for id in next {
                self.stop_container(&id, "", grace);
            }
            return false;
        }
        for held in self.view.sandboxes.clone().into_iter().filter(|held| held.ready) {
            if let Err(error) = self.context.runtime.stop_sandbox(&held.id).await
                && !error.not_found()
            {
                tracing::warn!(pod = self.pod.metadata.name, %error, "sandbox not stopped; trying again");
                self.wake_in(LEAST_GRACE);
                return false;
            }
        }
        cgroup::remove(&self.pod);
        if let Err(error) = volumes::give_back(&self.context, self.mailbox.uid()).await {
            tracing::warn!(pod = self.pod.metadata.name, %error, "volumes not removed; trying again");
            self.wake_in(LEAST_GRACE);
            return false;
        }
        self.life = Life::Ended;
        true
    }

    /// Removes the pod's containers, sandboxes and logs: nobody can ask for them any more.
    pub(super) async fn forget(&mut self) {
        let context = self.context.clone();
        for held in &self.view.containers {
            if held.state != State::Running
                && let Err(error) = context.runtime.remove_container(&held.id).await
            {
                tracing::debug!(%error, "container not removed");
            }
        }
        for held in &self.view.sandboxes {
            if let Err(error) = context.runtime.remove_sandbox(&held.id).await {
                tracing::debug!(%error, "sandbox not removed");
            }
        }
        let logs = sandbox::log_directory(&context.options.pod_logs, &self.pod);
        let _ = fs_err::remove_dir_all(logs);
        if let Err(error) = volumes::remove(&context.options.root, self.mailbox.uid()) {
            tracing::warn!(pod = self.pod.metadata.name, %error, "folder not removed");
        }
        if mirror::is_static(&self.pod) {
            let namespace = self.pod.metadata.namespace.clone().unwrap_or_default();
            let api = kube::Api::namespaced(context.client.clone(), &namespace);
            if let Err(error) = mirror::remove(&api, self.pod.metadata.name.as_deref().unwrap_or_default()).await {
                tracing::debug!(%error, "mirror not removed");
            }
        }
    }
}

//! Starting: the sandbox, then one container at a time, each failure with its reason in the status.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Container, Secret};
use k8s_openapi::api::node::v1::RuntimeClass;
use kube::Api;
use tokio::time::Instant;

use super::actor::Actor;
use super::backoff::go_duration;
use super::container::{self, ConfigError, Parts};
use super::mailbox::Done;
use super::{cgroup, env, hooks, hosts, sandbox};
use crate::events::Kind;
use crate::runtime::State;
use crate::volumes::{self, VolumeError, lookup::Lookup};

pub(super) const RETRY: Duration = Duration::from_secs(2);
/// A pod is not held back longer than this because nobody says that its network policies are in force.
const ISOLATION_DEADLINE: Duration = Duration::from_secs(5);
const HOOK_DEADLINE: Duration = Duration::from_mins(10);

impl Actor {
    /// Makes the sandbox. True if it is there.
    pub(super) async fn create_sandbox(&mut self, attempt: u32) -> bool {
        // Volumes first: a pod whose secret is missing need not have a network.
        if !self.prepare_volumes().await {
            return false;
        }
        if attempt > 0 {
            let message = "Pod sandbox changed, it will be killed and re-created.";
            self.context
                .recorder
                .pod(&self.pod, None, Kind::Normal, "SandboxChanged", message);
        }
        // A sandbox that is not ready still holds its network.
        for old in self.view.sandboxes.clone() {
            if let Err(error) = self.context.runtime.stop_sandbox(&old.id).await {
                tracing::debug!(%error, "old sandbox not stopped");
            }
        }
        if let Err(error) = cgroup::create(&self.pod) {
            tracing::warn!(pod = self.pod.metadata.name, %error, "pod cgroup not made");
        }
        let config = sandbox::config(&self.pod, attempt, &self.context.options);
        if let Err(error) = fs_err::create_dir_all(&config.log_directory) {
            tracing::warn!(%error, "log folder not made");
        }
        let began = Instant::now();
        let made = match self.runtime_handler().await {
            Ok(handler) => Box::pin(self.context.runtime.run_sandbox(config, handler))
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        match made {
            Ok(_) => {
                let took = Some(began.elapsed());
                self.context.recorder.step(&self.pod, None, "Sandbox", took, "");
                true
            }
            Err(error) => {
                let message = format!("Failed to create pod sandbox: {error}");
                self.context
                    .recorder
                    .pod(&self.pod, None, Kind::Warning, "FailedCreatePodSandBox", message);
                self.wake_in(RETRY);
                false
            }
        }
    }

    /// The runtime's name for what the pod's RuntimeClass stands for; empty is the default.
    async fn runtime_handler(&self) -> Result<String, String> {
        let class = self.pod.spec.as_ref().and_then(|spec| spec.runtime_class_name.clone());
        let Some(class) = class.filter(|class| !class.is_empty()) else {
            return Ok(String::new());
        };
        let api: Api<RuntimeClass> = Api::all(self.context.client.clone());
        let found = api.get(&class).await;
        found
            .map(|found| found.handler)
            .map_err(|error| format!("failed to get sandbox runtime: {error}"))
    }

    /// Waits until network policies are in force for a sandbox that is new, which needs its address to be known.
    pub(super) async fn isolate(&mut self) {
        let Some(sandbox) = self.view.sandbox() else { return };
        if self.isolated.as_ref() == Some(&sandbox.id) || !self.view.containers.is_empty() {
            return;
        }
        self.isolated = Some(sandbox.id.clone());
        let on_node = self.pod.spec.as_ref().and_then(|spec| spec.host_network) == Some(true);
        let Some(address) = sandbox.ips.first().and_then(|ip| ip.parse().ok()).filter(|_| !on_node) else {
            return;
        };
        let (namespace, name) = (&self.pod.metadata.namespace, &self.pod.metadata.name);
        let (namespace, name) = (
            namespace.as_deref().unwrap_or_default(),
            name.as_deref().unwrap_or_default(),
        );
        let mut wait = self.context.options.isolated.wait(namespace, name, address);
        if (&mut wait).now_or_never().is_some() {
            return;
        }
        self.tell();
        let began = Instant::now();
        if tokio::time::timeout(ISOLATION_DEADLINE, wait).await.is_ok() {
            let took = Some(began.elapsed());
            self.context.recorder.step(&self.pod, None, "Isolated", took, "");
        } else {
            tracing::warn!(
                pod = self.pod.metadata.name,
                "starting before its network policies are known to be in force"
            );
        }
    }

    /// Starts a container, or notes why it waits. True if it was started.
    pub(super) async fn start_container(&mut self, name: &str) -> bool {
        let Some(container) = self.container(name) else {
            return false;
        };
        if self.held_back(name) {
            return false;
        }
        let Some(image) = self.image(&container).await else {
            return false;
        };
        match Box::pin(self.create(&container, image)).await {
            Ok(id) => self.launch(&container, &id).await,
            Err((reason, message)) => {
                self.context.recorder.pod(
                    &self.pod,
                    Some(name),
                    Kind::Warning,
                    "Failed",
                    format!("Error: {message}"),
                );
                self.wait(name, reason, &message);
                self.wake_in(RETRY * 5);
                false
            }
        }
    }

    /// True while a container that ended has to wait before it runs again.
    fn held_back(&mut self, name: &str) -> bool {
        let Some(latest) = self.view.latest(name).filter(|latest| latest.state == State::Exited) else {
            return false;
        };
        let now = Timestamp::now();
        let ended = Timestamp::from_nanosecond(i128::from(latest.finished_at)).unwrap_or(now);
        let key = format!("container {name}");
        let pod = &self.pod.metadata;
        if let Some((left, delay)) = self.backoff.held(&key, ended, now) {
            let message = format!(
                "back-off {} restarting failed container={name} pod={}_{}({})",
                go_duration(delay),
                pod.name.as_deref().unwrap_or_default(),
                pod.namespace.as_deref().unwrap_or_default(),
                pod.uid.as_deref().unwrap_or_default(),
            );
            if self
                .waiting
                .get(name)
                .is_none_or(|(reason, _)| reason != "CrashLoopBackOff")
            {
                let text = format!(
                    "Back-off restarting failed container {name} in pod {}_{}({})",
                    pod.name.as_deref().unwrap_or_default(),
                    pod.namespace.as_deref().unwrap_or_default(),
                    pod.uid.as_deref().unwrap_or_default()
                );
                self.context
                    .recorder
                    .pod(&self.pod, Some(name), Kind::Warning, "BackOff", text);
            }
            self.wait(name, "CrashLoopBackOff", &message);
            self.wake_in(left);
            return true;
        }
        self.backoff.next(&key, now);
        false
    }

    async fn create(
        &mut self,
        container: &Container,
        image: super::pull::Ready,
    ) -> Result<String, (&'static str, String)> {
        let config_error = |error: ConfigError| ("CreateContainerConfigError", error.to_string());
        let Some(sandbox) = self.view.sandbox().cloned() else {
            return Err(("CreateContainerError", "the pod has no sandbox".to_owned()));
        };
        let env = self.environment(container).await.map_err(config_error)?;
        let options = &self.context.options;
        let folder = volumes::pod_folder(&options.root, self.mailbox.uid());
        let hosts =
            hosts::write(&self.pod, &sandbox.ips, &folder, options).map_err(|error| config_error(error.into()))?;
        let mounts = volumes::of_container(&self.pod, container, &self.volumes, &env, Some(&hosts), &options.root)
            .map_err(|error| config_error(error.into()))?;
        let devices = volumes::devices_of(container, &self.volumes).map_err(|error| config_error(error.into()))?;
        let restarts = self
            .view
            .latest(&container.name)
            .map_or_else(|| self.shown_restarts(&container.name), |held| held.restarts + 1);
        let parts = Parts {
            image: image.spec,
            user: image.user,
            env,
            mounts,
            devices,
            restarts,
            node_memory: self.context.node_memory,
            target: self.joined(&container.name),
        };
        let config = container::config(&self.pod, container, parts, options).map_err(config_error)?;
        let sandbox_config = sandbox::config(&self.pod, sandbox.attempt, options);
        let create = self
            .context
            .runtime
            .create_container(&sandbox.id, config, sandbox_config);
        let began = Instant::now();
        let created = Box::pin(create).await;
        let id = created.map_err(|error| ("CreateContainerError", error.to_string()))?;
        let took = Some(began.elapsed());
        self.context
            .recorder
            .step(&self.pod, Some(&container.name), "Created", took, "");
        self.context.recorder.pod(
            &self.pod,
            Some(&container.name),
            Kind::Normal,
            "Created",
            "Container created",
        );
        self.applied
            .insert(id.clone(), container.resources.clone().unwrap_or_default());
        Ok(id)
    }

    /// The count the API shows for a container the runtime knows nothing of any more.
    fn shown_restarts(&self, name: &str) -> u32 {
        let statuses = self
            .status
            .container_statuses
            .iter()
            .flatten()
            .chain(self.status.init_container_statuses.iter().flatten());
        let shown = statuses
            .into_iter()
            .find(|status| status.name == name && status.container_id.is_some());
        shown.map_or(0, |status| status.restart_count as u32 + 1)
    }

    async fn launch(&mut self, container: &Container, id: &str) -> bool {
        let name = &container.name;
        let began = Instant::now();
        if let Err(error) = self.context.runtime.start_container(id).await {
            self.context.recorder.pod(
                &self.pod,
                Some(name),
                Kind::Warning,
                "Failed",
                format!("Error: {error}"),
            );
            self.wait(name, "RunContainerError", &error.to_string());
            self.remove_dead(name).await;
            self.wake_in(RETRY * 5);
            return false;
        }
        let took = Some(began.elapsed());
        self.context.recorder.step(&self.pod, Some(name), "Started", took, "");
        self.waiting.remove(name);
        self.remove_dead(name).await;
        self.context
            .recorder
            .pod(&self.pod, Some(name), Kind::Normal, "Started", "Container started");
        if let Some(handler) = container
            .lifecycle
            .as_ref()
            .and_then(|lifecycle| lifecycle.post_start.clone())
        {
            let (context, reply, container) = (self.context.clone(), self.reply(), container.clone());
            let ip = self.ips().into_iter().next().unwrap_or_default();
            let id = id.to_owned();
            self.group.spawn("post-start", async move {
                if let Err(message) = hooks::run(&context, &id, &container, &handler, &ip, HOOK_DEADLINE).await {
                    reply(Done::PostStartFailed { id, message });
                }
            });
        }
        true
    }

    /// The container that an ephemeral one is to look into.
    fn joined(&self, name: &str) -> Option<String> {
        let list = self.pod.spec.as_ref()?.ephemeral_containers.as_ref()?;
        let target = list
            .iter()
            .find(|container| container.name == name)?
            .target_container_name
            .as_deref()?;
        self.view.latest(target).map(|held| held.id.clone())
    }

    /// Keeps one ended incarnation of a container, for `logs --previous` and the last state; older ones go.
    async fn remove_dead(&self, name: &str) {
        let dead = self
            .view
            .containers
            .iter()
            .filter(|held| held.name == name && held.state != State::Running);
        for held in dead.skip(1) {
            match self.context.runtime.remove_container(&held.id).await {
                Ok(()) => drop(fs_err::remove_file(&held.log_path)),
                Err(error) => tracing::debug!(%error, "ended container not removed"),
            }
        }
    }

    async fn environment(&self, container: &Container) -> Result<Vec<(String, String)>, ConfigError> {
        let namespace = self.pod.metadata.namespace.clone().unwrap_or_default();
        let lookup = Lookup {
            context: &self.context,
            namespace: &namespace,
            mailbox: &self.mailbox,
            tokens: &self.tokens,
            mounted: &self.mounted,
        };
        let (maps, secrets) = referenced(container);
        let mut config_maps: BTreeMap<String, ConfigMap> = BTreeMap::new();
        for name in maps {
            if let Some(map) = lookup.config_map(&name).await.map_err(unavailable)? {
                config_maps.insert(name, map);
            }
        }
        let mut found_secrets: BTreeMap<String, Secret> = BTreeMap::new();
        for name in secrets {
            if let Some(secret) = lookup.secret(&name).await.map_err(unavailable)? {
                found_secrets.insert(name, secret);
            }
        }
        let links = self.pod.spec.as_ref().and_then(|spec| spec.enable_service_links) != Some(false);
        // A static pod starts before there is an API to ask.
        let services = if crate::sources::mirror::is_static(&self.pod) {
            BTreeMap::new()
        } else {
            self.context.service_variables(&namespace, links).await
        };
        let facts = self.context.facts(self.ips());
        let sources = env::Sources {
            config_maps: &config_maps,
            secrets: &found_secrets,
            facts: &facts,
            volumes: &self.volumes,
            services,
        };
        Ok(env::of_container(&self.pod, container, &sources)?)
    }
}

fn unavailable(error: VolumeError) -> ConfigError {
    ConfigError::File(std::io::Error::other(error.to_string()))
}

/// Names of the ConfigMaps and Secrets that a container's environment refers to.
fn referenced(container: &Container) -> (HashSet<String>, HashSet<String>) {
    let (mut maps, mut secrets) = (HashSet::new(), HashSet::new());
    for from in container.env_from.iter().flatten() {
        maps.extend(from.config_map_ref.iter().map(|reference| reference.name.clone()));
        secrets.extend(from.secret_ref.iter().map(|reference| reference.name.clone()));
    }
    for source in container
        .env
        .iter()
        .flatten()
        .filter_map(|variable| variable.value_from.as_ref())
    {
        maps.extend(source.config_map_key_ref.iter().map(|reference| reference.name.clone()));
        secrets.extend(source.secret_key_ref.iter().map(|reference| reference.name.clone()));
    }
    (maps, secrets)
}

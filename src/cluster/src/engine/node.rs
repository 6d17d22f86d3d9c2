//! Node containers: how they are made, started, stopped and removed.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{
    ContainerCreateBody, ContainerUpdateBody, EndpointIpamConfig, EndpointSettings, HostConfig,
    HostConfigCgroupnsModeEnum, HostConfigLogConfig, NetworkingConfig, PortBinding, RestartPolicy,
    RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
    StopContainerOptionsBuilder,
};

use super::{Engine, Whose, failed, is_missing, labels};
use crate::ClusterError;
use crate::profile::{Confinement, Limits};

/// What a node's container is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeContainer<'a> {
    pub(crate) cluster: &'a str,
    /// Container, host and volume name.
    pub(crate) name: &'a str,
    pub(crate) role: &'a str,
    pub(crate) image: &'a str,
    pub(crate) network: &'a str,
    pub(crate) ip: IpAddr,
    /// Ports on 127.0.0.1 and the node's own that they lead to; the first control plane only.
    pub(crate) ports: Vec<(u16, u16)>,
    pub(crate) confinement: Confinement,
    pub(crate) modules: bool,
    pub(crate) env: &'a [String],
    pub(crate) limits: Limits,
}

/// A container of ours, as the engine lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeState {
    /// Node and container name.
    pub name: String,
    /// Label `io.rkube.cluster`.
    pub cluster: String,
    /// `running`, `exited`, …
    pub state: String,
    /// Image reference it was made from.
    pub image: String,
}

impl NodeState {
    /// Whether its processes run.
    pub fn running(&self) -> bool {
        self.state == "running"
    }
}

impl Engine {
    /// Makes the container; it does not run yet.
    pub(crate) async fn create_node(&self, node: &NodeContainer<'_>) -> Result<(), ClusterError> {
        let options = CreateContainerOptionsBuilder::default().name(node.name).build();
        let mut body = body(node);
        body.labels = Some(self.labels(node.cluster, Some(node.role)));
        if let Some(host) = &mut body.host_config {
            host.log_config = self.bounded_log().await;
        }
        let docker = self.docker.clone();
        let made = self
            .making
            .see_through(async move { docker.create_container(Some(options), body).await });
        match made.await {
            // names are unique: somebody else was quicker
            Err(error) if super::status(&error) == Some(409) => Err(ClusterError::NameTaken {
                what: "container",
                name: node.name.to_owned(),
            }),
            made => made
                .map(drop)
                .map_err(|error| failed("create the node's container", error)),
        }
    }

    /// A node's log is kept on its own volume too, and rotated there; the engine's copy must not grow for ever either. `None`
    /// for drivers that have no such limit, or another one.
    async fn bounded_log(&self) -> Option<HostConfigLogConfig> {
        let ask = || async {
            self.docker
                .info()
                .await
                .map(|info| info.logging_driver.unwrap_or_default())
        };
        let driver = self.log_driver.get_or_try_init(ask).await.ok()?;
        let limits = [("max-size", "10m"), ("max-file", "3")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        ["json-file", "local"]
            .contains(&driver.as_str())
            .then(|| HostConfigLogConfig {
                typ: Some(driver.clone()),
                config: Some(HashMap::from(limits)),
            })
    }

    /// Starts a container. The error is the engine's, so that the caller can tell why.
    pub(crate) async fn start_node(&self, name: &str) -> Result<(), bollard::errors::Error> {
        let (docker, name) = (self.docker.clone(), name.to_owned());
        let started = self
            .making
            .see_through(async move { docker.start_container(&name, None).await });
        started.await
    }

    /// Says whether a node that exists is to come back by itself.
    pub(crate) async fn want_node(&self, name: &str, wanted: bool) {
        let body = ContainerUpdateBody {
            restart_policy: Some(restart(wanted)),
            ..ContainerUpdateBody::default()
        };
        // older Podmans cannot; then the node is as it was made
        if let Err(error) = self.docker.update_container(name, body).await {
            tracing::debug!(%error, name, "the restart policy stays as it is");
        }
    }

    /// Asks the container to end and waits; kills it after `grace` seconds. Fine if it is gone or stopped.
    pub(crate) async fn stop_node(&self, name: &str, grace: i32) -> Result<(), ClusterError> {
        let options = StopContainerOptionsBuilder::default().t(grace).build();
        match self.docker.stop_container(name, Some(options)).await {
            Err(error) if !is_missing(&error) && super::status(&error) != Some(304) => {
                Err(failed("stop the node", error))
            }
            _ => Ok(()),
        }
    }

    /// Removes a container, running or not. Fine if it is gone.
    pub(crate) async fn remove_node(&self, name: &str) -> Result<(), ClusterError> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match self.docker.remove_container(name, Some(options)).await {
            Err(error) if !is_missing(&error) => Err(failed("remove the node's container", error)),
            _ => Ok(()),
        }
    }

    /// Containers of one cluster, or of all, in order of their names.
    pub async fn nodes(&self, cluster: Option<&str>) -> Result<Vec<NodeState>, ClusterError> {
        self.containers(cluster, Whose::Anybodys).await
    }

    /// Whether a container was made and not started since.
    pub(crate) async fn never_ran(&self, node: &NodeState) -> Result<bool, ClusterError> {
        // Podman's words are the last two; after a reboot it says them of what ran before, too
        if !["created", "configured", "initialized"].contains(&node.state.as_str()) {
            return Ok(false);
        }
        let found = self.docker.inspect_container(&node.name, None).await;
        let state = found.map_err(|error| failed("look at the container", error))?.state;
        let started = state.and_then(|state| state.started_at).unwrap_or_default();
        Ok(started.is_empty() || started.starts_with("0001-"))
    }

    /// Containers of all clusters that were made for profiles here.
    pub(crate) async fn own_nodes(&self) -> Result<Vec<NodeState>, ClusterError> {
        self.containers(None, Whose::Own).await
    }

    /// Removes the cluster's containers, running or not.
    pub(crate) async fn remove_nodes(&self, cluster: &str, whose: Whose) -> Result<(), ClusterError> {
        let nodes = self.containers(Some(cluster), whose).await?;
        let removed = nodes.iter().map(|node| self.remove_node(&node.name));
        // each is waited for, also after another one was refused
        let removed: Vec<_> = futures::future::join_all(removed).await;
        removed.into_iter().collect()
    }

    async fn containers(&self, cluster: Option<&str>, whose: Whose) -> Result<Vec<NodeState>, ClusterError> {
        let filters = labels::filter(cluster);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let found = self.docker.list_containers(Some(options)).await;
        let mut nodes: Vec<NodeState> = found
            .map_err(|error| failed("list containers", error))?
            .into_iter()
            .filter(|container| self.is(whose, container.labels.as_ref().unwrap_or(&HashMap::new())))
            .map(|container| {
                let label = container.labels.unwrap_or_default().remove(labels::CLUSTER);
                let name = container
                    .names
                    .unwrap_or_default()
                    .into_iter()
                    .next()
                    .unwrap_or_default();
                NodeState {
                    name: name.trim_start_matches('/').to_owned(),
                    cluster: label.unwrap_or_default(),
                    state: container.state.map(|state| state.to_string()).unwrap_or_default(),
                    image: container.image.unwrap_or_default(),
                }
            })
            .collect();
        nodes.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(nodes)
    }

    /// Whether a container of that name exists that is not of this cluster.
    pub(crate) async fn foreign_container(&self, name: &str, cluster: &str) -> Result<bool, ClusterError> {
        match self.docker.inspect_container(name, None).await {
            Ok(found) => {
                let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
                Ok(labels.get(labels::CLUSTER).map(String::as_str) != Some(cluster))
            }
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(failed("look for the container", error)),
        }
    }
}

/// A node that is wanted comes back after a restart of the engine or the machine. Not `unless-stopped`: an engine that was
/// killed stops the containers that outlived it, and then takes that for the user's wish.
fn restart(wanted: bool) -> RestartPolicy {
    let name = if wanted {
        RestartPolicyNameEnum::ALWAYS
    } else {
        RestartPolicyNameEnum::NO
    };
    RestartPolicy {
        name: Some(name),
        maximum_retry_count: None,
    }
}

fn body(node: &NodeContainer<'_>) -> ContainerCreateBody {
    let mut host = HostConfig {
        // the node's processes live below its own root of the hierarchy, which it may divide
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        network_mode: Some(node.network.to_owned()),
        // /dev/shm, /run and /tmp must not survive a restart; /var must survive even a new container
        tmpfs: Some(HashMap::from([
            ("/run".to_owned(), String::new()),
            ("/tmp".to_owned(), String::new()),
        ])),
        binds: Some(binds(node)),
        restart_policy: Some(restart(true)),
        // PID 1 must be ours even where the engine's configuration says otherwise
        init: Some(false),
        nano_cpus: node.limits.milli_cpus.map(|milli| i64::from(milli) * 1_000_000),
        memory: bytes(node.limits.memory),
        // no more of it in swap: a kubelet counts on memory that is memory
        memory_swap: bytes(node.limits.memory),
        security_opt: Some(vec!["seccomp=unconfined".to_owned(), "apparmor=unconfined".to_owned()]),
        ..HostConfig::default()
    };
    match node.confinement {
        Confinement::Privileged => host.privileged = Some(true),
        Confinement::Capabilities => {
            host.cap_add = Some(vec!["ALL".to_owned()]);
            host.cap_drop = Some(vec!["SYS_RESOURCE".to_owned()]);
        }
    }
    let name = |port: u16| format!("{port}/tcp");
    let binding = |port: u16| PortBinding {
        host_ip: Some("127.0.0.1".to_owned()),
        host_port: Some(port.to_string()),
    };
    if !node.ports.is_empty() {
        let bindings = node
            .ports
            .iter()
            .map(|(host, own)| (name(*own), Some(vec![binding(*host)])));
        host.port_bindings = Some(bindings.collect());
    }
    let mut env = vec!["container=docker".to_owned()];
    env.extend_from_slice(node.env);
    let endpoint = EndpointSettings {
        ipam_config: Some(EndpointIpamConfig {
            ipv4_address: Some(node.ip.to_string()),
            ..Default::default()
        }),
        ..EndpointSettings::default()
    };
    ContainerCreateBody {
        hostname: Some(node.name.to_owned()),
        image: Some(node.image.to_owned()),
        env: Some(env),
        exposed_ports: (!node.ports.is_empty()).then(|| node.ports.iter().map(|(_, own)| name(*own)).collect()),
        host_config: Some(host),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(node.network.to_owned(), endpoint)])),
        }),
        ..ContainerCreateBody::default()
    }
}

fn bytes(limit: Option<u64>) -> Option<i64> {
    limit.and_then(|bytes| i64::try_from(bytes).ok())
}

fn binds(node: &NodeContainer<'_>) -> Vec<String> {
    let mut binds = vec![format!("{}:/var", node.name)];
    if node.modules {
        binds.push("/lib/modules:/lib/modules:ro".to_owned());
    }
    binds
}

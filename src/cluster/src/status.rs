//! `status`: what each node and its components are doing.

use std::time::Duration;

use nodespec::Role;
use serde::Serialize;
use serde_json::Value;

use crate::api::ApiClient;
use crate::engine::NodeState;
use crate::profile::{Profile, ProfileNode, ProfileStore};
use crate::start::Keys;
use crate::{ClusterError, Engine, kubeconfig, pause};

/// A node that hangs must not make `status` hang.
const DEADLINE: Duration = Duration::from_secs(3);

/// State of a component, in minikube's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum State {
    /// As it should be.
    Running,
    /// Not running.
    Stopped,
    /// Frozen.
    Paused,
    /// Does not exist.
    Nonexistent,
    /// Does not answer, or answers with an error.
    Error,
    /// Does not apply to this node.
    Irrelevant,
}

/// State of the kubeconfig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Kubeconfig {
    /// Leads to the cluster.
    Configured,
    /// Does not.
    Misconfigured,
    /// Leads to a cluster that does not run.
    Stopped,
    /// Workers have no say in it.
    Irrelevant,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeStatus {
    /// Node name.
    pub name: String,
    /// The container.
    pub host: State,
    /// The kubelet.
    pub kubelet: State,
    /// The API server.
    #[serde(rename = "APIServer")]
    pub api_server: State,
    /// The user's kubeconfig.
    pub kubeconfig: Kubeconfig,
    /// True for workers.
    pub worker: bool,
}

/// Looks at all nodes of a cluster.
pub async fn status(engine: &Engine, store: &ProfileStore, profile: &Profile) -> Result<Vec<NodeStatus>, ClusterError> {
    let containers = engine.nodes(Some(&profile.name)).await?;
    let look = |node| node_status(engine, store, profile, node, &containers);
    Ok(futures::future::join_all(profile.nodes.iter().map(look)).await)
}

/// What a whole cluster is doing, as lists of clusters say it. `containers` may be of others too.
pub async fn overall(engine: &Engine, profile: &Profile, containers: &[NodeState]) -> State {
    let mut ours = containers
        .iter()
        .filter(|container| container.cluster == profile.name)
        .peekable();
    if ours.peek().is_none() {
        return State::Nonexistent;
    }
    if !ours.all(NodeState::running) {
        return State::Stopped;
    }
    let Some(node) = profile.control_plane() else {
        return State::Running;
    };
    match tokio::time::timeout(DEADLINE, pause::is_paused(engine, &node.name)).await {
        Ok(Ok(true)) => State::Paused,
        Ok(Ok(false)) => State::Running,
        _ => State::Error,
    }
}

async fn node_status(
    engine: &Engine,
    store: &ProfileStore,
    profile: &Profile,
    node: &ProfileNode,
    containers: &[NodeState],
) -> NodeStatus {
    let worker = node.role == Role::Worker;
    let leads_here = kubeconfig::server(&profile.kubeconfig, &profile.name).as_deref() == Some(&profile.server());
    let container = containers.iter().find(|container| container.name == node.name);
    let host = match container {
        None => State::Nonexistent,
        Some(container) if container.running() => State::Running,
        Some(_) => State::Stopped,
    };
    let mut status = NodeStatus {
        name: node.name.clone(),
        host,
        kubelet: host,
        api_server: if worker { State::Irrelevant } else { host },
        kubeconfig: match (worker, leads_here) {
            (true, _) => Kubeconfig::Irrelevant,
            (false, true) if host != State::Running => Kubeconfig::Stopped,
            (false, true) => Kubeconfig::Configured,
            (false, false) => Kubeconfig::Misconfigured,
        },
        worker,
    };
    if host != State::Running {
        return status;
    }
    let paused = tokio::time::timeout(DEADLINE, pause::is_paused(engine, &node.name)).await;
    if matches!(paused, Ok(Ok(true))) {
        status.kubelet = State::Stopped;
        if !worker {
            status.api_server = State::Paused;
        }
        return status;
    }
    let (kubelet, api) = tokio::join!(tokio::time::timeout(DEADLINE, kubelet(engine, &node.name)), async {
        if worker {
            State::Irrelevant
        } else {
            api_server(store, profile).await
        }
    },);
    status.kubelet = kubelet.unwrap_or(State::Error);
    status.api_server = api;
    status
}

/// As the agent in the node says.
async fn kubelet(engine: &Engine, node: &str) -> State {
    let Ok(output) = engine.exec(node, &["/usr/bin/rkube", "node", "status"]).await else {
        return State::Error;
    };
    if output.code != 0 {
        return State::Stopped;
    }
    let status: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    match status["components"]["kubelet"]["running"].as_bool() {
        Some(true) => State::Running,
        Some(false) => State::Stopped,
        None => State::Error,
    }
}

async fn api_server(store: &ProfileStore, profile: &Profile) -> State {
    let Ok(Some(keys)) = Keys::read(store, &profile.name) else {
        return State::Error;
    };
    let ca = &keys.authority.pem().cert;
    let Ok(api) = ApiClient::new(&profile.server(), ca, &keys.admin.cert, &keys.admin.key) else {
        return State::Error;
    };
    match api.text("/readyz").await {
        Ok(_) => State::Running,
        // an answer, if a bad one, is not the same as none
        Err(reason) if reason.starts_with(|c: char| c.is_ascii_digit()) => State::Error,
        Err(_) => State::Stopped,
    }
}

/// minikube's exit code: 1 host, 2 kubelet or API server, 4 kubeconfig.
pub fn exit_bits(nodes: &[NodeStatus]) -> u8 {
    let mut bits = 0;
    for node in nodes {
        if node.host != State::Running {
            bits |= 1;
        }
        if node.kubelet != State::Running || !matches!(node.api_server, State::Running | State::Irrelevant) {
            bits |= 2;
        }
        if !matches!(node.kubeconfig, Kubeconfig::Configured | Kubeconfig::Irrelevant) {
            bits |= 4;
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_has_a_bit_for_each_layer() {
        let node = |host, kubelet, api_server, kubeconfig| NodeStatus {
            name: "n".to_owned(),
            host,
            kubelet,
            api_server,
            kubeconfig,
            worker: false,
        };
        use State::{Paused, Running, Stopped};
        assert_eq!(exit_bits(&[node(Running, Running, Running, Kubeconfig::Configured)]), 0);
        assert_eq!(exit_bits(&[node(Running, Stopped, Paused, Kubeconfig::Configured)]), 2);
        assert_eq!(exit_bits(&[node(Stopped, Stopped, Stopped, Kubeconfig::Stopped)]), 7);
        let worker = node(Running, Running, State::Irrelevant, Kubeconfig::Irrelevant);
        assert_eq!(exit_bits(&[worker]), 0);
    }
}

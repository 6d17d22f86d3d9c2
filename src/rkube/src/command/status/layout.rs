//! Status as JSON: minikube's entry per node, or its state of the whole cluster with codes like HTTP's.

use cluster::{Kubeconfig, NodeStatus, State};
use serde_json::{Map, Value, json};

use crate::command::version::OWN;

/// minikube's codes and names, of which these are told.
const OK: (u16, &str) = (200, "OK");
const DEGRADED: (u16, &str) = (204, "Degraded");
const NOT_FOUND: (u16, &str) = (404, "NotFound");
const STOPPED: (u16, &str) = (405, "Stopped");
const PAUSED: (u16, &str) = (418, "Paused");
const ERROR: (u16, &str) = (500, "Error");

/// An object for one node, a list for several.
pub(super) fn of_nodes(nodes: &[NodeStatus]) -> Value {
    match nodes {
        [node] => json!(node),
        nodes => json!(nodes),
    }
}

/// The cluster is what its API server is, and degraded if that is well and something else is not.
pub(super) fn of_cluster(name: &str, nodes: &[NodeStatus]) -> Value {
    let plane = nodes.iter().find(|node| !node.worker);
    let api = plane.map_or(NOT_FOUND, |node| code(node.api_server));
    let well = |node: &NodeStatus| {
        node.host == State::Running
            && node.kubelet == State::Running
            && matches!(node.api_server, State::Running | State::Irrelevant)
    };
    let code = if api == OK && !nodes.iter().all(well) {
        DEGRADED
    } else {
        api
    };
    let mut state = state(name, code);
    state["BinaryVersion"] = OWN.into();
    state["Components"] = components(plane.map(|node| ("kubeconfig", of_kubeconfig(node.kubeconfig))));
    state["Nodes"] = nodes.iter().map(of_node).collect();
    state
}

fn of_node(node: &NodeStatus) -> Value {
    let mut state = state(&node.name, code(node.host));
    let api = (!node.worker).then(|| ("apiserver", code(node.api_server)));
    state["Components"] = components(api.into_iter().chain([("kubelet", code(node.kubelet))]));
    state
}

fn components(all: impl IntoIterator<Item = (&'static str, (u16, &'static str))>) -> Value {
    let all = all.into_iter().map(|(name, code)| (name.to_owned(), state(name, code)));
    Value::Object(all.collect::<Map<_, _>>())
}

fn state(name: &str, (code, text): (u16, &str)) -> Value {
    json!({ "Name": name, "StatusCode": code, "StatusName": text })
}

fn code(state: State) -> (u16, &'static str) {
    match state {
        State::Running | State::Irrelevant => OK,
        State::Stopped => STOPPED,
        State::Paused => PAUSED,
        State::Nonexistent => NOT_FOUND,
        State::Error => ERROR,
    }
}

fn of_kubeconfig(kubeconfig: Kubeconfig) -> (u16, &'static str) {
    match kubeconfig {
        Kubeconfig::Configured | Kubeconfig::Irrelevant => OK,
        Kubeconfig::Stopped => STOPPED,
        Kubeconfig::Misconfigured => ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(host: State, kubelet: State, api_server: State) -> NodeStatus {
        NodeStatus {
            name: "demo".to_owned(),
            host,
            kubelet,
            api_server,
            kubeconfig: Kubeconfig::Configured,
            worker: false,
        }
    }

    fn worker(host: State) -> NodeStatus {
        NodeStatus {
            name: "demo-m02".to_owned(),
            kubeconfig: Kubeconfig::Irrelevant,
            worker: true,
            ..plane(host, host, State::Irrelevant)
        }
    }

    #[test]
    fn the_cluster_is_what_its_api_server_is() {
        use State::{Nonexistent, Paused, Running, Stopped};
        let code = |nodes: &[NodeStatus]| of_cluster("demo", nodes)["StatusCode"].clone();
        assert_eq!(code(&[plane(Running, Running, Running), worker(Running)]), 200);
        assert_eq!(code(&[plane(Running, Running, Running), worker(Stopped)]), 204);
        assert_eq!(code(&[plane(Running, Stopped, Paused)]), 418);
        assert_eq!(code(&[plane(Stopped, Stopped, Stopped), worker(Stopped)]), 405);
        assert_eq!(code(&[plane(Running, Running, State::Error)]), 500);
        assert_eq!(code(&[plane(Nonexistent, Nonexistent, Nonexistent)]), 404);
    }

    #[test]
    fn nodes_have_the_components_that_they_run() {
        let state = of_cluster(
            "demo",
            &[
                plane(State::Running, State::Running, State::Running),
                worker(State::Stopped),
            ],
        );
        assert_eq!(state["Components"]["kubeconfig"]["StatusName"], "OK");
        assert_eq!(state["Nodes"][0]["Components"]["apiserver"]["StatusCode"], 200);
        assert_eq!(state["Nodes"][1]["Components"]["kubelet"]["StatusName"], "Stopped");
        assert_eq!(state["Nodes"][1]["Components"].get("apiserver"), None);
    }
}

//! Whether this node takes a pod that somebody put here, past the scheduler or before it knew better.
//!
//! Semantics: `k8s.io/kubernetes/pkg/kubelet/lifecycle`, predicate NodePorts.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;

/// Reason and message of a pod that cannot run here.
pub(crate) type Rejection = (&'static str, String);

struct HostPort {
    number: i32,
    protocol: String,
    /// Empty for all addresses.
    address: String,
}

fn host_ports(pod: &Pod) -> Vec<HostPort> {
    let spec = pod.spec.iter();
    let containers = spec.flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports
        .filter_map(|port| {
            Some(HostPort {
                number: port.host_port.filter(|number| *number > 0)?,
                protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
                address: port
                    .host_ip
                    .clone()
                    .filter(|address| address != "0.0.0.0")
                    .unwrap_or_default(),
            })
        })
        .collect()
}

fn collide(one: &HostPort, other: &HostPort) -> bool {
    one.number == other.number
        && one.protocol == other.protocol
        && (one.address == other.address || one.address.is_empty() || other.address.is_empty())
}

fn is_finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Why the pod cannot run beside the others; a pod that has been taken once stays.
pub(crate) fn reject<'a>(pod: &Pod, mut others: impl Iterator<Item = &'a Arc<Pod>>) -> Option<Rejection> {
    let taken = pod.status.as_ref().is_some_and(|status| status.start_time.is_some());
    let wanted = host_ports(pod);
    if taken || wanted.is_empty() {
        return None;
    }
    let clashes = others.any(|other| {
        other.metadata.uid != pod.metadata.uid
            && !is_finished(other)
            && host_ports(other)
                .iter()
                .any(|port| wanted.iter().any(|own| collide(own, port)))
    });
    clashes.then(|| {
        let message = "Pod was rejected: Predicate NodePorts failed: \
                       node(s) didn't have free ports for the requested pod ports";
        ("NodePorts", message.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(uid: &str, port: &Value, status: &Value) -> Arc<Pod> {
        let whole = json!({"metadata": {"uid": uid}, "spec": {"containers": [{"name": "c", "ports": [port]}]}, "status": status});
        Arc::new(serde_json::from_value(whole).expect("pod"))
    }

    #[test]
    fn a_port_is_taken_by_one_pod_that_runs() {
        let port = json!({"containerPort": 80, "hostPort": 80});
        let new = pod("new", &port, &json!({}));
        let refused = |other: Arc<Pod>| reject(&new, [other].iter()).map(|(reason, _)| reason);
        assert_eq!(
            refused(pod("a", &port, &json!({"phase": "Running"}))),
            Some("NodePorts")
        );
        assert_eq!(refused(pod("a", &port, &json!({"phase": "Failed"}))), None);
        assert_eq!(
            refused(pod("new", &port, &json!({}))),
            None,
            "it does not stand in its own way"
        );
        let other = |change: Value| {
            let mut other = port.clone();
            for (key, value) in change.as_object().into_iter().flatten() {
                other[key] = value.clone();
            }
            pod("a", &other, &json!({}))
        };
        assert_eq!(refused(other(json!({"protocol": "UDP"}))), None);
        assert_eq!(refused(other(json!({"hostIP": "127.0.0.1"}))), Some("NodePorts"));
        assert_eq!(refused(other(json!({"hostPort": 81}))), None);
        let old = pod("old", &port, &json!({"startTime": "2026-01-01T00:00:00Z"}));
        assert!(reject(&old, [pod("a", &port, &json!({}))].iter()).is_none());
    }
}

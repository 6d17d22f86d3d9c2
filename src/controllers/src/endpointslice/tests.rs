//! Ports and selection.

use serde_json::json;

use super::endpoints::{address, is_candidate, resolve_ports};
use super::*;

fn pod(value: serde_json::Value) -> Pod {
    serde_json::from_value(value).expect("pod")
}

#[test]
fn named_ports_are_those_of_each_pod() {
    let service: Service = serde_json::from_value(json!({"metadata": {"name": "s"}, "spec": {"ports": [
        {"name": "web", "port": 80, "targetPort": "http"}, {"name": "raw", "port": 81, "targetPort": 8081, "protocol": "UDP"}, {"port": 82}]}}))
    .expect("service");
    let with =
        pod(json!({"spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}]}}));
    let ports: Vec<_> = resolve_ports(&service, &with)
        .iter()
        .map(|port| (port.name.clone(), port.port))
        .collect();
    let named = |name: &str, port: i32| (Some(name.to_owned()), Some(port));
    assert_eq!(ports, [named("web", 8080), named("raw", 8081), named("", 82)]);
    let without = pod(json!({"spec": {"containers": [{"name": "c"}]}}));
    assert_eq!(resolve_ports(&service, &without).len(), 2);
}

#[test]
fn finished_pods_and_pods_without_address_have_no_endpoint() {
    assert!(!is_candidate(&pod(json!({"status": {"phase": "Running"}}))));
    assert!(!is_candidate(&pod(
        json!({"status": {"phase": "Failed", "podIP": "10.0.0.1"}})
    )));
    let both = pod(
        json!({"status": {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]}}),
    );
    assert!(is_candidate(&both));
    assert_eq!(address(&both, true).as_deref(), Some("fd00::1"));
    assert_eq!(address(&both, false).as_deref(), Some("10.0.0.1"));
}

#[test]
fn only_what_endpoints_show_makes_work() {
    let before = pod(json!({"metadata": {"resourceVersion": "1"}, "status": {"phase": "Running"}}));
    let mut after = before.clone();
    after.metadata.resource_version = Some("2".to_owned());
    assert!(!matters(&before, &after));
    let ready = pod(json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}));
    assert!(matters(&before, &ready));
}

#[test]
fn services_without_selector_are_left_alone() {
    let service =
        |spec: serde_json::Value| -> Service { serde_json::from_value(json!({"spec": spec})).expect("service") };
    assert!(service_selector(&service(json!({}))).is_none());
    assert!(service_selector(&service(json!({"selector": {"a": "b"}, "type": "ExternalName"}))).is_none());
    assert!(service_selector(&service(json!({"selector": {"a": "b"}}))).is_some());
}

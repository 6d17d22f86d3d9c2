//! Rules for small worlds, and that scripts lead from one world to another.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

use crate::announce;
use crate::nft::Ruleset;
use crate::proxy::{Service, Slice, TABLE, host_ports, ruleset};

fn service(spec: Value) -> Service {
    let object = json!({"metadata": {"name": "web", "namespace": "default"}, "spec": spec});
    Service::of(&serde_json::from_value::<core::Service>(object).unwrap()).unwrap()
}

fn slice(addresses: &[(&str, &str, bool)]) -> Slice {
    let endpoints: Vec<Value> = addresses
        .iter()
        .map(|(address, node, ready)| json!({"addresses": [address], "nodeName": node, "conditions": {"ready": ready, "serving": ready}}))
        .collect();
    let object = json!({"metadata": {"name": "web-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "http", "port": 8080}]});
    Slice::of(&serde_json::from_value::<EndpointSlice>(object).unwrap(), "here").unwrap()
}

fn rules(spec: Value, addresses: &[(&str, &str, bool)]) -> Ruleset {
    ruleset([service(spec)].iter(), &[&slice(addresses)], [].iter())
}

fn cluster_ip(extra: Value) -> Value {
    let mut spec = json!({"clusterIP": "10.96.0.7", "ports": [{"name": "http", "port": 80, "targetPort": 8080}]});
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    spec
}

fn chain_of<'a>(rules: &'a Ruleset, map: &'static str, key: &str) -> &'a [String] {
    let verdict = &rules.elements[map][key];
    &rules.chains[verdict.trim_start_matches("goto ")]
}

#[test]
fn a_cluster_ip_goes_to_its_ready_endpoints_at_random() {
    let rules = rules(
        cluster_ip(json!({})),
        &[
            ("10.244.0.5", "here", true),
            ("10.244.1.5", "there", true),
            ("10.244.1.6", "there", false),
        ],
    );
    let chain = chain_of(&rules, "services", "10.96.0.7 . tcp . 80");
    assert!(
        rules.elements["cluster-ips"].contains_key("10.96.0.7"),
        "its other ports are refused"
    );
    assert_eq!(chain.len(), 1);
    assert!(
        chain[0].ends_with("numgen random mod 2 map { 0 : 10.244.0.5 . 8080, 1 : 10.244.1.5 . 8080 }"),
        "{chain:?}"
    );
    assert_eq!(
        rules.elements["hairpin"].keys().collect::<Vec<_>>(),
        ["10.244.0.5 . 10.244.0.5"]
    );
}

#[test]
fn a_service_without_endpoints_refuses() {
    let rules = rules(
        cluster_ip(json!({"type": "NodePort", "ports": [{"name": "http", "port": 80, "nodePort": 30080}]})),
        &[("10.244.0.5", "here", false)],
    );
    assert_eq!(rules.elements["unserved"]["10.96.0.7 . tcp . 80"], "goto refuse");
    assert_eq!(rules.elements["unserved-nodeports"]["tcp . 30080"], "goto refuse");
    assert!(!rules.elements.contains_key("services"));
}

#[test]
fn a_service_for_its_own_node_is_silent_where_it_has_no_endpoint() {
    let rules = rules(
        cluster_ip(json!({"internalTrafficPolicy": "Local"})),
        &[("10.244.1.5", "there", true)],
    );
    assert_eq!(rules.elements["unserved"]["10.96.0.7 . tcp . 80"], "drop");
}

#[test]
fn node_ports_masquerade_unless_traffic_stays_on_its_node() {
    let ports = json!([{"name": "http", "port": 80, "nodePort": 30080}]);
    let endpoints = [("10.244.0.5", "here", true), ("10.244.1.5", "there", true)];
    let spread = rules(cluster_ip(json!({"type": "NodePort", "ports": ports})), &endpoints);
    let chain = chain_of(&spread, "nodeports", "tcp . 30080");
    assert_eq!(chain[0], "jump from-node");
    let local = rules(
        cluster_ip(json!({"type": "NodePort", "ports": ports, "externalTrafficPolicy": "Local"})),
        &endpoints,
    );
    let chain = chain_of(&local, "nodeports", "tcp . 30080");
    let last = chain.last().unwrap().trim_start_matches("goto ");
    assert!(
        local.chains[last][0].contains("mod 1 map { 0 : 10.244.0.5 . 8080 }"),
        "{chain:?}"
    );
}

#[test]
fn a_local_policy_binds_only_what_comes_from_outside() {
    let ports = json!([{"name": "http", "port": 80, "nodePort": 30080}]);
    let spec =
        json!({"type": "NodePort", "ports": ports, "externalTrafficPolicy": "Local", "sessionAffinity": "ClientIP"});
    let elsewhere = rules(cluster_ip(spec.clone()), &[("10.244.1.5", "there", true)]);
    let chain = chain_of(&elsewhere, "nodeports", "tcp . 30080");
    let everywhere = &elsewhere.elements["services"]["10.96.0.7 . tcp . 80"];
    assert_eq!(chain[0], format!("ip saddr @own-pods {everywhere}"));
    assert_eq!(
        chain[1..3],
        ["jump from-node", everywhere].map(|rule| format!("fib saddr type local {rule}"))
    );
    assert_eq!(chain[3], "drop", "endpoints elsewhere are no reason to refuse");
    let both = rules(
        cluster_ip(spec),
        &[("10.244.0.5", "here", true), ("10.244.1.5", "there", true)],
    );
    assert_eq!(both.sets.len(), 2, "a client is remembered once per endpoint");
}

#[test]
fn a_sticky_service_remembers_clients_for_cluster_ip_and_node_port_together() {
    let spec = cluster_ip(
        json!({"type": "NodePort", "ports": [{"name": "http", "port": 80, "nodePort": 30080}], "sessionAffinity": "ClientIP"}),
    );
    let rules = rules(spec, &[("10.244.0.5", "here", true), ("10.244.1.5", "there", true)]);
    assert_eq!(rules.sets.len(), 2);
    let own = chain_of(&rules, "services", "10.96.0.7 . tcp . 80");
    assert!(
        own[0].starts_with("ip saddr @") && own[2].starts_with("numgen random mod 2 vmap"),
        "{own:?}"
    );
    let external = chain_of(&rules, "nodeports", "tcp . 30080");
    assert_eq!(external[1], rules.elements["services"]["10.96.0.7 . tcp . 80"]);
}

#[test]
fn a_script_names_only_what_changed_and_removes_chains_last() {
    let one = rules(cluster_ip(json!({})), &[("10.244.0.5", "here", true)]);
    let two = rules(cluster_ip(json!({})), &[("10.244.0.6", "here", true)]);
    assert_eq!(one.from(TABLE, &one), "");
    let script = two.from(TABLE, &one);
    assert!(
        script.starts_with("flush chain ip rkube svc-") && !script.contains("services"),
        "{script}"
    );
    let script = Ruleset::default().from(TABLE, &one);
    let element = script.find("delete element ip rkube services").unwrap();
    assert!(element < script.find("delete chain").unwrap(), "{script}");
}

#[test]
fn host_ports_lead_to_running_pods_with_their_own_address() {
    let pod = |change: Value| {
        let mut pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80, "hostPort": 8080}]}]},
            "status": {"phase": "Running", "podIP": "10.244.0.9"}});
        for (key, value) in change.as_object().unwrap() {
            pod["status"][key] = value.clone();
        }
        host_ports(&serde_json::from_value(pod).unwrap())
    };
    let ports = pod(json!({}));
    assert_eq!(ports.len(), 1);
    let rules = ruleset([].iter(), &[], ports.iter());
    assert_eq!(rules.elements["hostports"]["tcp . 8080"], "10.244.0.9 . 80");
    assert!(pod(json!({"phase": "Succeeded"})).is_empty());
}

#[test]
fn neighbours_are_told_by_way_of_an_address_that_nobody_has() {
    let balancer = |address: &str| {
        let mut service = service(json!({"type": "LoadBalancer", "clusterIP": "10.96.0.9", "ports": [{"port": 80}]}));
        service.balancer_ips = vec![address.parse().expect("address")];
        service
    };
    let range = "192.168.49.192/30".parse().expect("range");
    let unused = |services: &[Service]| announce::unused(range, services.iter()).map(|address| address.octets()[3]);
    assert_eq!(unused(&[]), Some(194), "the last is for everybody");
    assert_eq!(unused(&[balancer("192.168.49.194")]), Some(193));
    let all = ["192.168.49.192", "192.168.49.193", "192.168.49.194"].map(balancer);
    assert_eq!(unused(&all), None);
}

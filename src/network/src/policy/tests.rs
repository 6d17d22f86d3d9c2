//! Rules for small worlds.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::compile::{Compiled, compile};
use super::view::{Labels, Member, Policy};

/// A world under construction.
#[derive(Default)]
pub(super) struct World {
    policies: Vec<Policy>,
    members: Vec<Member>,
    namespaces: HashMap<String, Labels>,
}

impl World {
    pub(super) fn namespace(mut self, name: &str, labels: &Value) -> Self {
        let labels = serde_json::from_value(labels.clone()).unwrap();
        self.namespaces.insert(format!("/{name}"), labels);
        self
    }

    pub(super) fn pod(mut self, pod: &Value) -> Self {
        let pod = serde_json::from_value(pod.clone()).unwrap();
        self.members.extend(Member::of(&pod, "here"));
        self
    }

    pub(super) fn policy(mut self, policy: &Value) -> Self {
        self.policies
            .extend(Policy::of(&serde_json::from_value(policy.clone()).unwrap()));
        self
    }

    pub(super) fn compile(&self) -> Compiled {
        compile(self.policies.iter(), self.members.iter(), &self.namespaces)
    }
}

pub(super) fn pod(namespace: &str, labels: &Value, address: &str, node: &str, ports: &Value) -> Value {
    json!({
        "metadata": {"name": address, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": node, "containers": [{"name": "c", "ports": ports}]},
        "status": {"phase": "Running", "podIP": address},
    })
}

pub(super) fn policy(name: &str, namespace: &str, spec: &Value) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace}, "spec": spec})
}

fn shop() -> World {
    let http = json!([{"name": "http", "containerPort": 8080}]);
    World::default()
        .namespace("shop", &json!({"team": "a"}))
        .namespace("other", &json!({"team": "b"}))
        .pod(&pod("shop", &json!({"app": "web"}), "10.244.0.2", "here", &http))
        .pod(&pod("shop", &json!({"app": "db"}), "10.244.1.2", "there", &json!([])))
        .pod(&pod("other", &json!({}), "10.244.1.3", "there", &json!([])))
}

fn chain_of(compiled: &Compiled, map: &str, address: &str) -> Vec<String> {
    let verdict = &compiled.rules.elements[map][address];
    compiled.rules.chains[verdict.trim_start_matches("jump ")].clone()
}

#[test]
fn pods_that_no_policy_selects_are_not_in_the_rules() {
    let compiled = shop()
        .policy(&policy(
            "p",
            "shop",
            &json!({"podSelector": {"matchLabels": {"app": "db"}}}),
        ))
        .compile();
    assert_eq!(
        compiled.rules,
        crate::nft::Ruleset::default(),
        "the selected pod is on another node"
    );
}

#[test]
fn a_policy_without_rules_denies_what_comes_in_and_nothing_else() {
    let compiled = shop()
        .policy(&policy("p", "shop", &json!({"podSelector": {}})))
        .compile();
    assert_eq!(chain_of(&compiled, "ingress-of", "10.244.0.2"), ["goto deny"]);
    assert!(!compiled.rules.elements.contains_key("egress-of"));
    assert_eq!(
        compiled.rules.elements["self"].keys().collect::<Vec<_>>(),
        ["10.244.0.2 . 10.244.0.2"]
    );
}

#[test]
fn policies_add_up_and_ports_are_found_by_one_lookup() {
    let compiled = shop()
        .policy(&policy("a", "shop", &json!({"podSelector": {}, "ingress": [
            {"from": [{"podSelector": {"matchLabels": {"app": "db"}}}], "ports": [{"port": "http"}, {"port": 9000, "endPort": 9009}]}]})))
        .policy(&policy("b", "shop", &json!({"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [
            {"from": [{"ipBlock": {"cidr": "192.168.0.0/24", "except": ["192.168.0.128/25"]}}], "ports": [{"port": 8080}]},
            {"ports": [{"port": 53, "protocol": "UDP"}]}]})))
        .compile();
    let chain = chain_of(&compiled, "ingress-of", "10.244.0.2");
    assert_eq!(chain.len(), 3, "{chain:?}");
    assert!(
        chain[0].starts_with("meta l4proto tcp ct reply proto-src vmap { 8080 : goto leaf-"),
        "{chain:?}"
    );
    assert!(chain[0].contains(", 9000-9009 : goto leaf-"), "{chain:?}");
    assert_eq!(
        chain[1..],
        ["meta l4proto udp ct reply proto-src vmap { 53 : return }", "goto deny"]
    );
    let both = chain[0]
        .split("8080 : goto ")
        .nth(1)
        .and_then(|rest| rest.split(',').next())
        .unwrap();
    let leaf = &compiled.rules.chains[both];
    assert_eq!(leaf.len(), 3, "pods, blocks, no more: {leaf:?}");
    let blocks: Vec<&String> = compiled
        .rules
        .elements
        .iter()
        .filter(|(name, _)| name.starts_with("blocks-"))
        .flat_map(|(_, elements)| elements.keys())
        .collect();
    assert_eq!(blocks, ["192.168.0.0-192.168.0.127"]);
    assert!(compiled.unknown.is_empty());
}

#[test]
fn what_goes_out_to_a_named_port_goes_to_the_pods_that_have_it() {
    let world = shop().policy(&policy(
        "p",
        "shop",
        &json!({"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"], "egress": [
            {"to": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}], "ports": [{"port": "sql"}]}]}),
    ));
    let compiled = world.compile();
    assert_eq!(chain_of(&compiled, "egress-of", "10.244.0.2"), ["goto deny"]);
    let unknown: Vec<&str> = compiled.unknown.iter().map(|one| one.port.as_str()).collect();
    assert_eq!(unknown, ["sql"]);
    let sql = json!([{"name": "sql", "containerPort": 3306}]);
    let compiled = world
        .pod(&pod("other", &json!({}), "10.244.1.4", "there", &sql))
        .compile();
    assert!(compiled.unknown.is_empty());
    let chain = chain_of(&compiled, "egress-of", "10.244.0.2");
    assert!(chain[0].contains("3306 : goto leaf-"), "{chain:?}");
    let sets: Vec<&String> = compiled
        .rules
        .elements
        .iter()
        .filter(|(name, _)| name.starts_with("pods-"))
        .flat_map(|(_, elements)| elements.keys())
        .collect();
    assert_eq!(sets, ["10.244.1.4"]);
}

#[test]
fn an_unknown_port_name_lets_nothing_through_and_is_told() {
    let compiled = shop()
        .policy(&policy(
            "p",
            "shop",
            &json!({"podSelector": {}, "ingress": [{"ports": [{"port": "htpp"}]}]}),
        ))
        .compile();
    assert_eq!(chain_of(&compiled, "ingress-of", "10.244.0.2"), ["goto deny"]);
    assert_eq!(compiled.unknown.iter().next().unwrap().port, "htpp");
}

#[test]
fn a_peer_that_comes_changes_one_set_and_no_chain() {
    let rules = json!({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}], "ports": [{"port": 80}]}]});
    let world = shop().policy(&policy("p", "shop", &rules));
    let before = world.compile().rules;
    let after = world
        .pod(&pod("other", &json!({}), "10.244.1.9", "there", &json!([])))
        .compile()
        .rules;
    assert_eq!(before.chains, after.chains);
    let script = after.from(super::rules::TABLE, &before);
    assert_eq!(script.lines().count(), 1, "{script}");
    assert!(script.starts_with("add element ip rkube-policy pods-") && script.contains("{ 10.244.1.9 }"));
}

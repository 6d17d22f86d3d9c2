//! A pod's resolver configuration by its DNS policy.

use cri::v1;
use k8s_openapi::api::core::v1::{PodDNSConfig, PodSpec};

/// Limits of resolvers in the wild, which upstream enforces too.
const MAX_SERVERS: usize = 3;
const MAX_SEARCHES: usize = 32;

/// What the cluster and the node offer.
#[derive(Debug, Clone)]
pub(crate) struct Resolvers<'a> {
    pub(crate) cluster_dns: String,
    pub(crate) cluster_domain: &'a str,
    /// The node's resolver file for pods.
    pub(crate) node: &'a str,
}

/// The configuration of a pod in `namespace`.
pub(crate) fn config(spec: &PodSpec, namespace: &str, resolvers: &Resolvers<'_>) -> v1::DnsConfig {
    let policy = spec.dns_policy.as_deref().unwrap_or("ClusterFirst");
    let host_network = spec.host_network == Some(true);
    let node = parse(resolvers.node);
    let mut config = match policy {
        "None" => v1::DnsConfig::default(),
        "ClusterFirstWithHostNet" => cluster_first(namespace, resolvers, &node),
        "ClusterFirst" if !host_network => cluster_first(namespace, resolvers, &node),
        _ => node,
    };
    if let Some(own) = &spec.dns_config {
        merge(&mut config, own);
    }
    config.servers.truncate(MAX_SERVERS);
    config.searches.truncate(MAX_SEARCHES);
    config
}

fn cluster_first(namespace: &str, resolvers: &Resolvers<'_>, node: &v1::DnsConfig) -> v1::DnsConfig {
    let domain = resolvers.cluster_domain;
    let mut searches = vec![
        format!("{namespace}.svc.{domain}"),
        format!("svc.{domain}"),
        domain.to_owned(),
    ];
    extend(&mut searches, &node.searches);
    v1::DnsConfig {
        servers: vec![resolvers.cluster_dns.clone()],
        searches,
        options: vec!["ndots:5".to_owned()],
    }
}

fn extend(list: &mut Vec<String>, more: &[String]) {
    for item in more {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
}

fn merge(config: &mut v1::DnsConfig, own: &PodDNSConfig) {
    extend(&mut config.servers, own.nameservers.as_deref().unwrap_or_default());
    extend(&mut config.searches, own.searches.as_deref().unwrap_or_default());
    for option in own.options.iter().flatten() {
        let name = option.name.clone().unwrap_or_default();
        // The pod's own option replaces one of the same name.
        config
            .options
            .retain(|present| present.split(':').next() != Some(name.as_str()));
        let value = option.value.as_deref().filter(|value| !value.is_empty());
        config
            .options
            .push(value.map_or_else(|| name.clone(), |value| format!("{name}:{value}")));
    }
}

fn parse(text: &str) -> v1::DnsConfig {
    let mut config = v1::DnsConfig::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let list = words.clone().skip(1).map(str::to_owned);
        match words.next() {
            Some("nameserver") => config.servers.extend(list.take(1)),
            Some("search" | "domain") => config.searches = list.filter(|name| name != ".").collect(),
            Some("options") => config.options.extend(list),
            _ => {}
        }
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NODE: &str = "nameserver 169.254.20.10\nsearch lan\noptions ndots:0\n";

    fn of(spec: serde_json::Value) -> v1::DnsConfig {
        let mut spec = spec;
        spec["containers"] = json!([]);
        let resolvers = Resolvers {
            cluster_dns: "10.96.0.10".into(),
            cluster_domain: "cluster.local",
            node: NODE,
        };
        config(&serde_json::from_value(spec).unwrap(), "ns", &resolvers)
    }

    #[test]
    fn cluster_first_searches_the_cluster_then_the_node() {
        let config = of(json!({}));
        assert_eq!(config.servers, ["10.96.0.10"]);
        assert_eq!(
            config.searches,
            ["ns.svc.cluster.local", "svc.cluster.local", "cluster.local", "lan"]
        );
        assert_eq!(config.options, ["ndots:5"]);
    }

    #[test]
    fn host_network_falls_back_to_the_node() {
        assert_eq!(of(json!({ "hostNetwork": true })).servers, ["169.254.20.10"]);
        let explicit = json!({ "hostNetwork": true, "dnsPolicy": "ClusterFirstWithHostNet" });
        assert_eq!(of(explicit).servers, ["10.96.0.10"]);
    }

    #[test]
    fn the_pods_own_options_win() {
        let config =
            of(json!({ "dnsConfig": { "options": [{ "name": "ndots", "value": "2" }, { "name": "edns0" }] } }));
        assert_eq!(config.options, ["ndots:2", "edns0"]);
    }
}

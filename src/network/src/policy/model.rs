//! The rules against a model: random policies, pods and packets; what NetworkPolicy says of each packet, read naively from
//! the objects, must be what the generated rules do.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::tests::{World, pod, policy};
use crate::nft::Ruleset;

#[derive(Debug, Clone, Copy)]
struct Packet {
    from: Ipv4Addr,
    to: Ipv4Addr,
    protocol: &'static str,
    port: u16,
}

/// What NetworkPolicy says.
mod naive {
    use super::*;

    pub(super) fn allowed(policies: &[Value], pods: &[Value], namespaces: &Value, packet: Packet) -> bool {
        if packet.from == packet.to {
            return true;
        }
        let (from, to) = (find(pods, packet.from), find(pods, packet.to));
        let out = from.is_none_or(|own| {
            one_way(
                policies,
                namespaces,
                "Egress",
                own,
                (packet.to, to),
                packet,
                to.unwrap_or(&Value::Null),
            )
        });
        let inward =
            to.is_none_or(|own| one_way(policies, namespaces, "Ingress", own, (packet.from, from), packet, own));
        out && inward
    }

    fn find(pods: &[Value], address: Ipv4Addr) -> Option<&Value> {
        pods.iter().find(|pod| pod["status"]["podIP"] == address.to_string())
    }

    /// `named` is the pod whose port names count.
    fn one_way(
        policies: &[Value],
        namespaces: &Value,
        way: &str,
        own: &Value,
        peer: (Ipv4Addr, Option<&Value>),
        packet: Packet,
        named: &Value,
    ) -> bool {
        // what happens on another node is that node's business
        if own["spec"]["nodeName"] != "here" {
            return true;
        }
        let (rules, peers) = if way == "Ingress" {
            ("ingress", "from")
        } else {
            ("egress", "to")
        };
        let selecting: Vec<&Value> = policies
            .iter()
            .filter(|policy| {
                policy["metadata"]["namespace"] == own["metadata"]["namespace"]
                    && policy["spec"]["policyTypes"].as_array().unwrap().contains(&json!(way))
                    && selects(&policy["spec"]["podSelector"], &own["metadata"]["labels"])
            })
            .collect();
        selecting.is_empty()
            || selecting.iter().any(|policy| {
                list(&policy["spec"][rules]).iter().any(|rule| {
                    let (who, what) = (list(&rule[peers]), list(&rule["ports"]));
                    let home = &policy["metadata"]["namespace"];
                    (who.is_empty() || who.iter().any(|one| is_peer(one, home, namespaces, peer)))
                        && (what.is_empty() || what.iter().any(|one| is_port(one, packet, named)))
                })
            })
    }

    fn list(value: &Value) -> &[Value] {
        value.as_array().map(Vec::as_slice).unwrap_or_default()
    }

    fn selects(selector: &Value, labels: &Value) -> bool {
        let equal = selector["matchLabels"].as_object();
        let all = equal.is_none_or(|equal| equal.iter().all(|(key, value)| labels[key] == *value));
        all && list(&selector["matchExpressions"])
            .iter()
            .all(|one| labels.get(one["key"].as_str().unwrap()).is_some() == (one["operator"] == "Exists"))
    }

    fn is_peer(peer: &Value, home: &Value, namespaces: &Value, (address, pod): (Ipv4Addr, Option<&Value>)) -> bool {
        if let Some(block) = peer.get("ipBlock") {
            let holds = |cidr: &Value| cidr.as_str().unwrap().parse::<Ipv4Net>().unwrap().contains(&address);
            return holds(&block["cidr"]) && !list(&block["except"]).iter().any(holds);
        }
        pod.is_some_and(|pod| {
            let place = &pod["metadata"]["namespace"];
            let near = match peer.get("namespaceSelector") {
                None => place == home,
                Some(selector) => selects(selector, &namespaces[place.as_str().unwrap()]),
            };
            near && peer
                .get("podSelector")
                .is_none_or(|selector| selects(selector, &pod["metadata"]["labels"]))
        })
    }

    fn is_port(port: &Value, packet: Packet, named: &Value) -> bool {
        if port["protocol"].as_str().unwrap().to_lowercase() != packet.protocol {
            return false;
        }
        match &port["port"] {
            Value::Null => true,
            Value::String(name) => list(&named["spec"]["containers"][0]["ports"]).iter().any(|own| {
                own["name"] == **name && own["protocol"] == port["protocol"] && own["containerPort"] == packet.port
            }),
            number => {
                let first = number.as_u64().unwrap();
                (first..=port["endPort"].as_u64().unwrap_or(first)).contains(&u64::from(packet.port))
            }
        }
    }
}

/// What the rules do; knows as much of nftables as they use, and nothing else.
mod kernel {
    use super::*;

    pub(super) fn allows(rules: &Ruleset, packet: Packet) -> bool {
        let Packet { from, to, .. } = packet;
        let element = |map: &str, key: String| rules.elements.get(map).and_then(|elements| elements.get(&key));
        if element("self", format!("{from} . {to}")).is_some() {
            return true;
        }
        [("egress-of", from), ("ingress-of", to)].iter().all(|(map, own)| {
            let jump = element(map, own.to_string());
            jump.is_none_or(|jump| chain(rules, jump.strip_prefix("jump ").unwrap(), packet))
        })
    }

    /// True if it returns.
    fn chain(rules: &Ruleset, name: &str, packet: Packet) -> bool {
        if name == "deny" {
            return false;
        }
        for rule in &rules.chains[name] {
            if let Some(verdict) = matched(rules, rule, packet) {
                return verdict == "return" || chain(rules, verdict.strip_prefix("goto ").unwrap(), packet);
            }
        }
        panic!("chain {name} has no end");
    }

    fn matched<'a>(rules: &Ruleset, rule: &'a str, packet: Packet) -> Option<&'a str> {
        for (words, address) in [
            ("ct original ip saddr @", packet.from),
            ("ct reply ip saddr @", packet.to),
        ] {
            if let Some(rest) = rule.strip_prefix(words) {
                let (set, verdict) = rest.split_once(' ').unwrap();
                assert!(rules.sets.contains_key(set), "{set} is not declared");
                return holds(rules, set, address).then_some(verdict);
            }
        }
        let Some(rest) = rule.strip_prefix("meta l4proto ") else {
            return Some(rule);
        };
        let (protocol, rest) = rest.split_once(' ').unwrap();
        if protocol != packet.protocol {
            return None;
        }
        let Some(choices) = rest.strip_prefix("ct reply proto-src vmap { ") else {
            return Some(rest);
        };
        let choices = choices.strip_suffix(" }").unwrap().split(", ");
        let mut found = choices.filter_map(|choice| {
            let (ports, verdict) = choice.split_once(" : ").unwrap();
            let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
            let range = first.parse::<u16>().unwrap()..=last.parse().unwrap();
            range.contains(&packet.port).then_some(verdict)
        });
        let verdict = found.next();
        assert!(found.next().is_none(), "the kernel takes no overlaps: {rule}");
        verdict
    }

    fn holds(rules: &Ruleset, set: &str, address: Ipv4Addr) -> bool {
        let Some(elements) = rules.elements.get(set) else {
            return false;
        };
        elements.keys().any(|element| {
            let (first, last) = element.split_once('-').unwrap_or((element, element));
            (first.parse::<Ipv4Addr>().unwrap()..=last.parse().unwrap()).contains(&address)
        })
    }
}

/// Every address that can matter: pods, and some of no pod.
const ADDRESSES: [Ipv4Addr; 7] = [
    Ipv4Addr::new(10, 0, 0, 1),
    Ipv4Addr::new(10, 0, 0, 2),
    Ipv4Addr::new(10, 0, 1, 1),
    Ipv4Addr::new(10, 0, 1, 2),
    Ipv4Addr::new(10, 0, 1, 3),
    Ipv4Addr::new(192, 168, 0, 1),
    Ipv4Addr::new(192, 168, 0, 200),
];
const PODS: usize = 5;
const PORTS: [u16; 6] = [0, 79, 80, 81, 443, 65535];

fn labels() -> impl Strategy<Value = Value> {
    select(vec![
        json!({}),
        json!({"a": "1"}),
        json!({"a": "2"}),
        json!({"a": "1", "b": "1"}),
    ])
}

fn selector() -> impl Strategy<Value = Value> {
    select(vec![
        json!({}),
        json!({"matchLabels": {"a": "1"}}),
        json!({"matchLabels": {"a": "2"}}),
        json!({"matchExpressions": [{"key": "b", "operator": "Exists"}]}),
        json!({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}),
    ])
}

fn protocol() -> impl Strategy<Value = &'static str> {
    select(vec!["TCP", "UDP", "SCTP"])
}

fn port() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        Just(json!({})),
        select(PORTS.to_vec()).prop_map(|port| json!({"port": port.max(1)})),
        (select(vec![1, 80, 81]), select(vec![81, 443, 65535]))
            .prop_map(|(first, last)| json!({"port": first, "endPort": last})),
        select(vec!["http", "sql"]).prop_map(|name| json!({"port": name})),
    ];
    (number, protocol()).prop_map(|(mut port, protocol)| {
        port["protocol"] = json!(protocol);
        port
    })
}

fn peer() -> impl Strategy<Value = Value> {
    prop_oneof![
        selector().prop_map(|pods| json!({"podSelector": pods})),
        selector().prop_map(|namespaces| json!({"namespaceSelector": namespaces})),
        (selector(), selector())
            .prop_map(|(pods, namespaces)| json!({"podSelector": pods, "namespaceSelector": namespaces})),
        select(vec![
            json!({"ipBlock": {"cidr": "192.168.0.0/24", "except": ["192.168.0.128/25"]}}),
            json!({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.1.0/24", "10.0.0.2/32"]}}),
            json!({"ipBlock": {"cidr": "10.0.0.0/31"}}),
        ]),
    ]
}

fn rules(peers: &'static str) -> impl Strategy<Value = Value> {
    let rule = (prop::collection::vec(peer(), 0..3), prop::collection::vec(port(), 0..3))
        .prop_map(move |(who, ports)| json!({peers: who, "ports": ports}));
    prop::collection::vec(rule, 0..3).prop_map(Value::from)
}

fn some_policy() -> impl Strategy<Value = Value> {
    let types = select(vec![
        json!(["Ingress"]),
        json!(["Egress"]),
        json!(["Ingress", "Egress"]),
    ]);
    (select(vec!["n1", "n2"]), selector(), types, rules("from"), rules("to")).prop_map(
        |(namespace, pods, types, ingress, egress)| {
            let spec = json!({"podSelector": pods, "policyTypes": types, "ingress": ingress, "egress": egress});
            policy("", namespace, &spec)
        },
    )
}

fn some_pod() -> impl Strategy<Value = Value> {
    let port = |name: &'static str| {
        (select(PORTS.to_vec()), protocol())
            .prop_map(move |(port, protocol)| json!({"name": name, "containerPort": port.max(1), "protocol": protocol}))
    };
    let ports = (prop::option::of(port("http")), prop::option::of(port("sql")))
        .prop_map(|(http, sql)| http.into_iter().chain(sql).collect::<Value>());
    (select(vec!["n1", "n2"]), labels(), select(vec!["here", "there"]), ports)
        .prop_map(|(namespace, labels, node, ports)| pod(namespace, &labels, "", node, &ports))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_rules_do_what_the_policies_say(
        mut policies in prop::collection::vec(some_policy(), 0..5),
        mut pods in prop::collection::vec(some_pod(), PODS),
        (n1, n2) in (labels(), labels()),
    ) {
        for (number, policy) in policies.iter_mut().enumerate() {
            policy["metadata"]["name"] = json!(format!("p{number}"));
        }
        for (pod, address) in pods.iter_mut().zip(ADDRESSES) {
            pod["metadata"]["name"] = json!(address.to_string());
            pod["status"]["podIP"] = json!(address.to_string());
        }
        let mut world = World::default().namespace("n1", &n1).namespace("n2", &n2);
        for pod in &pods {
            world = world.pod(pod);
        }
        for policy in &policies {
            world = world.policy(policy);
        }
        let rules = world.compile().rules;
        let namespaces = json!({"n1": n1, "n2": n2});
        for from in ADDRESSES {
            for to in ADDRESSES {
                for protocol in ["tcp", "udp", "sctp", "icmp"] {
                    for port in PORTS {
                        let packet = Packet { from, to, protocol, port };
                        let wanted = naive::allowed(&policies, &pods, &namespaces, packet);
                        prop_assert_eq!(kernel::allows(&rules, packet), wanted, "{:?}\n{:#?}", packet, rules);
                    }
                }
            }
        }
    }
}

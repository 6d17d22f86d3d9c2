//! The rules. What a packet costs does not depend on how many services there are: one map lookup finds the chain of
//! its service port, one more the endpoint.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

use super::{Endpoint, HostPort, Service, ServicePort, Slice};
use crate::nft::Ruleset;

/// The table that is the proxy's alone.
pub(crate) const TABLE: &str = "ip rkube";

/// Marks connections whose source has to become the node's.
const MARK: &str = "0x4000";

/// Addresses whose traffic leaves as the node's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Masquerade {
    /// Pods of this node.
    pub(crate) pods: IpNet,
    /// Pods of all nodes.
    pub(crate) cluster: IpNet,
}

/// Declarations that never change, but for the addresses in [`base`].
const BASE: &str = "
  map services { type ipv4_addr . inet_proto . inet_service : verdict; }
  map nodeports { type inet_proto . inet_service : verdict; }
  map hostports { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map hostports-of { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  set hairpin { type ipv4_addr . ipv4_addr; }
  set cluster-ips { type ipv4_addr; }
  map unserved { type ipv4_addr . inet_proto . inet_service : verdict; }
  map unserved-nodeports { type inet_proto . inet_service : verdict; }
  chain from-node { meta mark set meta mark | 0x4000; }
  chain refuse { meta l4proto tcp reject with tcp reset; reject with icmp port-unreachable; }
  chain dispatch {
    ip daddr . meta l4proto . th dport vmap @services
    fib daddr type != local return
    meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @hostports-of
    ip daddr 127.0.0.0/8 return
    meta l4proto . th dport vmap @nodeports
    meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @hostports
  }
  chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump dispatch; }
  chain output { type nat hook output priority -100; policy accept; jump dispatch; }
  chain unserved-check {
    ip daddr . meta l4proto . th dport vmap @unserved
    fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @unserved-nodeports
    ip daddr @cluster-ips goto refuse
  }
  chain filter-input { type filter hook input priority filter; policy accept; ct state new jump unserved-check; }
  chain filter-forward { type filter hook forward priority filter; policy accept; ct state new jump unserved-check; }
  chain filter-output { type filter hook output priority filter; policy accept; ct state new jump unserved-check; }
";

/// [`BASE`] with the node's masquerading.
pub(crate) fn base(masquerade: Masquerade) -> String {
    let Masquerade { pods, cluster } = masquerade;
    format!(
        "{BASE}  set own-pods {{ type ipv4_addr; flags interval; elements = {{ {pods} }} }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    meta mark & {MARK} == {MARK} masquerade fully-random
    ip saddr . ip daddr @hairpin masquerade fully-random
    ip saddr {pods} ip daddr != {cluster} ip daddr != 224.0.0.0/4 oifname != \"lo\" masquerade fully-random
  }}
"
    )
}

/// A name that nftables takes, of a service's port. Long names are shortened by a hash that keeps them apart.
fn chain_name(service: &Service, port: &ServicePort) -> String {
    let whole = format!("{}/{}/{}/{}", service.namespace, service.name, port.protocol, port.name);
    let hash = whole.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let readable: String = format!("{}-{}", service.namespace, service.name)
        .chars()
        .take(60)
        .collect();
    format!("svc-{hash:016x}-{}", readable.replace('.', "_"))
}

/// All rules for these services, endpoints and host ports.
pub(crate) fn ruleset<'a>(
    services: impl Iterator<Item = &'a Service>,
    slices: &[&Slice],
    host_ports: impl Iterator<Item = &'a HostPort>,
) -> Ruleset {
    let mut rules = Ruleset::default();
    let mut of_service: HashMap<(&str, &str), Vec<&&Slice>> = HashMap::new();
    for slice in slices {
        let key = (slice.namespace.as_str(), slice.service.as_str());
        of_service.entry(key).or_default().push(slice);
    }
    for service in services {
        for address in &service.cluster_ips {
            rules.element("cluster-ips", address.to_string(), "");
        }
        let own = of_service.get(&(service.namespace.as_str(), service.name.as_str()));
        let own = own.map(Vec::as_slice).unwrap_or_default();
        for port in &service.ports {
            add_port(&mut rules, service, port, &targets(own, port));
        }
    }
    for port in host_ports {
        let target = format!("{} . {}", port.target.0, port.target.1);
        match port.address {
            Some(address) => rules.element(
                "hostports-of",
                format!("{address} . {} . {}", port.protocol, port.port),
                target,
            ),
            None => rules.element("hostports", format!("{} . {}", port.protocol, port.port), target),
        }
        hairpin(&mut rules, port.target.0);
    }
    rules
}

/// Endpoints of one service port with their port number.
fn targets<'a>(slices: &[&&'a Slice], port: &ServicePort) -> Vec<(&'a Endpoint, u16)> {
    let mut targets: Vec<(&Endpoint, u16)> = slices
        .iter()
        .flat_map(|slice| {
            let number = slice
                .ports
                .iter()
                .find(|(name, protocol, _)| *name == port.name && *protocol == port.protocol);
            number
                .into_iter()
                .flat_map(|(_, _, number)| slice.endpoints.iter().map(|endpoint| (endpoint, *number)))
        })
        .collect();
    targets.sort();
    targets.dedup();
    targets
}

/// Ready ones; if there are none, those that still answer while they are terminated.
fn usable<'a>(targets: &[(&'a Endpoint, u16)], local_only: bool) -> Vec<(&'a Endpoint, u16)> {
    let here = |endpoint: &Endpoint| endpoint.local || !local_only;
    let ready: Vec<_> = targets
        .iter()
        .copied()
        .filter(|(endpoint, _)| endpoint.ready && here(endpoint))
        .collect();
    if !ready.is_empty() {
        return ready;
    }
    targets
        .iter()
        .copied()
        .filter(|(endpoint, _)| endpoint.serving && endpoint.terminating && here(endpoint))
        .collect()
}

fn add_port(rules: &mut Ruleset, service: &Service, port: &ServicePort, targets: &[(&Endpoint, u16)]) {
    let ServicePort {
        protocol,
        port: number,
        node_port,
        ..
    } = port;
    let name = chain_name(service, port);
    let all = usable(targets, false);
    let inside = if service.internal_local {
        usable(targets, true)
    } else {
        all.clone()
    };
    let internal = balance(rules, service, &name, "", &inside);
    for address in &service.cluster_ips {
        let key = format!("{address} . {protocol} . {number}");
        match &internal {
            Some(chain) => rules.element("services", key, format!("goto {chain}")),
            // as upstream: refused means that there is nobody at all
            None if !all.is_empty() => rules.element("unserved", key, "drop"),
            None => rules.element("unserved", key, "goto refuse"),
        }
    }
    if *node_port == 0 && service.external_ips.is_empty() && service.balancer_ips.is_empty() {
        return;
    }
    let everywhere = if inside == all {
        internal
    } else {
        balance(rules, service, &name, "-all", &all)
    };
    let external = everywhere.map(|everywhere| {
        let rules_of_entry = if service.external_local {
            let here = balance(rules, service, &name, "-here", &usable(targets, true));
            let last = here.map_or_else(|| "drop".to_owned(), |here| format!("goto {here}"));
            // what begins on this node is not from outside, and may go to any endpoint
            let own_pods = format!("ip saddr @own-pods goto {everywhere}");
            let node =
                ["jump from-node", &format!("goto {everywhere}")].map(|rule| format!("fib saddr type local {rule}"));
            [own_pods].into_iter().chain(node).chain([last]).collect()
        } else {
            vec!["jump from-node".to_owned(), format!("goto {everywhere}")]
        };
        let entry = format!("{name}-ext");
        rules.chains.insert(entry.clone(), rules_of_entry);
        entry
    });
    let balanced = external.clone().map(|external| guard(rules, service, &name, external));
    let mut elements = Vec::new();
    if *node_port > 0 {
        elements.push(("nodeports", "unserved-nodeports", format!("{protocol} . {node_port}")));
    }
    elements.extend(
        service
            .external_ips
            .iter()
            .map(|address| ("services", "unserved", format!("{address} . {protocol} . {number}"))),
    );
    for address in &service.balancer_ips {
        let key = format!("{address} . {protocol} . {number}");
        match &balanced {
            Some(chain) => rules.element("services", key, format!("goto {chain}")),
            None => rules.element("unserved", key, "goto refuse"),
        }
    }
    for (served, unserved, key) in elements {
        match &external {
            Some(chain) => rules.element(served, key, format!("goto {chain}")),
            None => rules.element(unserved, key, "goto refuse"),
        }
    }
}

/// A chain before `entry` for those who come by a load balancer's address, if not everybody may.
fn guard(rules: &mut Ruleset, service: &Service, name: &str, entry: String) -> String {
    if service.sources.is_empty() {
        return entry;
    }
    let sources: Vec<String> = Ipv4Net::aggregate(&service.sources)
        .iter()
        .map(ToString::to_string)
        .collect();
    let guard = format!("{name}-lb");
    let chain = vec![
        format!("ip saddr != {{ {} }} drop", sources.join(", ")),
        format!("goto {entry}"),
    ];
    rules.chains.insert(guard.clone(), chain);
    guard
}

/// A chain that sends each new connection to one of the endpoints; `which` of them tells a service port's chains apart.
fn balance(
    rules: &mut Ruleset,
    service: &Service,
    name: &str,
    which: &str,
    endpoints: &[(&Endpoint, u16)],
) -> Option<String> {
    if endpoints.is_empty() {
        return None;
    }
    endpoints
        .iter()
        .filter(|(endpoint, _)| endpoint.local)
        .for_each(|(endpoint, _)| hairpin(rules, endpoint.address));
    let count = endpoints.len();
    let chain = match service.affinity {
        None => {
            let choices: Vec<String> = endpoints
                .iter()
                .enumerate()
                .map(|(index, (endpoint, port))| format!("{index} : {} . {port}", endpoint.address))
                .collect();
            let th = "meta l4proto { tcp, udp, sctp }";
            vec![format!(
                "{th} dnat ip to numgen random mod {count} map {{ {} }}",
                choices.join(", ")
            )]
        }
        Some(seconds) => sticky(rules, name, endpoints, seconds),
    };
    let name = format!("{name}{which}");
    rules.chains.insert(name.clone(), chain);
    Some(name)
}

/// One chain and one set per endpoint: the set remembers who was sent there. All ways to a service port share them, so that
/// a client meets the same endpoint by whichever address it comes.
fn sticky(rules: &mut Ruleset, name: &str, endpoints: &[(&Endpoint, u16)], seconds: u32) -> Vec<String> {
    let mut known = Vec::new();
    let mut choices = Vec::new();
    for (index, (endpoint, port)) in endpoints.iter().enumerate() {
        let own = format!("{name}-{}-{port}", endpoint.address.to_string().replace('.', "_"));
        rules.sets.insert(
            format!("{own}-c"),
            format!("type ipv4_addr; flags dynamic,timeout; timeout {seconds}s;"),
        );
        let th = "meta l4proto { tcp, udp, sctp }";
        rules.chains.insert(
            own.clone(),
            vec![
                format!("update @{own}-c {{ ip saddr }}"),
                format!("{th} dnat ip to {}:{port}", endpoint.address),
            ],
        );
        known.push(format!("ip saddr @{own}-c goto {own}"));
        choices.push(format!("{index} : goto {own}"));
    }
    known.push(format!(
        "numgen random mod {} vmap {{ {} }}",
        endpoints.len(),
        choices.join(", ")
    ));
    known
}

/// A pod that reaches itself through a service needs the node between.
fn hairpin(rules: &mut Ruleset, address: Ipv4Addr) {
    rules.element("hairpin", format!("{address} . {address}"), "");
}

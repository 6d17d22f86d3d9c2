//! The rules. A packet of a connection that was judged under the present policies costs one comparison. Any other costs
//! a lookup of each end's chain, one of the port and one of the peer, however many policies, pods and ports there are.

use super::leaf::name;
use crate::nft::Ruleset;

/// The table that is the policies' alone.
pub(super) const TABLE: &str = "ip rkube-policy";

/// Which way, seen from the pod that policies are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    /// The map from a pod's address to its chain.
    pub(super) fn map(self) -> &'static str {
        match self {
            Self::Ingress => "ingress-of",
            Self::Egress => "egress-of",
        }
    }

    /// The address at the other end, for packets of either direction: who began the connection with the address that it
    /// had before any masquerading, or who answers with the address behind the service's.
    pub(super) fn peer(self) -> &'static str {
        match self {
            Self::Ingress => "ct original ip saddr",
            Self::Egress => "ct reply ip saddr",
        }
    }
}

/// Declarations that never change. Packets between a node and its own pods are not forwarded, so they are not judged.
pub(super) const BASE: &str = "
  map ingress-of { type ipv4_addr : verdict; }
  map egress-of { type ipv4_addr : verdict; }
  set self { type ipv4_addr . ipv4_addr; }
  chain known { }
  chain allowed { }
  chain deny { ct state established meta l4proto tcp reject with tcp reset; drop; }
  chain stray { ip saddr vmap @egress-of; ip daddr vmap @ingress-of; accept; }
  chain forward {
    type filter hook forward priority filter - 5; policy accept;
    ct state related accept
    jump known
    ct state { invalid, untracked } goto stray
    ct original ip saddr . ct reply ip saddr @self goto allowed
    ct original ip saddr vmap @egress-of
    ct reply ip saddr vmap @ingress-of
    goto allowed
  }
";

/// What tells connections that were judged under these rules (`generation`) from those that were judged under others.
pub(super) fn stamp(rules: &mut Ruleset, generation: u32) {
    let known = format!("ct state established ct mark {generation:#010x} accept");
    let allowed = [format!("ct mark set {generation:#010x}"), "accept".to_owned()];
    rules.chains.insert("known".to_owned(), vec![known]);
    rules.chains.insert("allowed".to_owned(), allowed.into());
}

/// What a port range leads to.
pub(super) type Choice = (u16, u16, String);

/// The chain of pods to which the same applies: what to do by protocol and port, and with everything else.
pub(super) fn group(rules: &mut Ruleset, ports: &[(&'static str, Vec<Choice>)], otherwise: Option<String>) -> String {
    let mut chain: Vec<String> = ports
        .iter()
        .filter(|(_, choices)| !choices.is_empty())
        .map(|(protocol, choices)| match choices.as_slice() {
            [(0, u16::MAX, verdict)] => format!("meta l4proto {protocol} {verdict}"),
            choices => {
                let choices: Vec<String> = choices
                    .iter()
                    .map(|(first, last, verdict)| {
                        if first == last {
                            format!("{first} : {verdict}")
                        } else {
                            format!("{first}-{last} : {verdict}")
                        }
                    })
                    .collect();
                format!(
                    "meta l4proto {protocol} ct reply proto-src vmap {{ {} }}",
                    choices.join(", ")
                )
            }
        })
        .collect();
    chain.push(otherwise.unwrap_or_else(|| "goto deny".to_owned()));
    let own = name("group", &chain.join("\n"));
    rules.chains.insert(own.clone(), chain);
    own
}

//! Somebody whom rules let through, and the chains and sets that know them.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;

use machinery::selector::LabelSelector;
use sha2::{Digest as _, Sha256};

use super::blocks::Ranges;
use super::rules::Direction;
use super::view::{Labels, Member};
use crate::nft::Ruleset;

/// Somebody whom rules let through.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Anyone,
    Block(Ranges),
    Pods(Arc<Pods>),
}

/// Pods by their labels; two of the same words are the same.
#[derive(Debug, Clone)]
pub(super) struct Pods {
    words: String,
    namespaces: Namespaces,
    labels: LabelSelector,
    /// Only those that call this port of this protocol so.
    port: Option<(&'static str, String, u16)>,
    /// Only those with such an address.
    within: Option<Ranges>,
}

/// Where the pods are.
#[derive(Debug, Clone)]
pub(super) enum Namespaces {
    One(String),
    Of(LabelSelector),
}

impl Pods {
    pub(super) fn new(
        namespaces: Namespaces,
        pods: LabelSelector,
        port: Option<(&'static str, String, u16)>,
    ) -> Option<Self> {
        let place = match &namespaces {
            Namespaces::Of(selector) if selector.is_nothing() => return None,
            Namespaces::One(name) => format!("in {name}"),
            Namespaces::Of(selector) => format!("where {selector}"),
        };
        if pods.is_nothing() {
            return None;
        }
        Some(Self {
            words: format!("{place}; {pods}; {port:?}"),
            namespaces,
            labels: pods,
            port,
            within: None,
        })
    }

    /// All pods there are.
    pub(super) fn all() -> Option<Self> {
        let everything = LabelSelector::everything;
        Self::new(Namespaces::Of(everything()), everything(), None)
    }

    /// The same pods as far as their address is one of these.
    pub(super) fn within(self, ranges: &Ranges) -> Self {
        Self {
            words: format!("{}; within {ranges}", self.words),
            within: Some(ranges.clone()),
            ..self
        }
    }

    /// The same pods as far as they call the port so.
    pub(super) fn with_port(&self, port: (&'static str, String, u16)) -> Option<Self> {
        let such = Self::new(self.namespaces.clone(), self.labels.clone(), Some(port))?;
        Some(match &self.within {
            Some(ranges) => such.within(ranges),
            None => such,
        })
    }
}

impl PartialEq for Pods {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl Eq for Pods {}

impl PartialOrd for Pods {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pods {
    fn cmp(&self, other: &Self) -> Ordering {
        self.words.cmp(&other.words)
    }
}

/// All pods by namespace.
pub(super) struct Population<'a> {
    /// Labels of namespaces by `/name`.
    namespaces: &'a HashMap<String, Labels>,
    members: HashMap<&'a str, Vec<&'a Member>>,
}

impl<'a> Population<'a> {
    pub(super) fn new(members: impl Iterator<Item = &'a Member>, namespaces: &'a HashMap<String, Labels>) -> Self {
        let mut by_namespace: HashMap<&str, Vec<&Member>> = HashMap::new();
        for member in members {
            by_namespace.entry(&member.namespace).or_default().push(member);
        }
        Self {
            namespaces,
            members: by_namespace,
        }
    }

    /// The pods that are meant.
    pub(super) fn find(&self, wanted: &Pods) -> Vec<&'a Member> {
        let places: Vec<&str> = match &wanted.namespaces {
            Namespaces::One(name) => vec![name],
            Namespaces::Of(selector) => self
                .namespaces
                .iter()
                .filter(|(_, labels)| selector.matches(*labels))
                .map(|(key, _)| key.trim_start_matches('/'))
                .collect(),
        };
        let all = places.into_iter().filter_map(|place| self.members.get(place)).flatten();
        all.filter(|member| wanted.labels.matches(&member.labels))
            .filter(|member| {
                let within = wanted.within.as_ref();
                within.is_none_or(|ranges| ranges.holds(member.address))
            })
            .filter(|member| {
                let port = wanted.port.as_ref();
                port.is_none_or(|(protocol, name, number)| member.port(protocol, name) == Some(*number))
            })
            .copied()
            .collect()
    }
}

/// A name of the content's own. Nobody who writes policies may find two contents of one name.
pub(super) fn name(prefix: &str, content: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    format!("{prefix}-{}", hex::encode(&digest[..12]))
}

/// What to do with the packets of these; `None` if they are nobody. The chain that looks is made if there is none yet.
pub(super) fn verdict(
    rules: &mut Ruleset,
    population: &Population<'_>,
    direction: Direction,
    whos: &BTreeSet<Who>,
) -> Option<String> {
    if whos.contains(&Who::Anyone) {
        return Some("return".to_owned());
    }
    let mut ranges = Ranges::default();
    let mut pods = Vec::new();
    for who in whos {
        match who {
            Who::Anyone => {}
            Who::Block(block) => ranges = ranges.union(block),
            Who::Pods(wanted) => pods.push(wanted.as_ref()),
        }
    }
    let peer = direction.peer();
    let mut chain = Vec::new();
    if !pods.is_empty() {
        let words: Vec<&str> = pods.iter().map(|wanted| wanted.words.as_str()).collect();
        let set = name("pods", &words.join("\n"));
        if !rules.sets.contains_key(&set) {
            rules.sets.insert(set.clone(), "type ipv4_addr;".to_owned());
            let addresses: BTreeSet<Ipv4Addr> = pods
                .iter()
                .flat_map(|wanted| population.find(wanted))
                .map(|member| member.address)
                .collect();
            for address in addresses {
                rules.element(&set, address.to_string(), "");
            }
        }
        chain.push(format!("{peer} @{set} return"));
    }
    if !ranges.is_empty() {
        let set = name("blocks", &ranges.to_string());
        if !rules.sets.contains_key(&set) {
            rules
                .sets
                .insert(set.clone(), "type ipv4_addr; flags interval;".to_owned());
            for range in ranges.elements() {
                rules.element(&set, range, "");
            }
        }
        chain.push(format!("{peer} @{set} return"));
    }
    if chain.is_empty() {
        return None;
    }
    chain.push("goto deny".to_owned());
    let leaf = name("leaf", &chain.join("\n"));
    rules.chains.insert(leaf.clone(), chain);
    Some(format!("goto {leaf}"))
}

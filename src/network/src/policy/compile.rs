//! Who may reach whom: from policies, pods and namespaces to the rules of this node.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::leaf::{Namespaces, Pods, Population, Who, verdict};
use super::ports::Said;
use super::rules::{Choice, Direction, group};
use super::view::{Labels, Member, Peer, Policy, Port, Rule};
use crate::nft::Ruleset;

/// A port name in a policy that no pod knows whom it would matter for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct UnknownPort {
    pub(super) namespace: String,
    pub(super) policy: String,
    pub(super) uid: String,
    pub(super) port: String,
}

/// The result.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    pub(super) rules: Ruleset,
    pub(super) unknown: BTreeSet<UnknownPort>,
}

/// Pods to which the same applies: the direction, the policies by their place, and the pods' own port names, which
/// rules on what comes in may refer to.
type Alike<'a> = (Direction, Vec<usize>, &'a [(String, &'static str, u16)]);

/// The rules for the pods of this node.
pub(super) fn compile<'a>(
    policies: impl Iterator<Item = &'a Policy>,
    members: impl Iterator<Item = &'a Member> + Clone,
    namespaces: &'a HashMap<String, Labels>,
) -> Compiled {
    let mut policies: Vec<&Policy> = policies.collect();
    // the order in which they were seen must not matter
    policies.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    let mut of_namespace: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, policy) in policies.iter().enumerate() {
        of_namespace.entry(&policy.namespace).or_default().push(place);
    }
    let population = Population::new(members.clone(), namespaces);
    let mut compiled = Compiled::default();
    let mut groups: HashMap<Alike<'_>, String> = HashMap::new();
    for member in members.filter(|member| member.here) {
        let Some(own) = of_namespace.get(member.namespace.as_str()) else {
            continue;
        };
        for direction in [Direction::Ingress, Direction::Egress] {
            let selecting: Vec<usize> = own
                .iter()
                .copied()
                .filter(|&place| {
                    rules_of(policies[place], direction).is_some() && policies[place].pods.matches(&member.labels)
                })
                .collect();
            if selecting.is_empty() {
                continue;
            }
            let ports = match direction {
                Direction::Ingress => member.ports.as_slice(),
                Direction::Egress => &[],
            };
            let alike = (direction, selecting, ports);
            let chain = if let Some(chain) = groups.get(&alike) {
                chain.clone()
            } else {
                let all: Vec<&Policy> = alike.1.iter().map(|&place| policies[place]).collect();
                let chain = Group::new(&population, direction, member, &mut compiled).make(&all);
                groups.insert(alike, chain.clone());
                chain
            };
            let address = member.address;
            let rules = &mut compiled.rules;
            rules.element(direction.map(), address.to_string(), format!("jump {chain}"));
            // nobody is kept from reaching itself
            rules.element("self", format!("{address} . {address}"), "");
        }
    }
    compiled
}

fn rules_of(policy: &Policy, direction: Direction) -> Option<&Vec<Rule>> {
    match direction {
        Direction::Ingress => policy.ingress.as_ref(),
        Direction::Egress => policy.egress.as_ref(),
    }
}

/// One group's chain in the making.
struct Group<'a, 'b> {
    population: &'b Population<'a>,
    direction: Direction,
    /// One of the pods; the others are like it.
    member: &'a Member,
    compiled: &'b mut Compiled,
    /// Let through by ports, per protocol.
    said: BTreeMap<&'static str, Said<Who>>,
    /// Let through whatever the port and the protocol.
    always: BTreeSet<Who>,
}

impl<'a, 'b> Group<'a, 'b> {
    fn new(
        population: &'b Population<'a>,
        direction: Direction,
        member: &'a Member,
        compiled: &'b mut Compiled,
    ) -> Self {
        Self {
            population,
            direction,
            member,
            compiled,
            said: BTreeMap::new(),
            always: BTreeSet::new(),
        }
    }

    fn make(mut self, policies: &[&Policy]) -> String {
        for policy in policies {
            for rule in rules_of(policy, self.direction).into_iter().flatten() {
                self.hear(policy, rule);
            }
        }
        let mut ports: Vec<(&'static str, Vec<Choice>)> = Vec::new();
        if !self.always.contains(&Who::Anyone) {
            for (protocol, said) in std::mem::take(&mut self.said) {
                let mut choices = Vec::new();
                for (first, last, mut whos) in said.apart() {
                    whos.extend(self.always.iter().cloned());
                    if let Some(verdict) = self.verdict(&whos) {
                        choices.push((first, last, verdict));
                    }
                }
                ports.push((protocol, choices));
            }
        }
        let always = std::mem::take(&mut self.always);
        let otherwise = self.verdict(&always);
        group(&mut self.compiled.rules, &ports, otherwise)
    }

    fn verdict(&mut self, whos: &BTreeSet<Who>) -> Option<String> {
        verdict(&mut self.compiled.rules, self.population, self.direction, whos)
    }

    fn hear(&mut self, policy: &Policy, rule: &Rule) {
        let whos: Vec<Who> = match &rule.peers {
            None => vec![Who::Anyone],
            Some(peers) => peers.iter().filter_map(|peer| who(&policy.namespace, peer)).collect(),
        };
        let Some(ports) = &rule.ports else {
            self.always.extend(whos);
            return;
        };
        for port in ports {
            let known = match port {
                Port::Numbers(protocol, first, last) => {
                    self.say(protocol, (*first, *last), &whos);
                    continue;
                }
                Port::Named(protocol, name) if self.direction == Direction::Ingress => {
                    let number = self.member.port(protocol, name);
                    if let Some(number) = number {
                        self.say(protocol, (number, number), &whos);
                    }
                    number.is_some()
                }
                Port::Named(protocol, name) => self.named_at_peers(protocol, name, &whos),
            };
            if let (false, Port::Named(_, name)) = (known, port) {
                self.compiled.unknown.insert(UnknownPort {
                    namespace: policy.namespace.clone(),
                    policy: policy.name.clone(),
                    uid: policy.uid.clone(),
                    port: name.clone(),
                });
            }
        }
    }

    fn say(&mut self, protocol: &'static str, (first, last): (u16, u16), whos: &[Who]) {
        let said = self.said.entry(protocol).or_default();
        whos.iter().for_each(|who| said.say(first, last, who.clone()));
    }

    /// What goes out to a named port goes to the pods that have one of that name, each at its own number. True if there
    /// are such pods.
    fn named_at_peers(&mut self, protocol: &'static str, port: &str, whos: &[Who]) -> bool {
        let mut known = false;
        for who in whos {
            let wanted = match who {
                Who::Block(ranges) => Pods::all().map(|all| all.within(ranges)),
                Who::Pods(wanted) => Some(wanted.as_ref().clone()),
                Who::Anyone => Pods::all(),
            };
            let Some(wanted) = wanted else { continue };
            let found = self.population.find(&wanted).into_iter();
            let numbers: BTreeSet<u16> = found.filter_map(|member| member.port(protocol, port)).collect();
            for number in numbers {
                if let Some(such) = wanted.with_port((protocol, port.to_owned(), number)) {
                    known = true;
                    self.say(protocol, (number, number), &[Who::Pods(Arc::new(such))]);
                }
            }
        }
        known
    }
}

fn who(namespace: &str, peer: &Peer) -> Option<Who> {
    match peer {
        Peer::Block(ranges) => (!ranges.is_empty()).then(|| Who::Block(ranges.clone())),
        Peer::Pods { namespaces, pods } => {
            let namespaces = match namespaces {
                None => Namespaces::One(namespace.to_owned()),
                Some(selector) => Namespaces::Of(selector.clone()),
            };
            Some(Who::Pods(Arc::new(Pods::new(namespaces, pods.clone(), None)?)))
        }
    }
}

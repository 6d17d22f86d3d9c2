//! From a question to records, by the specification's name schema.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, AAAA, CNAME, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::records::{Backend, Key, Port, Records, Target, dashed};

/// Seconds that answers may be kept.
pub(crate) const TTL: u32 = 5;
/// Version of the specification, which `dns-version` tells.
const SCHEMA: &str = "1.1.0";

/// The answer to one question inside the cluster's domain.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) code: Option<ResponseCode>,
    pub(crate) answers: Vec<Record>,
    pub(crate) additionals: Vec<Record>,
    pub(crate) authorities: Vec<Record>,
    /// A name outside the domain that the answer leads to.
    pub(crate) follow: Option<Name>,
}

/// What a name stands for.
enum Found<'a> {
    /// It exists without records of its own.
    Empty,
    Addresses(Vec<IpAddr>),
    Backends(Vec<&'a Backend>),
    Alias(String),
    Services(Vec<(Name, u16, Vec<IpAddr>)>),
    Text(&'static str),
}

/// Answers from the cluster's domain.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    /// Labels of the domain, `["cluster", "local"]`.
    domain: Vec<String>,
}

fn labels(name: &Name) -> Vec<String> {
    name.iter()
        .map(|label| String::from_utf8_lossy(label).to_lowercase())
        .collect()
}

fn name_of<'a>(labels: impl IntoIterator<Item = &'a str>) -> Name {
    let text: Vec<&str> = labels.into_iter().collect();
    Name::from_ascii(format!("{}.", text.join("."))).unwrap_or_else(|_| Name::root())
}

impl Zone {
    pub(crate) fn new(domain: &str) -> Self {
        Self {
            domain: domain
                .trim_end_matches('.')
                .to_lowercase()
                .split('.')
                .map(str::to_owned)
                .collect(),
        }
    }

    fn name(&self, parts: &[&str]) -> Name {
        name_of(parts.iter().copied().chain(self.domain.iter().map(String::as_str)))
    }

    fn service_name(&self, key: &Key) -> Name {
        self.name(&[&key.1, &key.0, "svc"])
    }

    /// The answer, or `None` if the question is not about the cluster.
    pub(crate) fn answer(&self, records: &Records, question: &Name, kind: RecordType) -> Option<Answer> {
        let asked = labels(question);
        if let Some(address) = reverse(&asked) {
            return self.pointer(records, question, address, kind);
        }
        let inside = asked
            .len()
            .checked_sub(self.domain.len())
            .filter(|cut| asked[*cut..] == self.domain[..])?;
        let parts: Vec<&str> = asked[..inside].iter().map(String::as_str).collect();
        let Some(found) = self.find(records, &parts) else {
            return Some(self.negative(ResponseCode::NXDomain));
        };
        let mut answer = Answer::default();
        let mut add = |data: RData| answer.answers.push(Record::from_rdata(question.clone(), TTL, data));
        match (found, kind) {
            (Found::Addresses(addresses), _) => addresses
                .into_iter()
                .filter_map(|address| address_data(address, kind))
                .for_each(add),
            (Found::Backends(backends), _) => {
                backends
                    .into_iter()
                    .filter_map(|backend| address_data(backend.address, kind))
                    .for_each(add);
            }
            (Found::Alias(target), _) => {
                let target = Name::from_ascii(format!("{}.", target.trim_end_matches('.'))).ok()?;
                add(RData::CNAME(CNAME(target.clone())));
                answer.follow = matches!(kind, RecordType::A | RecordType::AAAA).then_some(target);
            }
            (Found::Services(targets), RecordType::SRV | RecordType::ANY) => {
                let weight = 100 / u16::try_from(targets.len()).unwrap_or(100).clamp(1, 100);
                for (target, port, addresses) in targets {
                    let data = RData::SRV(SRV::new(0, weight, port, target.clone()));
                    answer.answers.push(Record::from_rdata(question.clone(), TTL, data));
                    for address in addresses {
                        let data = address_data(address, RecordType::ANY)?;
                        answer.additionals.push(Record::from_rdata(target.clone(), TTL, data));
                    }
                }
            }
            (Found::Text(text), RecordType::TXT | RecordType::ANY) => add(RData::TXT(TXT::new(vec![text.to_owned()]))),
            (Found::Empty | Found::Services(_) | Found::Text(_), _) => {}
        }
        if answer.answers.is_empty() {
            return Some(self.negative(ResponseCode::NoError));
        }
        Some(answer)
    }

    fn find<'a>(&self, records: &'a Records, parts: &[&str]) -> Option<Found<'a>> {
        let namespace = |name: &str| records.namespaces.contains(name);
        match parts {
            [] | ["svc" | "pod"] => Some(Found::Empty),
            ["dns-version"] => Some(Found::Text(SCHEMA)),
            [space, "svc" | "pod"] => namespace(space).then_some(Found::Empty),
            [address, space, "pod"] => namespace(space)
                .then(|| undashed(address))
                .flatten()
                .map(|address| Found::Addresses(vec![address])),
            [name, space, "svc"] => service(records, space, name),
            [protocol, name, space, "svc"] if protocol.starts_with('_') => {
                service(records, space, name).map(|_| Found::Empty)
            }
            [label, name, space, "svc"] => {
                let key = ((*space).to_owned(), (*name).to_owned());
                let backends = headless(records, &key)?;
                let own: Vec<&Backend> = backends
                    .into_iter()
                    .filter(|backend| backend.label.eq_ignore_ascii_case(label))
                    .collect();
                (!own.is_empty()).then_some(Found::Backends(own))
            }
            [port, protocol, name, space, "svc"] => {
                let (port, protocol) = (port.strip_prefix('_')?, protocol.strip_prefix('_')?);
                self.targets(records, &((*space).to_owned(), (*name).to_owned()), port, protocol)
                    .map(Found::Services)
            }
            _ => None,
        }
    }

    /// Targets of `_port._protocol.service`.
    fn targets(
        &self,
        records: &Records,
        key: &Key,
        port: &str,
        protocol: &str,
    ) -> Option<Vec<(Name, u16, Vec<IpAddr>)>> {
        let wanted = |own: &&Port| own.name == port && own.protocol == protocol;
        let targets: Vec<_> = match &records.services.get(key)?.target {
            Target::Addresses(addresses) => {
                let ports = records.services.get(key)?.ports.iter().filter(wanted);
                ports
                    .map(|port| (self.service_name(key), port.number, addresses.clone()))
                    .collect()
            }
            Target::Headless { .. } => headless(records, key)?
                .into_iter()
                .flat_map(|backend| {
                    backend
                        .ports
                        .iter()
                        .filter(wanted)
                        .map(move |port| (backend, port.number))
                })
                .map(|(backend, number)| {
                    (
                        self.name(&[&backend.label, &key.1, &key.0, "svc"]),
                        number,
                        vec![backend.address],
                    )
                })
                .collect(),
            Target::External(_) => Vec::new(),
        };
        (!targets.is_empty()).then_some(targets)
    }

    fn pointer(&self, records: &Records, question: &Name, address: IpAddr, kind: RecordType) -> Option<Answer> {
        let mut names: Vec<Name> = records
            .service_at(address)
            .map(|key| self.service_name(key))
            .into_iter()
            .collect();
        names.extend(
            records
                .backends_at(address)
                .into_iter()
                .map(|(key, backend)| self.name(&[&backend.label, &key.1, &key.0, "svc"])),
        );
        if names.is_empty() {
            return None;
        }
        if !matches!(kind, RecordType::PTR | RecordType::ANY) {
            return Some(self.negative(ResponseCode::NoError));
        }
        let answers = names
            .into_iter()
            .map(|name| Record::from_rdata(question.clone(), TTL, RData::PTR(PTR(name))))
            .collect();
        Some(Answer {
            answers,
            ..Answer::default()
        })
    }

    /// Nothing, with the record that says for how long.
    fn negative(&self, code: ResponseCode) -> Answer {
        let data = SOA::new(
            self.name(&["ns", "dns"]),
            self.name(&["hostmaster"]),
            1,
            7200,
            1800,
            86_400,
            TTL,
        );
        let authority = Record::from_rdata(self.name(&[]), TTL, RData::SOA(data));
        Answer {
            code: Some(code),
            authorities: vec![authority],
            ..Answer::default()
        }
    }
}

fn service<'a>(records: &'a Records, namespace: &str, name: &str) -> Option<Found<'a>> {
    let key = (namespace.to_owned(), name.to_owned());
    match &records.services.get(&key)?.target {
        Target::Addresses(addresses) => Some(Found::Addresses(addresses.clone())),
        Target::External(target) => Some(Found::Alias(target.clone())),
        // a headless service without any backend does not exist, by the specification
        Target::Headless { .. } => headless(records, &key)
            .filter(|backends| !backends.is_empty())
            .map(Found::Backends),
    }
}

fn headless<'a>(records: &'a Records, key: &Key) -> Option<Vec<&'a Backend>> {
    match records.services.get(key)?.target {
        Target::Headless { publish_not_ready } => Some(records.backends(key, publish_not_ready)),
        _ => None,
    }
}

pub(crate) fn address_data(address: IpAddr, kind: RecordType) -> Option<RData> {
    match (address, kind) {
        (IpAddr::V4(address), RecordType::A | RecordType::ANY) => Some(RData::A(A(address))),
        (IpAddr::V6(address), RecordType::AAAA | RecordType::ANY) => Some(RData::AAAA(AAAA(address))),
        _ => None,
    }
}

fn undashed(label: &str) -> Option<IpAddr> {
    let four = label.replace('-', ".").parse::<Ipv4Addr>().map(IpAddr::V4);
    let address = four
        .or_else(|_| label.replace('-', ":").parse::<Ipv6Addr>().map(IpAddr::V6))
        .ok()?;
    (dashed(address) == label).then_some(address)
}

/// The address in `5.0.244.10.in-addr.arpa` or its IPv6 counterpart.
fn reverse(labels: &[String]) -> Option<IpAddr> {
    let text: Vec<&str> = labels.iter().map(String::as_str).collect();
    match text.as_slice() {
        [d, c, b, a, "in-addr", "arpa"] => format!("{a}.{b}.{c}.{d}").parse().ok(),
        [nibbles @ .., "ip6", "arpa"] if nibbles.len() == 32 => {
            let digits: String = nibbles.iter().rev().copied().collect();
            u128::from_str_radix(&digits, 16)
                .ok()
                .map(|bits| IpAddr::V6(Ipv6Addr::from(bits)))
        }
        _ => None,
    }
}

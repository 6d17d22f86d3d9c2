//! Services and endpoints, reduced to what queries ask about.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;

/// Namespace and name.
pub(crate) type Key = (String, String);

/// A named port: name, protocol, number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Port {
    pub(crate) name: String,
    /// `tcp`, `udp` or `sctp`.
    pub(crate) protocol: String,
    pub(crate) number: u16,
}

/// One address behind a headless service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Backend {
    pub(crate) address: IpAddr,
    /// The pod's own name below the service, or its address in dashes.
    pub(crate) label: String,
    pub(crate) ports: Vec<Port>,
}

/// What stands behind a service's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Addresses(Vec<IpAddr>),
    Headless {
        publish_not_ready: bool,
    },
    /// A name elsewhere.
    External(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceRecord {
    pub(crate) target: Target,
    pub(crate) ports: Vec<Port>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SliceRecord {
    pub(crate) service: Key,
    /// Backends and whether they are ready.
    pub(crate) backends: Vec<(Backend, bool)>,
}

/// All records.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) services: HashMap<Key, ServiceRecord>,
    slices: HashMap<Key, SliceRecord>,
    /// Names of the slices of a service.
    slices_of: HashMap<Key, BTreeSet<Key>>,
    pub(crate) namespaces: BTreeSet<String>,
    /// The service that has an address.
    by_address: BTreeMap<IpAddr, Key>,
}

fn lower(text: Option<&String>, default: &str) -> String {
    text.map_or_else(|| default.to_owned(), |text| text.to_lowercase())
}

fn number(port: i32) -> u16 {
    u16::try_from(port).unwrap_or_default()
}

impl ServiceRecord {
    pub(crate) fn of(service: &Service) -> Option<Self> {
        let spec = service.spec.as_ref()?;
        let ports = spec.ports.iter().flatten().map(|port| Port {
            name: lower(port.name.as_ref(), ""),
            protocol: lower(port.protocol.as_ref(), "tcp"),
            number: number(port.port),
        });
        let cluster_ip = spec.cluster_ip.as_deref().unwrap_or_default();
        let target = match (spec.type_.as_deref(), cluster_ip) {
            (Some("ExternalName"), _) => Target::External(spec.external_name.clone()?),
            (_, "None") => Target::Headless {
                publish_not_ready: spec.publish_not_ready_addresses == Some(true),
            },
            _ => {
                let all = spec
                    .cluster_ips
                    .iter()
                    .flatten()
                    .map(String::as_str)
                    .chain([cluster_ip]);
                let unique: BTreeSet<IpAddr> = all.filter_map(|text| text.parse().ok()).collect();
                Target::Addresses(unique.into_iter().collect())
            }
        };
        Some(Self {
            target,
            ports: ports.collect(),
        })
    }
}

impl SliceRecord {
    pub(crate) fn of(slice: &EndpointSlice) -> Option<Self> {
        let namespace = slice.metadata.namespace.clone()?;
        let service = slice
            .metadata
            .labels
            .as_ref()?
            .get("kubernetes.io/service-name")?
            .clone();
        let ports: Vec<Port> = slice
            .ports
            .iter()
            .flatten()
            .filter_map(|port| {
                Some(Port {
                    name: lower(port.name.as_ref(), ""),
                    protocol: lower(port.protocol.as_ref(), "tcp"),
                    number: number(port.port?),
                })
            })
            .collect();
        let backends = slice.endpoints.iter().flatten().flat_map(|endpoint| {
            let ready = endpoint
                .conditions
                .as_ref()
                .and_then(|conditions| conditions.ready)
                .unwrap_or(true);
            let ports = &ports;
            endpoint.addresses.iter().filter_map(move |text| {
                let address: IpAddr = text.parse().ok()?;
                let label = endpoint.hostname.clone().unwrap_or_else(|| dashed(address));
                Some((
                    Backend {
                        address,
                        label,
                        ports: ports.clone(),
                    },
                    ready,
                ))
            })
        });
        Some(Self {
            service: (namespace, service),
            backends: backends.collect(),
        })
    }
}

/// `10.244.0.5` as `10-244-0-5`.
pub(crate) fn dashed(address: IpAddr) -> String {
    address.to_string().replace(['.', ':'], "-")
}

impl Records {
    pub(crate) fn put_service(&mut self, key: Key, record: Option<ServiceRecord>) {
        self.by_address.retain(|_, owner| *owner != key);
        match record {
            Some(record) => {
                if let Target::Addresses(addresses) = &record.target {
                    self.by_address
                        .extend(addresses.iter().map(|address| (*address, key.clone())));
                }
                self.services.insert(key, record);
            }
            None => drop(self.services.remove(&key)),
        }
    }

    pub(crate) fn put_slice(&mut self, key: Key, record: Option<SliceRecord>) {
        if let Some(old) = self.slices.remove(&key)
            && let Some(names) = self.slices_of.get_mut(&old.service)
        {
            names.remove(&key);
        }
        if let Some(record) = record {
            self.slices_of
                .entry(record.service.clone())
                .or_default()
                .insert(key.clone());
            self.slices.insert(key, record);
        }
    }

    /// What stands behind a headless service.
    pub(crate) fn backends(&self, service: &Key, not_ready_too: bool) -> Vec<&Backend> {
        let slices = self
            .slices_of
            .get(service)
            .into_iter()
            .flatten()
            .filter_map(|name| self.slices.get(name));
        let all = slices.flat_map(|slice| &slice.backends);
        let unique: BTreeSet<&Backend> = all
            .filter(|(_, ready)| *ready || not_ready_too)
            .map(|(backend, _)| backend)
            .collect();
        unique.into_iter().collect()
    }

    pub(crate) fn service_at(&self, address: IpAddr) -> Option<&Key> {
        self.by_address.get(&address)
    }

    /// Names of pods behind headless services that have this address.
    pub(crate) fn backends_at(&self, address: IpAddr) -> Vec<(&Key, &Backend)> {
        let headless = |key: &Key| {
            self.services
                .get(key)
                .is_some_and(|service| matches!(service.target, Target::Headless { .. }))
        };
        self.slices
            .values()
            .filter(|slice| headless(&slice.service))
            .flat_map(|slice| {
                slice
                    .backends
                    .iter()
                    .map(move |(backend, ready)| (&slice.service, backend, *ready))
            })
            .filter(|(_, backend, ready)| backend.address == address && *ready)
            .map(|(service, backend, _)| (service, backend))
            .collect()
    }
}

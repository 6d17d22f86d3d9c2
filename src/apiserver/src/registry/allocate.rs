//! Service addresses and node ports: each is taken once, under one lock, and given back when its service goes.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use rand::Rng as _;
use schema::Resource;
use serde_json::{Value, json};
use store::{RangeQuery, Store, StoreError};

use crate::object::{Object as _, child, text_at};
use crate::{ApiError, Subject, storage};

/// Upstream's default `--service-node-port-range`.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;

#[derive(Debug, Default)]
struct Used {
    addresses: BTreeSet<IpAddr>,
    ports: BTreeSet<(u16, String)>,
}

impl Used {
    fn free(&mut self, addresses: &[IpAddr], ports: &[(u16, String)]) {
        self.addresses.retain(|own| !addresses.contains(own));
        self.ports.retain(|own| !ports.contains(own));
    }
}

/// What is taken, in memory; the services in the store are the truth that it is built from.
#[derive(Debug)]
pub(crate) struct Allocators {
    cidr: IpNet,
    used: Mutex<Used>,
}

/// Things taken by an object that is not yet written; dropped without [`Taken::keep`] they are given back.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    from: Option<&'a Allocators>,
    addresses: Vec<IpAddr>,
    ports: Vec<(u16, String)>,
    /// Given back once the change is written.
    freed_ports: Vec<(u16, String)>,
    freed_addresses: Vec<IpAddr>,
}

impl<'a> Taken<'a> {
    pub(super) fn nothing() -> Self {
        Self::of(None)
    }

    fn of(from: Option<&'a Allocators>) -> Self {
        Self {
            from,
            addresses: Vec::new(),
            ports: Vec::new(),
            freed_ports: Vec::new(),
            freed_addresses: Vec::new(),
        }
    }

    /// The object is written.
    pub(super) fn keep(mut self) {
        if let Some(from) = self.from.take() {
            from.lock().free(&self.freed_addresses, &self.freed_ports);
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(from) = self.from {
            from.lock().free(&self.addresses, &self.ports);
        }
    }
}

impl Allocators {
    /// Where service addresses come from.
    pub(crate) fn range(&self) -> IpNet {
        self.cidr
    }

    pub(crate) async fn load(store: &dyn Store, cidr: IpNet) -> Result<Self, StoreError> {
        let mut used = Used::default();
        let prefix = storage::collection("", "services");
        for entry in store
            .range(RangeQuery {
                prefix: &prefix,
                ..RangeQuery::default()
            })
            .await?
            .entries
        {
            if let Ok(service) = serde_json::from_slice::<Value>(&entry.value) {
                used.addresses.extend(addresses(&service));
                used.ports.extend(node_ports(&service));
            }
        }
        Ok(Self {
            cidr,
            used: Mutex::new(used),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives back what a removed service held.
    pub(crate) fn release(&self, resource: &Resource, object: &Value) {
        if resource.plural != "services" || !resource.group.is_empty() {
            return;
        }
        let (addresses, ports): (Vec<_>, Vec<_>) = (addresses(object).collect(), node_ports(object).collect());
        self.lock().free(&addresses, &ports);
    }

    /// The API's own service address: the first of the range.
    pub(crate) fn first(&self) -> Option<IpAddr> {
        self.cidr.hosts().next()
    }

    /// Completes a service's addresses and node ports.
    pub(super) fn allocate(
        &self,
        service: &mut Value,
        old: Option<&Value>,
        dry_run: bool,
    ) -> Result<Taken<'_>, ApiError> {
        let mut taken = Taken::of(Some(self));
        let kind = text_at(service, "spec.type");
        if kind == "ExternalName" {
            taken.freed_addresses.extend(old.into_iter().flat_map(addresses));
            taken.freed_ports.extend(old.into_iter().flat_map(node_ports));
            let spec = child(service, "spec");
            ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]
                .iter()
                .for_each(|field| drop(spec.remove(*field)));
            drop_ports(service);
            return Ok(taken);
        }
        self.take_address(service, old, &mut taken)?;
        if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
            self.take_ports(service, old, &mut taken)?;
        } else {
            drop_ports(service);
        }
        let kept: BTreeSet<_> = node_ports(service).collect();
        taken
            .freed_ports
            .extend(old.into_iter().flat_map(node_ports).filter(|port| !kept.contains(port)));
        if dry_run {
            drop(taken);
            return Ok(Taken::nothing());
        }
        Ok(taken)
    }

    fn take_address(&self, service: &mut Value, old: Option<&Value>, taken: &mut Taken<'_>) -> Result<(), ApiError> {
        let held = old.map(|old| text_at(old, "spec.clusterIP")).unwrap_or_default();
        let mut wanted = text_at(service, "spec.clusterIP");
        if wanted.is_empty() {
            wanted.clone_from(&held);
        }
        let address = if wanted == "None" || (!wanted.is_empty() && wanted == held) {
            wanted
        } else if wanted.is_empty() {
            let address = self
                .free_address()
                .ok_or_else(|| ApiError::internal("failed to allocate a serviceIP: range is full"))?;
            taken.addresses.push(address);
            address.to_string()
        } else {
            let refuse = |why: &str| {
                let message = format!("spec.clusterIPs: Invalid value: [\"{wanted}\"]: {why}");
                let subject = Subject {
                    group: "",
                    resource: "Service",
                };
                let cause = json!({"reason": "FieldValueInvalid", "field": "spec.clusterIPs", "message": message});
                Err(ApiError::invalid(subject, service.name(), &message, vec![cause]))
            };
            let Ok(address) = wanted.parse::<IpAddr>() else {
                return refuse("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
            };
            if !self.cidr.contains(&address) {
                return refuse(&format!(
                    "failed to allocate IP {wanted}: the provided IP ({wanted}) is not in the valid range. The range of valid IPs is {}",
                    self.cidr
                ));
            }
            if !self.lock().addresses.insert(address) {
                return refuse(&format!(
                    "failed to allocate IP {wanted}: provided IP is already allocated"
                ));
            }
            taken.addresses.push(address);
            wanted
        };
        let spec = child(service, "spec");
        spec.insert("clusterIPs".to_owned(), json!([address]));
        spec.insert("clusterIP".to_owned(), address.into());
        spec.entry("ipFamilies")
            .or_insert_with(|| json!([if self.cidr.addr().is_ipv4() { "IPv4" } else { "IPv6" }]));
        spec.entry("ipFamilyPolicy").or_insert_with(|| "SingleStack".into());
        Ok(())
    }

    /// A random free address of the upper part of the range; the lower part is for fixed ones.
    fn free_address(&self) -> Option<IpAddr> {
        let IpNet::V4(net) = self.cidr else {
            return self.cidr.hosts().find(|address| self.lock().addresses.insert(*address));
        };
        let size = 1_u32 << (32 - u32::from(net.prefix_len()));
        let reserved = (size / 16).clamp(16, 256).min(size / 2);
        let base = u32::from(net.network());
        let mut used = self.lock();
        let mut take = |offset: u32| {
            let address = IpAddr::V4(Ipv4Addr::from(base + offset));
            used.addresses.insert(address).then_some(address)
        };
        let start = rand::rng().random_range(reserved..size - 1);
        (start..size - 1)
            .chain(reserved..start)
            .chain(2..reserved)
            .find_map(&mut take)
    }

    fn take_ports(&self, service: &mut Value, old: Option<&Value>, taken: &mut Taken<'_>) -> Result<(), ApiError> {
        if service.pointer("/spec/allocateLoadBalancerNodePorts") == Some(&Value::Bool(false)) {
            return Ok(());
        }
        let held: BTreeSet<_> = old.into_iter().flat_map(node_ports).collect();
        let name = service.name().to_owned();
        for (index, port) in service
            .pointer_mut("/spec/ports")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .enumerate()
        {
            let protocol = port["protocol"].as_str().unwrap_or("TCP").to_owned();
            let wanted = port["nodePort"].as_u64().unwrap_or_default();
            let mut used = self.lock();
            if wanted == 0 {
                let same = |old: &&Value| old["port"] == port["port"] && old["protocol"] == port["protocol"];
                let before = old.and_then(|old| old.pointer("/spec/ports")).and_then(Value::as_array);
                let before = before
                    .and_then(|ports| ports.iter().find(same))
                    .and_then(|port| port["nodePort"].as_u64());
                let start = rand::rng().random_range(NODE_PORTS);
                let mut candidates = (start..=*NODE_PORTS.end()).chain(*NODE_PORTS.start()..start);
                let free = match before {
                    Some(before) => Some(before as u16),
                    None => candidates.find(|port| used.ports.insert((*port, protocol.clone()))),
                };
                let free = free.ok_or_else(|| ApiError::internal("failed to allocate a nodePort: range is full"))?;
                if before.is_none() {
                    taken.ports.push((free, protocol));
                }
                port["nodePort"] = free.into();
                continue;
            }
            let key = (wanted.min(u64::from(u16::MAX)) as u16, protocol);
            if held.contains(&key) || taken.ports.contains(&key) {
                continue;
            }
            let why = if !NODE_PORTS.contains(&key.0) {
                format!(
                    "provided port is not in the valid range. The range of valid ports is {}-{}",
                    NODE_PORTS.start(),
                    NODE_PORTS.end()
                )
            } else if used.ports.insert(key.clone()) {
                taken.ports.push(key);
                continue;
            } else {
                "provided port is already allocated".to_owned()
            };
            let field = format!("spec.ports[{index}].nodePort");
            let message = format!("{field}: Invalid value: {wanted}: {why}");
            let cause = json!({"reason": "FieldValueInvalid", "field": field, "message": message});
            return Err(ApiError::invalid(
                Subject {
                    group: "",
                    resource: "Service",
                },
                &name,
                &message,
                vec![cause],
            ));
        }
        Ok(())
    }
}

fn drop_ports(service: &mut Value) {
    let ports = service.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        drop(port.as_object_mut().and_then(|port| port.remove("nodePort")));
    }
}

fn addresses(service: &Value) -> impl Iterator<Item = IpAddr> {
    let list = service
        .pointer("/spec/clusterIPs")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    list.filter_map(|address| address.as_str()?.parse().ok())
}

fn node_ports(service: &Value) -> impl Iterator<Item = (u16, String)> {
    let ports = service
        .pointer("/spec/ports")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    ports.filter_map(|port| {
        let number = u16::try_from(port["nodePort"].as_u64()?)
            .ok()
            .filter(|number| *number > 0)?;
        Some((number, port["protocol"].as_str().unwrap_or("TCP").to_owned()))
    })
}

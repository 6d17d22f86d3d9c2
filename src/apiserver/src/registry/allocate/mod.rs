//! Service addresses and node ports: each is taken once, under one lock, and given back when its service goes.
//! An address is also an IPAddress object, committed and removed in one transaction with the service.

mod addresses;
mod node_ports;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use schema::Resource;
use serde_json::Value;
use store::{RangeQuery, Store, StoreError, Write};

use crate::object::{child, text_at};
use crate::{ApiError, storage};

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
    /// To be committed with the object.
    writes: Vec<Write>,
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
            writes: Vec::new(),
        }
    }

    /// What is to be committed with the object.
    pub(super) fn writes(&self) -> impl Iterator<Item = Write> + '_ {
        self.writes.iter().cloned()
    }

    /// Nobody can say whether the object is written: nothing is given back until the next start counts anew.
    pub(super) fn leave(mut self) {
        self.from = None;
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
    /// The cluster's first range of service addresses.
    pub(crate) fn range(&self) -> IpNet {
        self.cidr
    }

    pub(crate) async fn load(store: &dyn Store, cidr: IpNet) -> Result<Self, StoreError> {
        let mut used = Used::default();
        let prefix = storage::collection("", "services");
        for entry in store.range(RangeQuery::all(&prefix)).await?.entries {
            if let Ok(service) = serde_json::from_slice::<Value>(&entry.value) {
                used.addresses.extend(addresses(&service));
                used.ports.extend(node_ports::of(&service));
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

    /// What is to be committed with the removal of an object.
    pub(crate) async fn on_removal(
        &self,
        store: &dyn Store,
        resource: &Resource,
        object: &Value,
    ) -> Result<Vec<Write>, ApiError> {
        if resource.plural != "services" || !resource.group.is_empty() {
            return Ok(Vec::new());
        }
        addresses::give_back(store, object).await
    }

    /// Gives back what a removed service held.
    pub(crate) fn release(&self, resource: &Resource, object: &Value) {
        if resource.plural != "services" || !resource.group.is_empty() {
            return;
        }
        let (addresses, ports): (Vec<_>, Vec<_>) = (addresses(object).collect(), node_ports::of(object).collect());
        self.lock().free(&addresses, &ports);
    }

    /// The API's own service address: the first of the range.
    pub(crate) fn first(&self) -> Option<IpAddr> {
        self.cidr.hosts().next()
    }

    /// Completes a service's addresses and node ports.
    pub(super) async fn allocate(
        &self,
        store: &dyn Store,
        service: &mut Value,
        old: Option<&Value>,
        dry_run: bool,
    ) -> Result<Taken<'_>, ApiError> {
        let mut taken = Taken::of(Some(self));
        let kind = text_at(service, "spec.type");
        if kind == "ExternalName" {
            if let Some(old) = old {
                taken.freed_addresses.extend(addresses(old));
                taken.freed_ports.extend(node_ports::of(old));
                taken.writes = addresses::give_back(store, old).await?;
            }
            let spec = child(service, "spec");
            ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]
                .iter()
                .for_each(|field| drop(spec.remove(*field)));
            node_ports::drop_all(service);
            return Ok(taken);
        }
        addresses::take(self, store, service, old, &mut taken).await?;
        if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
            node_ports::take(self, service, old, &mut taken)?;
        } else {
            node_ports::drop_all(service);
        }
        node_ports::take_health(self, service, old, &mut taken)?;
        let kept: BTreeSet<_> = node_ports::of(service).collect();
        let before = old.into_iter().flat_map(node_ports::of);
        taken.freed_ports.extend(before.filter(|port| !kept.contains(port)));
        if dry_run {
            drop(taken);
            return Ok(Taken::nothing());
        }
        Ok(taken)
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

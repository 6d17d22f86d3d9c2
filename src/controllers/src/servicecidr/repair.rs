//! Service and IPAddress say the same: what is missing is made, what nobody has is removed.
//!
//! The API server writes both in one transaction, so there is work only after somebody deleted an IPAddress or on data of a
//! cluster from before there were any. Semantics: `k8s.io/kubernetes/pkg/registry/core/service/ipallocator/controller`.

use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::{IPAddress, IPAddressSpec, ParentReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt as _};

use super::{ALLOCATOR, MANAGED_BY, blocks};
use crate::shared::error::Tolerate as _;
use crate::shared::queue::tasks;
use crate::shared::record::Events;
use crate::shared::{Ctx, Key, Queue, Result, work};

tasks! {
    Service: "service",
    Address: "address",
}

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let weak = Arc::downgrade(&queue);
    ctx.services.on(move |_, new| {
        let Some(queue) = weak.upgrade() else { return false };
        if let Some(service) = new {
            queue.add(Task::Service(Key::of(service.as_ref())));
        }
        true
    });
    let weak = Arc::downgrade(&queue);
    ctx.ip_addresses.on(move |old, new| {
        let Some(queue) = weak.upgrade() else { return false };
        match (old, new) {
            (_, Some(address)) => queue.add(Task::Address(Key::of(address.as_ref()))),
            (Some(address), None) => {
                if let Some(service) = parent(address) {
                    queue.add(Task::Service(service));
                }
            }
            (None, None) => {}
        }
        true
    });
    ctx.services.synced().await;
    ctx.ip_addresses.synced().await;
    ctx.service_ranges.synced().await;
    let events = Arc::new(Events::new(ctx.client.clone(), "ipallocator-repair-controller"));
    work("ip-repair", &queue, 1, |task: Task| {
        let (ctx, events) = (ctx.clone(), events.clone());
        async move {
            match task {
                Task::Service(key) => service(&ctx, &events, &key).await,
                Task::Address(key) => address(&ctx, &events, &key).await,
            }
        }
    })
    .await
}

/// The service that an address is for.
fn parent(address: &IPAddress) -> Option<Key> {
    let parent = &address.spec.parent_ref;
    let core = parent.group.as_deref().unwrap_or_default().is_empty();
    (core && parent.resource == "services")
        .then(|| Key::new(parent.namespace.clone().unwrap_or_default(), &parent.name))
}

fn addresses(service: &Service) -> impl Iterator<Item = IpAddr> + '_ {
    let all = service.spec.iter().flat_map(|spec| spec.cluster_ips.iter().flatten());
    all.filter_map(|address| address.parse().ok())
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IPv4" } else { "IPv6" }
}

/// Makes the service's IPAddresses if they are missing or for somebody else.
async fn service(ctx: &Ctx, events: &Events, key: &Key) -> Result<()> {
    // what the cache says may be a moment old, and the answer is a warning that people read
    let api: Api<Service> = Api::namespaced(ctx.client.clone(), &key.namespace);
    let is_suspect = |service: &Service| {
        let mine = |address: IpAddr| {
            let known = ctx.ip_addresses.get(&Key::new("", address.to_string()));
            known.is_some_and(|known| parent(&known).as_ref() == Some(key))
        };
        !addresses(service).all(mine)
    };
    let Some(cached) = ctx.services.get(key).filter(|service| is_suspect(service)) else {
        return Ok(());
    };
    let Some(live) = api.get_opt(&cached.name_any()).await? else {
        return Ok(());
    };
    let all: Api<IPAddress> = Api::all(ctx.client.clone());
    for address in addresses(&live) {
        let family = family(address);
        let ranges = ctx.service_ranges.list();
        if !ranges
            .iter()
            .flat_map(|range| blocks(range))
            .any(|block| block.contains(&address))
        {
            let note = format!(
                "Cluster IP [{family}]: {address} is not within any configured Service CIDR; please recreate service"
            );
            events.warning(&live, "ClusterIPOutOfRange", note).await;
            continue;
        }
        let name = address.to_string();
        match all.get_opt(&name).await? {
            Some(found) if parent(&found).as_ref() == Some(key) => continue,
            Some(found) => {
                let owner = parent(&found).and_then(|owner| ctx.services.get(&owner));
                if owner.is_some_and(|owner| addresses(&owner).any(|held| held == address)) {
                    let note = format!(
                        "Cluster IP [{family}]:{address} was assigned to multiple services; please recreate service"
                    );
                    events.warning(&live, "ClusterIPAlreadyAllocated", note).await;
                    continue;
                }
                let note = format!(
                    "the ClusterIP [{family}]: {address} for Service {}/{} has a wrong reference; repairing",
                    key.namespace, key.name
                );
                events.warning(&live, "ClusterIPNotAllocated", note).await;
                all.delete(&name, &DeleteParams::default()).await.unless_gone()?;
            }
            None => {
                let note = format!("Cluster IP [{family}]: {address} is not allocated; repairing");
                events.warning(&live, "ClusterIPNotAllocated", note).await;
            }
        }
        let made = all.create(&PostParams::default(), &make(&name, family, key)).await;
        made.unless_exists()?;
    }
    Ok(())
}

fn make(name: &str, family: &str, service: &Key) -> IPAddress {
    let labels = [("ipaddress.kubernetes.io/ip-family", family), (MANAGED_BY, ALLOCATOR)];
    let mut address = IPAddress {
        metadata: ObjectMeta::default(),
        spec: IPAddressSpec {
            parent_ref: ParentReference {
                group: None,
                resource: "services".to_owned(),
                namespace: Some(service.namespace.clone()),
                name: service.name.clone(),
            },
        },
    };
    address.metadata.name = Some(name.to_owned());
    address.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    address
}

/// Removes an IPAddress of the allocator's that no service has.
async fn address(ctx: &Ctx, events: &Events, key: &Key) -> Result<()> {
    let Some(address) = ctx.ip_addresses.get(key) else {
        return Ok(());
    };
    if address.labels().get(MANAGED_BY).is_none_or(|by| by != ALLOCATOR) {
        return Ok(());
    }
    let (reason, note) = match parent(&address) {
        None => {
            let note = format!(
                "IPAddress {} appears to have been modified, not referencing a Service: cleaning up",
                key.name
            );
            ("IPAddressNotAllocated", note)
        }
        Some(owner) => {
            let api: Api<Service> = Api::namespaced(ctx.client.clone(), &owner.namespace);
            let about = format!("IPAddress: {} for Service {}/{}", key.name, owner.namespace, owner.name);
            match api.get_opt(&owner.name).await? {
                Some(service) if addresses(&service).any(|held| held.to_string() == key.name) => return Ok(()),
                Some(_) => {
                    let note = format!("{about} has a wrong reference; cleaning up");
                    ("IPAddressWrongReference", note)
                }
                None => {
                    let note = format!("{about} appears to have leaked: cleaning up");
                    ("IPAddressNotAllocated", note)
                }
            }
        }
    };
    let all: Api<IPAddress> = Api::all(ctx.client.clone());
    // it may have gone with its service since
    let Some(live) = all.get_opt(&key.name).await?.filter(|live| live.uid() == address.uid()) else {
        return Ok(());
    };
    events.warning(&live, reason, note).await;
    all.delete(&key.name, &DeleteParams::default()).await.unless_gone()?;
    Ok(())
}

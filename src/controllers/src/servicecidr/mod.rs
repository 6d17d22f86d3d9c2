//! Ranges of service addresses: ready once protected, and kept for as long as addresses of theirs are in use.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/servicecidrs`.

mod repair;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;
use k8s_openapi::api::networking::v1::{IPAddress, ServiceCIDR};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

pub(crate) use repair::run as run_repair;

use crate::shared::error::Tolerate as _;
use crate::shared::{Ctx, Key, Queue, Result, work};

const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";
const MANAGED_BY: &str = "ipaddress.kubernetes.io/managed-by";
const ALLOCATOR: &str = "ipallocator.k8s.io";

/// Services whose address was chosen before the deletion began are written by then. Its time is told in whole seconds, so that
/// up to one of these is over when it begins.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    // any range and any address may be what a range that is being deleted waits for
    let all = {
        let (queue, ctx) = (Arc::downgrade(&queue), Arc::downgrade(&ctx));
        move || {
            let (Some(queue), Some(ctx)) = (queue.upgrade(), ctx.upgrade()) else {
                return false;
            };
            for range in ctx.service_ranges.list() {
                queue.add(Key::of(range.as_ref()));
            }
            true
        }
    };
    let weak = Arc::downgrade(&queue);
    let others = all.clone();
    ctx.service_ranges.on(move |_, new| {
        let Some(queue) = weak.upgrade() else { return false };
        if let Some(range) = new {
            queue.add(Key::of(range.as_ref()));
        }
        others()
    });
    ctx.ip_addresses.on(move |_, new| new.is_some() || all());
    ctx.service_ranges.synced().await;
    ctx.ip_addresses.synced().await;
    work("servicecidr", &queue, 1, |key: Key| {
        let (ctx, queue) = (ctx.clone(), queue.clone());
        async move { sync(&ctx, &queue, &key).await }
    })
    .await
}

async fn sync(ctx: &Ctx, queue: &Queue<Key>, key: &Key) -> Result<()> {
    let Some(range) = ctx.service_ranges.get(key) else {
        return Ok(());
    };
    let is_protected = range.finalizers().iter().any(|name| name == FINALIZER);
    let Some(deleted) = &range.metadata.deletion_timestamp else {
        if !is_protected {
            let mut protected = ServiceCIDR::clone(&range);
            protected.finalizers_mut().push(FINALIZER.to_owned());
            // the change brings the next pass
            return write(ctx, &protected).await;
        }
        return tell(ctx, &range, "True", "", "Kubernetes Service CIDR is ready").await;
    };
    if !may_go(&range, &ctx.service_ranges.list(), &ctx.ip_addresses.list()) {
        let message =
            "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
        return tell(ctx, &range, "False", "Terminating", message).await;
    }
    let age = Duration::try_from(Timestamp::now().duration_since(deleted.0)).unwrap_or_default();
    if let Some(rest) = GRACE.checked_sub(age).filter(|rest| !rest.is_zero()) {
        queue.add_after(key.clone(), rest);
        return Ok(());
    }
    if is_protected {
        let mut freed = ServiceCIDR::clone(&range);
        freed.finalizers_mut().retain(|name| name != FINALIZER);
        write(ctx, &freed).await?;
    }
    Ok(())
}

/// The object's own blocks of addresses.
fn blocks(range: &ServiceCIDR) -> impl Iterator<Item = IpNet> + '_ {
    let cidrs = range.spec.iter().flat_map(|spec| spec.cidrs.iter().flatten());
    cidrs.filter_map(|cidr| cidr.parse().ok())
}

/// Whether every address of the range that is in use lies in another range too.
fn may_go(range: &ServiceCIDR, ranges: &[Arc<ServiceCIDR>], addresses: &[Arc<IPAddress>]) -> bool {
    let name = range.name_any();
    let others: Vec<IpNet> = ranges
        .iter()
        .filter(|other| other.name_any() != name)
        .flat_map(|other| blocks(other))
        .collect();
    blocks(range).all(|block| {
        let held = |address: &IpAddr| block.contains(address) && !others.iter().any(|other| other.contains(address));
        others.iter().any(|other| other.contains(&block)) || !allocated(addresses).any(|address| held(&address))
    })
}

/// Addresses that services have.
fn allocated(addresses: &[Arc<IPAddress>]) -> impl Iterator<Item = IpAddr> + '_ {
    let of_services = |address: &&Arc<IPAddress>| address.labels().get(MANAGED_BY).is_some_and(|by| by == ALLOCATOR);
    let parsed = |address: &Arc<IPAddress>| address.name_any().parse().ok();
    addresses.iter().filter(of_services).filter_map(parsed)
}

async fn write(ctx: &Ctx, range: &ServiceCIDR) -> Result<()> {
    let api: Api<ServiceCIDR> = Api::all(ctx.client.clone());
    let written = api.replace(&range.name_any(), &PostParams::default(), range).await;
    written.unless_gone()?;
    Ok(())
}

/// Sets the condition `Ready`, if it says something else.
async fn tell(ctx: &Ctx, range: &ServiceCIDR, status: &str, reason: &str, message: &str) -> Result<()> {
    let conditions = range
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let old = conditions.into_iter().find(|condition| condition.type_ == "Ready");
    if old.is_some_and(|old| old.status == status && old.reason == reason) {
        return Ok(());
    }
    let condition = Condition {
        type_: "Ready".to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::now()),
        observed_generation: None,
    };
    let api: Api<ServiceCIDR> = Api::all(ctx.client.clone());
    let patch = Patch::Merge(json!({"status": {"conditions": [condition]}}));
    let params = PatchParams::default();
    api.patch_status(&range.name_any(), &params, &patch)
        .await
        .unless_gone()?;
    Ok(())
}

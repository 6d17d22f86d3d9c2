//! Addresses for services of type LoadBalancer, out of the part of the cluster's network that has no nodes.
//!
//! Upstream leaves this to a cloud's controller; which node answers for an address is `network`'s affair (docs/adr/0007).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::core::v1::{LoadBalancerIngress, LoadBalancerStatus, Service};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::shared::error::Tolerate as _;
use crate::shared::record::Events;
use crate::shared::{Ctx, Key, Queue, Result, work};

/// First and last address that may be given away.
type Range = (Ipv4Addr, Ipv4Addr);

/// Who has which address; what was given away a moment ago is not in the services yet.
type Taken = Mutex<BTreeMap<Ipv4Addr, Key>>;

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let Some(range) = ctx.config.load_balancers else {
        return std::future::pending().await;
    };
    let queue = Queue::new();
    ctx.services.feed(&queue);
    ctx.services.synced().await;
    let taken: Arc<Taken> = Arc::default();
    for service in ctx.services.list() {
        if let Some(address) = held(&service, range).filter(|_| wants(&service)) {
            lock(&taken).insert(address, Key::of(service.as_ref()));
        }
    }
    let events = Arc::new(Events::new(ctx.client.clone(), "service-lb-controller"));
    work("loadbalancer", &queue, 1, |key: Key| {
        let (ctx, queue, taken, events) = (ctx.clone(), queue.clone(), taken.clone(), events.clone());
        async move {
            let given_back = sync(&ctx, &events, &taken, range, &key).await?;
            if given_back {
                // somebody may have waited for it
                let waiting = ctx
                    .services
                    .list()
                    .into_iter()
                    .filter(|one| wants(one) && held(one, range).is_none());
                waiting.for_each(|service| queue.add(Key::of(service.as_ref())));
            }
            Ok(())
        }
    })
    .await
}

fn lock(taken: &Taken) -> std::sync::MutexGuard<'_, BTreeMap<Ipv4Addr, Key>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the service is to have an address of ours.
fn wants(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    service.metadata.deletion_timestamp.is_none()
        && spec.is_some_and(|spec| spec.type_.as_deref() == Some("LoadBalancer") && spec.load_balancer_class.is_none())
}

/// The address of ours that the service has.
fn held(service: &Service, (first, last): Range) -> Option<Ipv4Addr> {
    let balancer = service.status.as_ref()?.load_balancer.as_ref()?;
    let mut addresses = balancer
        .ingress
        .iter()
        .flatten()
        .filter_map(|ingress| ingress.ip.as_ref()?.parse().ok());
    addresses.find(|address| (first..=last).contains(address))
}

/// True if an address was given back.
async fn sync(ctx: &Ctx, events: &Events, taken: &Taken, range: Range, key: &Key) -> Result<bool> {
    let service = ctx.services.get(key);
    let Some(service) = service.filter(|service| wants(service)) else {
        let before = lock(taken).len();
        lock(taken).retain(|_, owner| owner != key);
        if let Some(service) = ctx.services.get(key)
            && service.metadata.deletion_timestamp.is_none()
            && held(&service, range).is_some()
        {
            write(ctx, key, &LoadBalancerStatus::default()).await?;
        }
        return Ok(lock(taken).len() < before);
    };
    let has = held(&service, range);
    let asked = service.spec.as_ref().and_then(|spec| spec.load_balancer_ip.clone());
    let asked = asked.filter(|text| !text.is_empty());
    let chosen = choose(&mut lock(taken), range, key, has, asked.as_deref());
    match chosen {
        Ok(address) if has == Some(address) => Ok(false),
        Ok(address) => {
            let ingress = LoadBalancerIngress {
                ip: Some(address.to_string()),
                ip_mode: Some("VIP".to_owned()),
                ..LoadBalancerIngress::default()
            };
            let status = LoadBalancerStatus {
                ingress: Some(vec![ingress]),
            };
            write(ctx, key, &status).await?;
            events
                .normal(
                    service.as_ref(),
                    "EnsuredLoadBalancer",
                    format!("Ensured load balancer at {address}"),
                )
                .await;
            Ok(false)
        }
        Err(why) => {
            events.warning(service.as_ref(), "SyncLoadBalancerFailed", why).await;
            Ok(false)
        }
    }
}

/// The service's own address if it has one, the one it asks for, or the first that is free.
fn choose(
    taken: &mut BTreeMap<Ipv4Addr, Key>,
    (first, last): Range,
    key: &Key,
    has: Option<Ipv4Addr>,
    asked: Option<&str>,
) -> Result<Ipv4Addr, String> {
    let own = taken
        .iter()
        .find(|(_, owner)| *owner == key)
        .map(|(address, _)| *address);
    let address = match asked {
        Some(text) => {
            let address = text.parse().ok().filter(|address| (first..=last).contains(address));
            let address =
                address.ok_or_else(|| format!("spec.loadBalancerIP {text} is not between {first} and {last}"))?;
            if let Some(other) = taken.get(&address).filter(|owner| *owner != key) {
                return Err(format!("{text} is taken by service {}/{}", other.namespace, other.name));
            }
            address
        }
        None => own
            .or_else(|| has.filter(|address| !taken.contains_key(address)))
            .or_else(|| {
                let all = u32::from(first)..=u32::from(last);
                all.map(Ipv4Addr::from).find(|address| !taken.contains_key(address))
            })
            .ok_or_else(|| format!("all addresses between {first} and {last} are taken"))?,
    };
    taken.retain(|_, owner| owner != key);
    taken.insert(address, key.clone());
    Ok(address)
}

async fn write(ctx: &Ctx, key: &Key, status: &LoadBalancerStatus) -> Result<()> {
    let api: Api<Service> = Api::namespaced(ctx.client.clone(), &key.namespace);
    let ingress = status
        .ingress
        .as_ref()
        .map_or_else(|| json!(null), |ingress| json!(ingress));
    let patch = json!({"status": {"loadBalancer": {"ingress": ingress}}});
    api.patch_status(&key.name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unless_gone()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_given_once_and_kept() {
        let range: Range = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 3));
        let mut taken = BTreeMap::new();
        let key = |name: &str| Key::new("default", name);
        let mut give = |name: &str, has: Option<Ipv4Addr>, asked: Option<&str>| {
            choose(&mut taken, range, &key(name), has, asked).map(|address| address.octets()[3])
        };
        assert_eq!(give("a", None, None), Ok(1));
        assert_eq!(give("b", None, None), Ok(2));
        assert_eq!(give("a", None, None), Ok(1), "the answer is not in the service yet");
        assert_eq!(
            give("c", None, Some("10.0.0.2")),
            Err("10.0.0.2 is taken by service default/b".to_owned())
        );
        assert_eq!(
            give("b", Some(Ipv4Addr::new(10, 0, 0, 2)), Some("10.0.0.3")),
            Ok(3),
            "it moves"
        );
        assert_eq!(give("c", None, Some("10.0.0.2")), Ok(2));
        assert_eq!(
            give("d", None, None),
            Err("all addresses between 10.0.0.1 and 10.0.0.3 are taken".to_owned())
        );
        assert_eq!(
            give("d", None, Some("10.9.0.1")),
            Err("spec.loadBalancerIP 10.9.0.1 is not between 10.0.0.1 and 10.0.0.3".to_owned())
        );
    }
}

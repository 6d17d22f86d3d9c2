//! EndpointSlices of services with a selector.
//!
//! Semantics: `k8s.io/endpointslice`.

mod endpoints;
mod reconcile;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::ResourceExt as _;
use machinery::selector::LabelSelector;

pub(crate) use endpoints::{address, is_candidate, resolve_ports};
pub(crate) use reconcile::reconcile;

use crate::shared::{Ctx, Key, Queue, Result, pods, work};

/// Label that names a slice's service.
pub(crate) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Label that names a slice's keeper.
pub(crate) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    watch_services_and_pods(&ctx, &queue);
    ctx.endpoint_slices.feed_with(&queue, |old, new| {
        let slice = new.or(old)?;
        let own = slice.labels().get(MANAGED_BY).is_some_and(|by| by == MANAGER);
        let name = slice.labels().get(SERVICE_NAME).filter(|_| own)?;
        Some(Key::new(slice.namespace().unwrap_or_default(), &**name))
    });
    ctx.services.synced().await;
    ctx.pods.synced().await;
    ctx.nodes.synced().await;
    ctx.endpoint_slices.synced().await;
    work("endpointslice", &queue, 5, |key: Key| {
        let ctx = ctx.clone();
        async move { reconcile::sync(&ctx, &key).await }
    })
    .await
}

/// Keys of services that changed, or one of whose pods did.
pub(crate) fn watch_services_and_pods(ctx: &Arc<Ctx>, queue: &Arc<Queue<Key>>) {
    ctx.services.feed(queue);
    let (weak, weak_ctx) = (Arc::downgrade(queue), Arc::downgrade(ctx));
    ctx.pods.on(move |old, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        if old.zip(new).is_some_and(|(old, new)| !matters(old, new)) {
            return true;
        }
        let namespace = new.or(old).and_then(|pod| pod.namespace()).unwrap_or_default();
        for service in ctx.services.in_namespace(&namespace) {
            let Some(wanted) = service_selector(&service) else {
                continue;
            };
            if [old, new].into_iter().flatten().any(|pod| wanted.matches(pod.labels())) {
                queue.add(Key::of(service.as_ref()));
            }
        }
        true
    });
}

/// Whether a pod changed in a way that endpoints show.
fn matters(old: &Pod, new: &Pod) -> bool {
    let seen = |pod: &Pod| {
        let spec = pod.spec.clone().unwrap_or_default();
        let ips = pod.status.as_ref().and_then(|status| status.pod_ips.clone());
        (
            pod.metadata.labels.clone(),
            (spec.node_name, spec.hostname, spec.subdomain),
            ips,
            pods::is_ready(pod),
            pods::is_terminating(pod),
            pods::is_finished(pod),
        )
    };
    seen(old) != seen(new)
}

/// None for services whose endpoints someone else provides.
pub(crate) fn service_selector(service: &Service) -> Option<LabelSelector> {
    let spec = service.spec.as_ref()?;
    let selector = spec.selector.as_ref().filter(|selector| !selector.is_empty())?;
    if spec.type_.as_deref() == Some("ExternalName") {
        return None;
    }
    Some(LabelSelector::from_map(
        selector.iter().map(|(key, value)| (key.as_str(), value.as_str())),
    ))
}

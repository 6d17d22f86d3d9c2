//! EndpointSlices that mirror hand-written Endpoints of services without a selector.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/endpointslicemirroring`.

mod slices;

use std::sync::Arc;

use k8s_openapi::api::core::v1::Endpoints;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Api, ResourceExt as _};

use crate::endpointslice::{MANAGED_BY, SERVICE_NAME, reconcile};
use crate::shared::{Ctx, Key, Queue, Result, work};

const MANAGER: &str = "endpointslicemirroring-controller.k8s.io";
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";
/// Endpoints that only hold a leader election record.
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    ctx.endpoints.feed(&queue);
    ctx.services.feed(&queue);
    ctx.endpoint_slices.feed_with(&queue, |old, new| {
        let slice = new.or(old).filter(|slice| is_mirror(slice))?;
        let name = slice.labels().get(SERVICE_NAME)?;
        Some(Key::new(slice.namespace().unwrap_or_default(), name.as_str()))
    });
    ctx.services.synced().await;
    ctx.endpoints.synced().await;
    ctx.endpoint_slices.synced().await;
    work("endpointslicemirroring", &queue, 5, |key: Key| {
        let ctx = ctx.clone();
        async move { sync(&ctx, &key).await }
    })
    .await
}

async fn sync(ctx: &Ctx, key: &Key) -> Result<()> {
    let existing = ctx.endpoint_slices.in_namespace(&key.namespace).into_iter();
    let existing = existing.filter(|slice| is_mirror(slice) && slice.labels().get(SERVICE_NAME) == Some(&key.name));
    let existing: Vec<_> = existing.collect();
    let has_selector = ctx
        .services
        .get(key)
        .map(|service| service.spec.as_ref().is_some_and(|spec| spec.selector.is_some()));
    let source = ctx.endpoints.get(key).filter(|endpoints| is_source(endpoints));
    let wanted = match (source, has_selector) {
        (Some(endpoints), Some(false)) => slices::of(&endpoints),
        _ => Vec::new(),
    };
    let api: Api<EndpointSlice> = Api::namespaced(ctx.client.clone(), &key.namespace);
    reconcile(&api, existing, wanted).await
}

fn is_mirror(slice: &EndpointSlice) -> bool {
    slice.labels().get(MANAGED_BY).is_some_and(|by| by == MANAGER)
}

fn is_source(endpoints: &Endpoints) -> bool {
    endpoints.metadata.deletion_timestamp.is_none()
        && endpoints.labels().get(SKIP).is_none_or(|skip| skip != "true")
        && !endpoints.annotations().contains_key(LEADER)
}

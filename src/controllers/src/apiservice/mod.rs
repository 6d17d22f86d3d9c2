//! Whether the servers behind APIServices can be asked: the condition `Available`.
//!
//! Semantics: `k8s.io/kube-aggregator/pkg/controllers/status`. The question itself goes through the API server, which alone
//! holds the identity that extension servers believe.

mod check;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::{APIService, APIServiceCondition};
use kube::Api;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::shared::error::Tolerate as _;
use crate::shared::{Ctx, Key, Queue, Result, work};
use check::Verdict;

const AVAILABLE: &str = "Available";
/// What no watch shows: a server that answers no longer, or again.
const RECHECK: Duration = Duration::from_secs(30);

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let weak = Arc::downgrade(&queue);
    ctx.api_services.on(move |old, new| {
        let Some(queue) = weak.upgrade() else { return false };
        // our own writes are no news
        let same = |new: &APIService| old.is_some_and(|old| old.spec == new.spec && old.status.is_some());
        if let Some(new) = new.filter(|new| !same(new)) {
            queue.add(Key::of(new.as_ref()));
        }
        true
    });
    let (weak, weak_ctx) = (Arc::downgrade(&queue), Arc::downgrade(&ctx));
    ctx.services.on(move |old, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        if let Some(service) = new.or(old) {
            let namespace = service.namespace().unwrap_or_default();
            tell(&ctx, &queue, &namespace, &service.name_any());
        }
        true
    });
    let (weak, weak_ctx) = (Arc::downgrade(&queue), Arc::downgrade(&ctx));
    ctx.endpoint_slices.on(move |old, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        if let Some(slice) = new.or(old)
            && let Some(service) = slice.labels().get("kubernetes.io/service-name")
        {
            tell(&ctx, &queue, &slice.namespace().unwrap_or_default(), service);
        }
        true
    });
    ctx.api_services.synced().await;
    ctx.services.synced().await;
    ctx.endpoint_slices.synced().await;
    work("apiservice", &queue, 5, |key: Key| {
        let (ctx, queue) = (ctx.clone(), queue.clone());
        async move { sync(&ctx, &queue, &key).await }
    })
    .await
}

/// Queues the APIServices that name the service.
fn tell(ctx: &Ctx, queue: &Queue<Key>, namespace: &str, name: &str) {
    for object in ctx.api_services.list() {
        let named = object.spec.as_ref().and_then(|spec| spec.service.as_ref());
        if named.is_some_and(|service| {
            service.namespace.as_deref() == Some(namespace) && service.name.as_deref() == Some(name)
        }) {
            queue.add(Key::of(object.as_ref()));
        }
    }
}

async fn sync(ctx: &Ctx, queue: &Queue<Key>, key: &Key) -> Result<()> {
    let Some(object) = ctx.api_services.get(key) else {
        return Ok(());
    };
    let remote = object.spec.as_ref().is_some_and(|spec| spec.service.is_some());
    let verdict = if remote {
        check::check(ctx, &object).await
    } else {
        Verdict::available("Local", "Local APIServices are always available")
    };
    let wanted = condition(&object, &verdict);
    let present = object
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    if !present.into_iter().any(|one| *one == wanted) {
        let api: Api<APIService> = Api::all(ctx.client.clone());
        let patch = json!({"status": {"conditions": [wanted]}});
        api.patch_status(&key.name, &PatchParams::default(), &Patch::Strategic(patch))
            .await
            .unless_gone()?;
    }
    if remote {
        queue.add_within(key.clone(), RECHECK);
    }
    verdict.retry()
}

fn condition(object: &APIService, verdict: &Verdict) -> APIServiceCondition {
    let status = if verdict.available { "True" } else { "False" };
    let old = object
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let since = old
        .into_iter()
        .find(|one| one.type_ == AVAILABLE && one.status == status)
        .and_then(|one| one.last_transition_time.clone());
    APIServiceCondition {
        type_: AVAILABLE.to_owned(),
        status: status.to_owned(),
        reason: Some(verdict.reason.to_owned()),
        message: Some(verdict.message.clone()),
        last_transition_time: Some(since.unwrap_or_else(|| Time(Timestamp::now()))),
    }
}

//! Counts what ResourceQuotas are about, and writes it into their status. Admission adds to these numbers; only counting
//! afresh takes away.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/resourcequota`.

mod count;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaStatus};
use kube::api::PostParams;
use kube::{Api, ResourceExt as _};
use machinery::quota::{ObjectKind, tracked};

use crate::shared::error::Tolerate as _;
use crate::shared::{Ctx, Key, Queue, Result, work};

/// Changes come in crowds, and each count reads all objects concerned.
const SETTLE: Duration = Duration::from_millis(200);
/// What has come loose (a pod that was never confirmed gone) is found after this long.
const AGAIN: Duration = Duration::from_mins(5);

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    let weak = Arc::downgrade(&queue);
    ctx.quotas.on(move |old, new| {
        let Some(queue) = weak.upgrade() else { return false };
        let spec = |quota: Option<&Arc<ResourceQuota>>| quota.and_then(|quota| quota.spec.clone());
        let hard = |quota: &ResourceQuota| quota.status.as_ref().and_then(|status| status.hard.clone());
        if let Some(new) = new
            && (spec(old) != spec(Some(new)) || old.is_some_and(|old| hard(old) != hard(new)))
        {
            queue.add(Key::of(new.as_ref()));
        }
        true
    });
    let (weak, weak_ctx) = (Arc::downgrade(&queue), Arc::downgrade(&ctx));
    ctx.changes.on(move |resource, key| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return;
        };
        let kind = ObjectKind {
            group: &resource.group,
            plural: &resource.plural,
        };
        for quota in ctx.quotas.in_namespace(&key.namespace) {
            let names = quota.spec.iter().flat_map(|spec| spec.hard.iter().flatten());
            // a quota's own status is written from here
            let itself = kind.plural == "resourcequotas" && quota.metadata.name.as_ref() == Some(&key.name);
            if !itself && names.into_iter().any(|(name, _)| tracked(kind, name)) {
                queue.add_after(Key::of(quota.as_ref()), SETTLE);
            }
        }
    });
    ctx.quotas.synced().await;
    work("resourcequota", &queue, 2, |key: Key| {
        let (ctx, queue) = (ctx.clone(), queue.clone());
        async move {
            if sync(&ctx, &key).await? {
                queue.add_after(key, AGAIN);
            }
            Ok(())
        }
    })
    .await
}

/// True if the quota is still there.
async fn sync(ctx: &Ctx, key: &Key) -> Result<bool> {
    let api: Api<ResourceQuota> = Api::namespaced(ctx.client.clone(), &key.namespace);
    // read before counting: a write of admission meanwhile must not be undone
    let Some(mut quota) = api.get_opt(&key.name).await? else {
        return Ok(false);
    };
    let used = count::used(&ctx.client, &quota).await?;
    let status = ResourceQuotaStatus {
        hard: quota.spec.as_ref().and_then(|spec| spec.hard.clone()),
        used: Some(used),
    };
    if quota.status.as_ref() != Some(&status) {
        quota.status = Some(status);
        api.replace_status(&quota.name_any(), &PostParams::default(), &quota)
            .await
            .unless_gone()?;
    }
    Ok(true)
}

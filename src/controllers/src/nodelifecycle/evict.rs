//! Pods leave nodes with `NoExecute` taints that they tolerate not, or no longer.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod, Taint, Toleration};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::shared::error::Tolerate as _;
use crate::shared::record::Events;
use crate::shared::{Ctx, Result, pods};

fn no_execute(node: &Node) -> Vec<Taint> {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    taints.filter(|taint| taint.effect == "NoExecute").cloned().collect()
}

pub(super) fn is_tainted(node: &Node) -> bool {
    !no_execute(node).is_empty()
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (effect, key) = (text(&toleration.effect), text(&toleration.key));
    let same = (effect.is_empty() || effect == taint.effect) && (key.is_empty() || key == taint.key);
    let exists = toleration.operator.as_deref() == Some("Exists");
    same && (exists || text(&toleration.value) == text(&taint.value))
}

/// Seconds that a pod may stay: none if for ever, zero if it must go now.
pub(super) fn stay(tolerations: &[Toleration], taints: &[Taint], now: Timestamp) -> Option<i64> {
    let mut least: Option<i64> = None;
    for taint in taints {
        let mut matching = tolerations
            .iter()
            .filter(|toleration| tolerates(toleration, taint))
            .peekable();
        if matching.peek().is_none() {
            return Some(0);
        }
        // Of several tolerations, each with a time, the shortest counts.
        let seconds = matching.filter_map(|toleration| toleration.toleration_seconds).min();
        if let Some(seconds) = seconds {
            let since = taint.time_added.as_ref().map_or(now, |time| time.0);
            let left = (seconds - now.duration_since(since).as_secs()).max(0);
            least = Some(least.map_or(left, |least| least.min(left)));
        }
    }
    least
}

fn on_node(ctx: &Ctx, name: &str) -> Vec<Arc<Pod>> {
    let here = |pod: &Arc<Pod>| pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(name);
    ctx.pods.list().into_iter().filter(here).collect()
}

/// Deletes pods that must go; returns when the next one must.
pub(super) async fn evict(ctx: &Ctx, events: &Events, node: &Node, now: Timestamp) -> Result<Option<Duration>> {
    let taints = no_execute(node);
    if taints.is_empty() {
        return Ok(None);
    }
    let mut next: Option<Duration> = None;
    for pod in on_node(ctx, &node.name_any()) {
        if pods::is_terminating(&pod) {
            continue;
        }
        let tolerations = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.tolerations.clone())
            .unwrap_or_default();
        match stay(&tolerations, &taints, now) {
            None => {}
            Some(0) => {
                let name = pod.name_any();
                let namespace = pod.namespace().unwrap_or_default();
                events
                    .normal(
                        pod.as_ref(),
                        "TaintManagerEviction",
                        format!("Marking for deletion Pod {namespace}/{name}"),
                    )
                    .await;
                let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &namespace);
                api.delete(&name, &DeleteParams::default()).await.unless_gone()?;
            }
            Some(left) => {
                let left = Duration::from_secs(u64::try_from(left).unwrap_or_default());
                next = Some(next.map_or(left, |next| next.min(left)));
            }
        }
    }
    Ok(next)
}

/// Pods of a node that is not ready are not ready either: services stop sending to them.
pub(super) async fn mark_not_ready(ctx: &Ctx, name: &str) -> Result<()> {
    for pod in on_node(ctx, name).into_iter().filter(|pod| pods::is_ready(pod)) {
        let condition = json!({"type": "Ready", "status": "False", "lastTransitionTime":
            machinery::decode::format_time(Timestamp::now())});
        let patch = Patch::Strategic(json!({"status": {"conditions": [condition]}}));
        let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &pod.namespace().unwrap_or_default());
        api.patch_status(&pod.name_any(), &PatchParams::default(), &patch)
            .await
            .unless_gone()?;
    }
    Ok(())
}

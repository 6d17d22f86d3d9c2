//! Pods that were to be disrupted and were not: after a while they say so no more, lest a later end is put down to it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::shared::error::Tolerate as _;
use crate::shared::{Ctx, Key, Queue, Result, pods, work};

/// Seconds in which a disruption leads to a deletion.
const FORGET: i64 = 120;
const TARGET: &str = "DisruptionTarget";

pub(super) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    ctx.pods.feed_with(&queue, |_, new| {
        let pod = new.filter(|pod| left(pod, Timestamp::now()).is_some())?;
        Some(Key::of(pod.as_ref()))
    });
    work("stale-pod-disruption", &queue, 1, |key: Key| {
        let (ctx, queue) = (ctx.clone(), queue.clone());
        async move {
            let Some(pod) = ctx.pods.get(&key) else { return Ok(()) };
            match left(&pod, Timestamp::now()) {
                None => Ok(()),
                Some(0) => take_back(&ctx, &pod).await,
                Some(left) => {
                    queue.add_after(key, Duration::from_secs(left));
                    Ok(())
                }
            }
        }
    })
    .await
}

/// Seconds until the pod's disruption is a matter of the past; none if it is to be disrupted by nobody else.
fn left(pod: &Pod, now: Timestamp) -> Option<u64> {
    let condition = pods::condition(pod, TARGET).filter(|condition| condition.status == "True")?;
    // a kubelet may take its time
    let by_kubelet = condition.reason.as_deref() == Some("TerminationByKubelet");
    if by_kubelet || pods::is_terminating(pod) || pods::is_finished(pod) {
        return None;
    }
    let since = condition.last_transition_time.as_ref().map_or(now, |time| time.0);
    let left = FORGET - now.duration_since(since).as_secs();
    Some(u64::try_from(left).unwrap_or_default())
}

async fn take_back(ctx: &Ctx, pod: &Pod) -> Result<()> {
    let condition = json!({"type": TARGET, "status": "False", "reason": null, "message": null,
        "observedGeneration": pod.metadata.generation,
        "lastTransitionTime": machinery::decode::format_time(Timestamp::now())});
    let version = pod.resource_version();
    let patch =
        json!({"metadata": {"uid": pod.uid(), "resourceVersion": version}, "status": {"conditions": [condition]}});
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &pod.namespace().unwrap_or_default());
    api.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .unless_gone()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_disruption_is_forgotten_unless_the_pod_goes() {
        let now = Timestamp::now();
        let of = |seconds: i64, reason: &str, more: Value| {
            let since = now - jiff::SignedDuration::from_secs(seconds);
            let condition =
                json!({"type": TARGET, "status": "True", "reason": reason, "lastTransitionTime": since.to_string()});
            let mut pod = json!({"metadata": {}, "status": {"conditions": [condition]}});
            pod["metadata"]["deletionTimestamp"] = more;
            left(&serde_json::from_value(pod).expect("pod"), now)
        };
        assert_eq!(of(100, "EvictionByEvictionAPI", Value::Null), Some(20));
        assert_eq!(of(200, "EvictionByEvictionAPI", Value::Null), Some(0));
        assert_eq!(of(200, "TerminationByKubelet", Value::Null), None);
        assert_eq!(of(200, "EvictionByEvictionAPI", json!(now.to_string())), None);
    }
}

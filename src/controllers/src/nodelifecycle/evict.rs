//! Pods leave nodes with `NoExecute` taints that they tolerate not, or no longer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod, Taint, Toleration};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::shared::error::{Tolerate as _, code};
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

/// How long a pod may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stay {
    Forever,
    Seconds(i64),
    NotAtAll,
}

/// How long the taints let the pod stay from when it was first seen with them. Of several tolerations of one taint the
/// first counts, as upstream has it.
pub(super) fn stay(tolerations: &[Toleration], taints: &[Taint]) -> Stay {
    let mut least: Option<i64> = None;
    for taint in taints {
        let mut fitting = tolerations.iter().filter(|toleration| tolerates(toleration, taint));
        let Some(first) = fitting.next() else {
            return Stay::NotAtAll;
        };
        if let Some(seconds) = first.toleration_seconds {
            least = Some(least.map_or(seconds, |least| least.min(seconds)));
        }
    }
    match least {
        None => Stay::Forever,
        Some(seconds) if seconds <= 0 => Stay::NotAtAll,
        Some(seconds) => Stay::Seconds(seconds),
    }
}

/// Pods that have to go some time, by UID, and since when that is known.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<HashMap<String, Since>>);

#[derive(Debug)]
struct Since {
    node: String,
    at: Timestamp,
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Since>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when the pod's time runs.
    fn since(&self, pod: &Pod, node: &str, taints: &[Taint], now: Timestamp) -> Timestamp {
        // a taint that says when it came lets the time run on if this controller is started anew
        let tainted = taints
            .iter()
            .filter_map(|taint| taint.time_added.as_ref())
            .map(|time| time.0);
        let created = pod.creation_timestamp().map(|time| time.0);
        let first = tainted
            .max()
            .map_or(now, |tainted| created.map_or(tainted, |created| tainted.max(created)));
        let since = || Since {
            node: node.to_owned(),
            at: first.min(now),
        };
        self.lock()
            .entry(pod.uid().unwrap_or_default())
            .or_insert_with(since)
            .at
    }

    /// The pod may stay; true if it was to go.
    fn cancel(&self, pod: &Pod) -> bool {
        self.lock().remove(&pod.uid().unwrap_or_default()).is_some()
    }

    /// Forgets a node that is gone.
    pub(super) fn forget(&self, node: &str) {
        self.lock().retain(|_, since| since.node != node);
    }

    /// Forgets pods of the node that are gone.
    fn keep_only(&self, node: &str, here: &[Arc<Pod>]) {
        let known = |uid: &String| here.iter().any(|pod| pod.uid().as_ref() == Some(uid));
        self.lock().retain(|uid, since| since.node != node || known(uid));
    }
}

fn on_node(ctx: &Ctx, name: &str) -> Vec<Arc<Pod>> {
    let here = |pod: &Arc<Pod>| pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(name);
    ctx.pods.list().into_iter().filter(here).collect()
}

/// Deletes pods that must go; returns when the next one must.
pub(super) async fn evict(
    ctx: &Ctx,
    events: &Events,
    pending: &Pending,
    node: &Node,
    now: Timestamp,
) -> Result<Option<Duration>> {
    let (taints, name) = (no_execute(node), node.name_any());
    if taints.is_empty() && !pending.lock().values().any(|since| since.node == name) {
        return Ok(None);
    }
    let here = on_node(ctx, &name);
    pending.keep_only(&name, &here);
    let mut next: Option<Duration> = None;
    let mut failed = None;
    for pod in here.iter().filter(|pod| !pods::is_terminating(pod)) {
        let tolerations = pod.spec.as_ref().and_then(|spec| spec.tolerations.as_deref());
        let left = match stay(tolerations.unwrap_or_default(), &taints) {
            Stay::NotAtAll => 0,
            Stay::Seconds(seconds) => {
                let since = pending.since(pod, &name, &taints, now);
                (seconds - now.duration_since(since).as_secs()).max(0)
            }
            Stay::Forever => {
                if pending.cancel(pod) {
                    say(events, pod, "Cancelling deletion of").await;
                }
                continue;
            }
        };
        if left == 0 {
            match delete(ctx, events, pod).await {
                Ok(()) => drop(pending.cancel(pod)),
                // the others may well be able to go
                Err(error) => failed = Some(error),
            }
        } else {
            let left = Duration::from_secs(u64::try_from(left).unwrap_or_default());
            next = Some(next.map_or(left, |next| next.min(left)));
        }
    }
    failed.map_or(Ok(next), Err)
}

async fn say(events: &Events, pod: &Pod, what: &str) {
    let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
    let note = format!("{what} Pod {namespace}/{name}");
    events.normal(pod, "TaintManagerEviction", note).await;
}

/// The pod is told why it goes, so that a job does not count it as a failure.
async fn delete(ctx: &Ctx, events: &Events, pod: &Pod) -> Result<()> {
    say(events, pod, "Marking for deletion").await;
    let (name, namespace) = (pod.name_any(), pod.namespace().unwrap_or_default());
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &namespace);
    let told = pods::condition(pod, "DisruptionTarget").is_some_and(|condition| condition.status == "True");
    if !told {
        let condition = json!({"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint", "observedGeneration": pod.metadata.generation,
            "lastTransitionTime": machinery::decode::format_time(Timestamp::now())});
        let patch = Patch::Strategic(json!({"metadata": {"uid": pod.uid()}, "status": {"conditions": [condition]}}));
        match api.patch_status(&name, &PatchParams::default(), &patch).await {
            // another pod of that name, or none
            Err(error) if matches!(code(&error), 404 | 409) => return Ok(()),
            told => drop(told?),
        }
    }
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: pod.uid(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    api.delete(&name, &params).await.unless_gone()?;
    Ok(())
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

//! How many pods of a PodDisruptionBudget may be evicted now.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/disruption`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::PostParams;
use kube::{Api, ResourceExt as _};
use machinery::selector::LabelSelector;

use crate::deployment::scaled;
use crate::shared::error::Tolerate as _;
use crate::shared::owner::{controller_of, selector};
use crate::shared::{Ctx, Key, Queue, Result, pods, work};

/// An eviction that did not lead to a deletion is forgotten after this long.
const FORGET: i64 = 120;

/// Runs the controller.
pub(crate) async fn run(ctx: Arc<Ctx>) -> Result<()> {
    let queue = Queue::new();
    ctx.budgets.feed(&queue);
    let (weak, weak_ctx) = (Arc::downgrade(&queue), Arc::downgrade(&ctx));
    ctx.pods.on(move |old, new| {
        let (Some(queue), Some(ctx)) = (weak.upgrade(), weak_ctx.upgrade()) else {
            return false;
        };
        let namespace = new.or(old).and_then(|pod| pod.namespace()).unwrap_or_default();
        for budget in ctx.budgets.in_namespace(&namespace) {
            let Some(wanted) = wanted(&budget) else { continue };
            if [old, new].into_iter().flatten().any(|pod| wanted.matches(pod.labels())) {
                queue.add(Key::of(budget.as_ref()));
            }
        }
        true
    });
    ctx.budgets.synced().await;
    ctx.pods.synced().await;
    ctx.replica_sets.synced().await;
    ctx.deployments.synced().await;
    ctx.stateful_sets.synced().await;
    work("disruption", &queue, 2, |key: Key| {
        let (ctx, queue) = (ctx.clone(), queue.clone());
        async move {
            if let Some(wait) = sync(&ctx, &key).await? {
                queue.add_after(key, wait);
            }
            Ok(())
        }
    })
    .await
}

fn wanted(budget: &PodDisruptionBudget) -> Option<LabelSelector> {
    selector(budget.spec.as_ref()?.selector.as_ref()?).ok()
}

async fn sync(ctx: &Ctx, key: &Key) -> Result<Option<Duration>> {
    let Some(budget) = ctx.budgets.get(key) else {
        return Ok(None);
    };
    let all = ctx.pods.in_namespace(&key.namespace);
    let wanted = wanted(&budget);
    let selected: Vec<Arc<Pod>> = all
        .into_iter()
        .filter(|pod| wanted.as_ref().is_some_and(|wanted| wanted.matches(pod.labels())))
        .collect();
    let now = Timestamp::now();
    let disrupted = still_disrupted(&budget, &selected, now);
    let scale = expected_scale(ctx, &key.namespace, &selected);
    let status = status(&budget, &selected, scale, disrupted, now);
    let wait =
        (status.disrupted_pods.is_some()).then_some(Duration::from_secs(u64::try_from(FORGET).unwrap_or_default()));
    if budget.status.as_ref() != Some(&status) {
        let mut new = budget.as_ref().clone();
        new.status = Some(status);
        let api: Api<PodDisruptionBudget> = Api::namespaced(ctx.client.clone(), &key.namespace);
        api.replace_status(&key.name, &PostParams::default(), &new)
            .await
            .unless_gone()?;
    }
    Ok(wait)
}

/// Pods whose eviction was granted and that are not on their way out yet.
fn still_disrupted(budget: &PodDisruptionBudget, selected: &[Arc<Pod>], now: Timestamp) -> BTreeMap<String, Time> {
    let known = budget
        .status
        .as_ref()
        .and_then(|status| status.disrupted_pods.clone())
        .unwrap_or_default();
    let open = |name: &String, time: &Time| {
        let live = selected
            .iter()
            .any(|pod| pod.name_any() == *name && !pods::is_terminating(pod));
        live && now.duration_since(time.0).as_secs() < FORGET
    };
    known.into_iter().filter(|(name, time)| open(name, time)).collect()
}

/// Pods that the controllers of these pods want together; none if one has no controller that scales.
fn expected_scale(ctx: &Ctx, namespace: &str, selected: &[Arc<Pod>]) -> Option<i32> {
    let mut scales: BTreeMap<String, i32> = BTreeMap::new();
    for pod in selected {
        let owner = controller_of(&pod.metadata)?;
        if scales.contains_key(&owner.uid) {
            continue;
        }
        let key = Key::new(namespace, &*owner.name);
        let (uid, scale) = match owner.kind.as_str() {
            "ReplicaSet" => {
                let set = ctx.replica_sets.get(&key)?;
                let parent = controller_of(&set.metadata).filter(|parent| parent.kind == "Deployment");
                let deployment = parent.and_then(|parent| ctx.deployments.get(&Key::new(namespace, &*parent.name)));
                match deployment {
                    Some(deployment) => (deployment.uid(), deployment.spec.as_ref()?.replicas.unwrap_or(1)),
                    None => (set.uid(), set.spec.as_ref()?.replicas.unwrap_or(1)),
                }
            }
            "StatefulSet" => {
                let set = ctx.stateful_sets.get(&key)?;
                (set.uid(), set.spec.as_ref()?.replicas.unwrap_or(1))
            }
            _ => return None,
        };
        scales.insert(uid.unwrap_or_default(), scale);
    }
    Some(scales.values().sum())
}

fn status(
    budget: &PodDisruptionBudget,
    selected: &[Arc<Pod>],
    scale: Option<i32>,
    disrupted: BTreeMap<String, Time>,
    now: Timestamp,
) -> PodDisruptionBudgetStatus {
    let spec = budget.spec.clone().unwrap_or_default();
    let count = i32::try_from(selected.len()).unwrap_or(i32::MAX);
    let (expected, desired, failed) = match (&spec.max_unavailable, &spec.min_available) {
        (Some(max), _) => match scale {
            Some(scale) => (scale, (scale - scaled(max, scale, true)).max(0), false),
            None => (count, count, true),
        },
        (None, Some(IntOrString::Int(min))) => (count, *min, false),
        (None, Some(percent)) => match scale {
            Some(scale) => (scale, scaled(percent, scale, true), false),
            None => (count, count, true),
        },
        (None, None) => (count, 0, false),
    };
    let is_healthy =
        |pod: &&Arc<Pod>| pods::is_ready(pod) && !pods::is_terminating(pod) && !disrupted.contains_key(&pod.name_any());
    let healthy = i32::try_from(selected.iter().filter(is_healthy).count()).unwrap_or(i32::MAX);
    let allowed = if failed || expected <= 0 {
        0
    } else {
        (healthy - desired).max(0)
    };
    let old = budget.status.clone().unwrap_or_default();
    let (answer, reason) = match (failed, allowed > 0) {
        (true, _) => ("False", "SyncFailed"),
        (false, true) => ("True", "SufficientPods"),
        (false, false) => ("False", "InsufficientPods"),
    };
    let mut conditions = old.conditions.unwrap_or_default();
    let same = |c: &Condition| c.type_ == "DisruptionAllowed" && c.status == answer && c.reason == reason;
    if !conditions.iter().any(same) {
        conditions.retain(|condition| condition.type_ != "DisruptionAllowed");
        conditions.push(Condition {
            type_: "DisruptionAllowed".to_owned(),
            status: answer.to_owned(),
            reason: reason.to_owned(),
            message: String::new(),
            last_transition_time: Time(now),
            observed_generation: budget.metadata.generation,
        });
    }
    PodDisruptionBudgetStatus {
        current_healthy: Some(healthy),
        desired_healthy: Some(desired),
        disruptions_allowed: Some(allowed),
        expected_pods: Some(expected),
        disrupted_pods: (!disrupted.is_empty()).then_some(disrupted),
        observed_generation: budget.metadata.generation,
        conditions: Some(conditions),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn allowed(spec: Value, ready: usize, scale: Option<i32>) -> i32 {
        let budget: PodDisruptionBudget =
            serde_json::from_value(json!({"metadata": {"name": "b"}, "spec": spec})).expect("budget");
        let pod = |i: usize| {
            let answer = if i < ready { "True" } else { "False" };
            let object = json!({"metadata": {"name": format!("p{i}")}, "status": {"conditions": [{"type": "Ready", "status": answer}]}});
            Arc::new(serde_json::from_value::<Pod>(object).expect("pod"))
        };
        let pods: Vec<_> = (0..4).map(pod).collect();
        status(&budget, &pods, scale, BTreeMap::new(), Timestamp::now())
            .disruptions_allowed
            .unwrap_or_default()
    }

    #[test]
    fn budgets_count_healthy_pods() {
        assert_eq!(allowed(json!({"minAvailable": 3}), 4, None), 1);
        assert_eq!(allowed(json!({"minAvailable": 3}), 3, None), 0);
        assert_eq!(allowed(json!({"minAvailable": "50%"}), 4, Some(4)), 2);
        assert_eq!(allowed(json!({"maxUnavailable": 1}), 4, Some(4)), 1);
        assert_eq!(allowed(json!({"maxUnavailable": "50%"}), 3, Some(4)), 1);
        assert_eq!(
            allowed(json!({"maxUnavailable": 1}), 4, None),
            0,
            "pods without a controller have no scale"
        );
    }
}

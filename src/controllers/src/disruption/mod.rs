//! How many pods of a PodDisruptionBudget may be evicted now.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/disruption`.

mod scale;
mod stale;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::PostParams;
use kube::{Api, ResourceExt as _};
use machinery::selector::LabelSelector;

use crate::deployment::scaled;
use crate::shared::error::Tolerate as _;
use crate::shared::owner::selector;
use crate::shared::record::Events;
use crate::shared::{Ctx, Error, Key, Queue, Result, pods, work};

use scale::Scale;

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
    ctx.replication_controllers.synced().await;
    let events = Events::new(ctx.client.clone(), "controllermanager");
    let budgets = work("disruption", &queue, 2, |key: Key| {
        let (ctx, events, queue) = (ctx.clone(), events.clone(), queue.clone());
        async move {
            if let Some(wait) = sync(&ctx, &events, &key).await? {
                queue.add_after(key, wait);
            }
            Ok(())
        }
    });
    let stale = stale::run(ctx.clone());
    tokio::try_join!(budgets, stale).map(drop)
}

fn wanted(budget: &PodDisruptionBudget) -> Option<LabelSelector> {
    selector(budget.spec.as_ref()?.selector.as_ref()?).ok()
}

async fn sync(ctx: &Ctx, events: &Events, key: &Key) -> Result<Option<Duration>> {
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
    let spec = budget.spec.clone().unwrap_or_default();
    let matching = i32::try_from(selected.len()).unwrap_or(i32::MAX);
    let scale = if needs_scale(&spec) {
        scale::of(ctx, &key.namespace, &selected).await
    } else {
        Ok(Scale::default())
    };
    match &scale {
        Ok(scale) if !scale.unmanaged.is_empty() => {
            let note = format!(
                "no controller says how many there should be of the pods {}, which this budget selects: they do not count; \
                 to account for them, give .spec.minAvailable as a number",
                scale.unmanaged.join(", ")
            );
            events.warning(budget.as_ref(), "UnmanagedPods", note).await;
        }
        Ok(_) => {}
        Err(error) => {
            let note = format!("Failed to calculate the number of expected pods: {error}");
            events
                .warning(budget.as_ref(), "CalculateExpectedPodCountFailed", note)
                .await;
        }
    }
    let expected = scale.as_ref().map(|scale| expectation(&spec, matching, scale.replicas));
    let status = status(&budget, &selected, expected, disrupted, now);
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

/// What a budget is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Expectation {
    /// Pods that there should be.
    pods: i32,
    /// How many of them have to be well.
    healthy: i32,
}

/// True if it matters how many pods their controllers want.
fn needs_scale(spec: &PodDisruptionBudgetSpec) -> bool {
    spec.max_unavailable.is_some() || matches!(spec.min_available, Some(IntOrString::String(_)))
}

/// With so many pods that match, and so many that their controllers want.
fn expectation(spec: &PodDisruptionBudgetSpec, matching: i32, scale: i32) -> Expectation {
    let (pods, healthy) = match (&spec.max_unavailable, &spec.min_available) {
        (Some(most), _) => (scale, (scale - scaled(most, scale, true)).max(0)),
        (None, Some(IntOrString::Int(least))) => (matching, *least),
        (None, Some(least)) => (scale, scaled(least, scale, true)),
        (None, None) => (0, 0),
    };
    Expectation { pods, healthy }
}

/// With an error nothing may be evicted; the rest stays as it was.
fn status(
    budget: &PodDisruptionBudget,
    selected: &[Arc<Pod>],
    expected: Result<Expectation, &Error>,
    disrupted: BTreeMap<String, Time>,
    now: Timestamp,
) -> PodDisruptionBudgetStatus {
    let old = budget.status.clone().unwrap_or_default();
    let expected = match expected {
        Ok(expected) => expected,
        Err(error) => {
            let conditions = with_condition(budget, "False", "SyncFailed", error.to_string(), now);
            return PodDisruptionBudgetStatus {
                disruptions_allowed: Some(0),
                current_healthy: old.current_healthy.or(Some(0)),
                desired_healthy: old.desired_healthy.or(Some(0)),
                expected_pods: old.expected_pods.or(Some(0)),
                conditions: Some(conditions),
                ..old
            };
        }
    };
    let is_healthy =
        |pod: &&Arc<Pod>| pods::is_ready(pod) && !pods::is_terminating(pod) && !disrupted.contains_key(&pod.name_any());
    let healthy = i32::try_from(selected.iter().filter(is_healthy).count()).unwrap_or(i32::MAX);
    let allowed = match expected.pods {
        ..=0 => 0,
        _ => (healthy - expected.healthy).max(0),
    };
    let (answer, reason) = match allowed {
        0 => ("False", "InsufficientPods"),
        _ => ("True", "SufficientPods"),
    };
    PodDisruptionBudgetStatus {
        current_healthy: Some(healthy),
        desired_healthy: Some(expected.healthy),
        disruptions_allowed: Some(allowed),
        expected_pods: Some(expected.pods),
        disrupted_pods: (!disrupted.is_empty()).then_some(disrupted),
        observed_generation: budget.metadata.generation,
        conditions: Some(with_condition(budget, answer, reason, String::new(), now)),
    }
}

fn with_condition(
    budget: &PodDisruptionBudget,
    answer: &str,
    reason: &str,
    message: String,
    now: Timestamp,
) -> Vec<Condition> {
    let old = budget.status.as_ref().and_then(|status| status.conditions.clone());
    let mut conditions = old.unwrap_or_default();
    let known = conditions
        .iter()
        .find(|condition| condition.type_ == "DisruptionAllowed");
    let since = known
        .filter(|known| known.status == answer)
        .map(|known| known.last_transition_time.clone());
    conditions.retain(|condition| condition.type_ != "DisruptionAllowed");
    conditions.push(Condition {
        type_: "DisruptionAllowed".to_owned(),
        status: answer.to_owned(),
        reason: reason.to_owned(),
        message,
        last_transition_time: since.unwrap_or(Time(now)),
        observed_generation: budget.metadata.generation,
    });
    conditions
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn budget(spec: Value) -> PodDisruptionBudget {
        serde_json::from_value(json!({"metadata": {"name": "b"}, "spec": spec})).expect("budget")
    }

    fn pods(ready: usize) -> Vec<Arc<Pod>> {
        let pod = |i: usize| {
            let answer = if i < ready { "True" } else { "False" };
            let object = json!({"metadata": {"name": format!("p{i}")}, "status": {"conditions": [{"type": "Ready", "status": answer}]}});
            Arc::new(serde_json::from_value::<Pod>(object).expect("pod"))
        };
        (0..4).map(pod).collect()
    }

    fn allowed(spec: Value, ready: usize, scale: i32) -> i32 {
        let (budget, pods) = (budget(spec), pods(ready));
        let expected = expectation(budget.spec.as_ref().expect("spec"), 4, scale);
        let status = status(&budget, &pods, Ok(expected), BTreeMap::new(), Timestamp::now());
        status.disruptions_allowed.unwrap_or_default()
    }

    #[test]
    fn budgets_count_healthy_pods() {
        assert_eq!(allowed(json!({"minAvailable": 3}), 4, 0), 1);
        assert_eq!(allowed(json!({"minAvailable": 3}), 3, 0), 0);
        assert_eq!(allowed(json!({"minAvailable": "50%"}), 4, 4), 2);
        assert_eq!(allowed(json!({"maxUnavailable": 1}), 4, 4), 1);
        assert_eq!(allowed(json!({"maxUnavailable": "50%"}), 3, 4), 1);
        assert_eq!(
            allowed(json!({"maxUnavailable": 1}), 4, 3),
            2,
            "a pod that nobody manages is one more"
        );
        assert_eq!(
            allowed(json!({"maxUnavailable": 1}), 4, 0),
            0,
            "of unmanaged pods none is expected"
        );
    }

    #[test]
    fn without_a_scale_nothing_is_allowed_and_it_is_said_why() {
        let mut budget = budget(json!({"maxUnavailable": 1}));
        let known = json!({"currentHealthy": 4, "desiredHealthy": 3, "disruptionsAllowed": 1, "expectedPods": 4});
        budget.status = serde_json::from_value(known).expect("status");
        let error = Error::Again("jobs.batch does not implement the scale subresource".to_owned());
        let status = status(&budget, &pods(4), Err(&error), BTreeMap::new(), Timestamp::now());
        assert_eq!((status.disruptions_allowed, status.current_healthy), (Some(0), Some(4)));
        let condition = &status.conditions.expect("conditions")[0];
        assert_eq!((&*condition.status, &*condition.reason), ("False", "SyncFailed"));
        assert_eq!(condition.message, error.to_string());
    }
}

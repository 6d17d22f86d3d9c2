//! What controllers ask of pods, and making and deleting them.

use std::cmp::Reverse;
use std::future::Future;
use std::sync::Arc;

use futures::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodCondition, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::Result;

/// Annotation by which users say which pod to delete first.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

pub(crate) fn phase(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or_default()
}

pub(crate) fn is_finished(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

pub(crate) fn is_terminating(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some()
}

/// When the last of the pod's containers ended.
pub(crate) fn finished_at(pod: &Pod) -> Option<Timestamp> {
    let statuses = pod
        .status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten());
    let ends = statuses.filter_map(|status| status.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref());
    ends.map(|end| end.0).max()
}

/// Neither finished nor being deleted.
pub(crate) fn is_active(pod: &Pod) -> bool {
    !is_finished(pod) && !is_terminating(pod)
}

pub(crate) fn condition<'a>(pod: &'a Pod, ty: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == ty)
}

pub(crate) fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|condition| condition.status == "True")
}

pub(crate) fn ready_since(pod: &Pod) -> Option<Timestamp> {
    let ready = condition(pod, "Ready").filter(|condition| condition.status == "True")?;
    ready.last_transition_time.as_ref().map(|time| time.0)
}

/// Ready for at least `min_ready` seconds.
pub(crate) fn is_available(pod: &Pod, min_ready: i32, now: Timestamp) -> bool {
    let long = |since: Timestamp| now.duration_since(since).as_secs() >= i64::from(min_ready);
    is_ready(pod) && (min_ready <= 0 || ready_since(pod).is_some_and(long))
}

/// Whether the pod's labels are the set's, or an owner's selector fits, is asked elsewhere; this is the pod of a template.
pub(crate) fn from_template(template: &PodTemplateSpec, namespace: &str, prefix: &str, owner: OwnerReference) -> Pod {
    let meta = template.metadata.clone().unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            generate_name: Some(format!("{prefix}-")),
            namespace: Some(namespace.to_owned()),
            labels: meta.labels,
            annotations: meta.annotations,
            finalizers: meta.finalizers,
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        status: None,
    }
}

/// Sorts so that those to delete first come first; `related` counts pods of all sets of the same owner by node.
pub(crate) fn by_deletion_order(pods: &mut [Arc<Pod>], related: &dyn Fn(&str) -> usize) {
    pods.sort_by_cached_key(|pod| {
        let node = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.node_name.as_deref())
            .unwrap_or_default();
        let rank = match phase(pod) {
            "Pending" | "" => 0,
            "Running" => 2,
            _ => 1,
        };
        let annotations = pod.metadata.annotations.as_ref();
        let cost = annotations
            .and_then(|all| all.get(DELETION_COST)?.parse::<i32>().ok())
            .unwrap_or_default();
        let restarts = pod
            .status
            .iter()
            .flat_map(|status| status.container_statuses.iter().flatten());
        let restarts = restarts.map(|status| status.restart_count).max().unwrap_or_default();
        (
            !node.is_empty(),
            rank,
            is_ready(pod),
            cost,
            Reverse(related(node)),
            // Not ready: no time, first. Ready: the younger first.
            Reverse(ready_since(pod)),
            Reverse(restarts),
            Reverse(pod.metadata.creation_timestamp.as_ref().map(|time| time.0)),
        )
    });
}

/// Does `count` things in batches that double while all go well; returns how many did, and the first error.
pub(crate) async fn slow_start<F, Fut>(count: usize, act: F) -> (usize, Result<()>)
where
    F: Fn(usize) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let (mut done, mut batch) = (0, 1);
    while done < count {
        let size = batch.min(count - done);
        let results: Vec<Result<()>> = futures::stream::iter(done..done + size)
            .map(&act)
            .buffer_unordered(size)
            .collect()
            .await;
        done += results.iter().filter(|result| result.is_ok()).count();
        if let Some(error) = results.into_iter().find_map(Result::err) {
            return (done, Err(error));
        }
        batch *= 2;
    }
    (done, Ok(()))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{PodSpec, PodStatus};

    use super::*;

    fn pod(name: &str, node: &str, phase: &str, ready: bool) -> Arc<Pod> {
        let condition = PodCondition {
            type_: "Ready".to_owned(),
            status: if ready { "True" } else { "False" }.to_owned(),
            ..PodCondition::default()
        };
        let status = PodStatus {
            phase: Some(phase.to_owned()),
            conditions: Some(vec![condition]),
            ..PodStatus::default()
        };
        let node_name = (!node.is_empty()).then(|| node.to_owned());
        Arc::new(Pod {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            spec: Some(PodSpec {
                node_name,
                ..PodSpec::default()
            }),
            status: Some(status),
        })
    }

    #[test]
    fn the_least_useful_pod_goes_first() {
        let mut pods = vec![
            pod("ready", "n", "Running", true),
            pod("unready", "n", "Running", false),
            pod("pending", "n", "Pending", false),
            pod("unassigned", "", "Pending", false),
            pod("crowded", "m", "Running", true),
        ];
        by_deletion_order(&mut pods, &|node| if node == "m" { 5 } else { 1 });
        let names: Vec<_> = pods.iter().filter_map(|pod| pod.metadata.name.as_deref()).collect();
        assert_eq!(names, ["unassigned", "pending", "unready", "crowded", "ready"]);
    }

    #[tokio::test]
    async fn batches_stop_at_the_first_error() {
        let (done, result) = slow_start(100, |i| async move {
            if i < 5 {
                Ok(())
            } else {
                Err(super::super::Error::Again("no".to_owned()))
            }
        })
        .await;
        assert_eq!(done, 5);
        assert!(result.is_err());
    }
}

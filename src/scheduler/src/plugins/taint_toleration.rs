//! TaintToleration: taints repel pods that do not tolerate them.

use k8s_openapi::api::core::v1::Taint;

use super::Refusal;
use crate::cache::NodeInfo;
use crate::pod::PodInfo;

/// True if a toleration of the pod covers the taint.
pub(super) fn tolerates(pod: &PodInfo, key: &str, value: &str, effect: &str) -> bool {
    pod.tolerations.iter().any(|toleration| {
        let own_effect = toleration.effect.as_deref().unwrap_or_default();
        let own_key = toleration.key.as_deref().unwrap_or_default();
        let own_value = toleration.value.as_deref().unwrap_or_default();
        if !own_effect.is_empty() && own_effect != effect {
            return false;
        }
        match toleration.operator.as_deref().unwrap_or("Equal") {
            "Exists" => own_key.is_empty() || own_key == key,
            "" | "Equal" => own_key == key && own_value == value,
            _ => false,
        }
    })
}

/// The first taint that keeps the pod from the node.
pub(super) fn untolerated<'a>(pod: &PodInfo, node: &'a NodeInfo) -> Option<&'a Taint> {
    let hard = |taint: &&Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    let kept = |taint: &&Taint| {
        let value = taint.value.as_deref().unwrap_or_default();
        !tolerates(pod, &taint.key, value, &taint.effect)
    };
    node.taints.iter().filter(hard).find(kept)
}

pub(super) fn filter(pod: &PodInfo, node: &NodeInfo) -> Option<Refusal> {
    let taint = untolerated(pod, node)?;
    let value = taint.value.as_deref().unwrap_or_default();
    let reason = format!("node(s) had untolerated taint(s) {{{}: {value}}}", taint.key);
    Some(Refusal::hopeless(reason))
}

/// Soft taints that the pod does not tolerate.
pub(super) fn score(pod: &PodInfo, node: &NodeInfo) -> i64 {
    let soft = node.taints.iter().filter(|taint| taint.effect == "PreferNoSchedule");
    soft.filter(|taint| {
        !tolerates(
            pod,
            &taint.key,
            taint.value.as_deref().unwrap_or_default(),
            &taint.effect,
        )
    })
    .count() as i64
}

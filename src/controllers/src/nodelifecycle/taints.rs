//! Taints by condition. Pure.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::zones::Brake;

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Condition, its status, the taint that it means, its effect.
const BY_CONDITION: &[(&str, &str, &str, &str)] = &[
    ("Ready", "False", NOT_READY, "NoSchedule"),
    ("Ready", "False", NOT_READY, "NoExecute"),
    ("Ready", "Unknown", UNREACHABLE, "NoSchedule"),
    ("Ready", "Unknown", UNREACHABLE, "NoExecute"),
    (
        "MemoryPressure",
        "True",
        "node.kubernetes.io/memory-pressure",
        "NoSchedule",
    ),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure", "NoSchedule"),
    (
        "NetworkUnavailable",
        "True",
        "node.kubernetes.io/network-unavailable",
        "NoSchedule",
    ),
];
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

fn status<'a>(node: &'a Node, ty: &str) -> Option<&'a str> {
    let conditions = node.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .find(|condition| condition.type_ == ty)
        .map(|condition| condition.status.as_str())
}

/// The node's taints as they should be: those of others as they are, those by condition as its conditions say and, if pods
/// leave for them, as the `brake` allows.
pub(super) fn wanted(node: &Node, brake: Brake, now: Timestamp) -> Vec<Taint> {
    let current = node
        .spec
        .as_ref()
        .and_then(|spec| spec.taints.clone())
        .unwrap_or_default();
    let unschedulable = node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
    // A node that has never said anything is not ready.
    let ready = status(node, "Ready");
    let applies = |ty: &str, answer: &str| {
        status(node, ty) == Some(answer) || (ty == "Ready" && answer == "False" && ready.is_none())
    };
    let mut due: Vec<(&str, &str)> = BY_CONDITION
        .iter()
        .filter(|(ty, answer, ..)| applies(ty, answer))
        .map(|(.., key, effect)| (*key, *effect))
        .collect();
    // one reason may follow the other
    let by_condition = |taint: &&Taint| {
        BY_CONDITION
            .iter()
            .any(|(.., key, effect)| taint.key == *key && taint.effect == *effect)
    };
    let leaving = current
        .iter()
        .filter(by_condition)
        .any(|taint| taint.effect == "NoExecute");
    due.retain(|(_, effect)| match brake {
        Brake::Off => true,
        Brake::NoMore => *effect != "NoExecute" || leaving,
        Brake::None => *effect != "NoExecute",
    });
    if unschedulable {
        due.push((UNSCHEDULABLE, "NoSchedule"));
    }
    let ours = |taint: &Taint| {
        taint.key == UNSCHEDULABLE && taint.effect == "NoSchedule"
            || BY_CONDITION
                .iter()
                .any(|(.., key, effect)| taint.key == *key && taint.effect == *effect)
    };
    let is_due = |taint: &Taint| {
        due.iter()
            .any(|(key, effect)| taint.key == *key && taint.effect == *effect)
    };
    let mut out: Vec<Taint> = current
        .into_iter()
        .filter(|taint| !ours(taint) || is_due(taint))
        .collect();
    for (key, effect) in due {
        if !out.iter().any(|taint| taint.key == key && taint.effect == effect) {
            // The time is what tolerations count from.
            let time_added = (effect == "NoExecute" || key == UNSCHEDULABLE || key == NOT_READY).then_some(Time(now));
            out.push(Taint {
                key: key.to_owned(),
                effect: effect.to_owned(),
                value: None,
                time_added,
            });
        }
    }
    out
}

//! The node's conditions.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::NodeCondition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::context::Context;

/// All conditions; transition times move only with the status.
pub(super) async fn all(context: &Context, old: &[NodeCondition]) -> Vec<NodeCondition> {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    let runtime = match context.runtime.network_ready().await {
        Ok(answer) => answer,
        Err(error) => Err(format!("container runtime is down: {error}")),
    };
    let ready = match runtime {
        Ok(()) => ("True", "KubeletReady", "kubelet is posting ready status".to_owned()),
        Err(message) => ("False", "KubeletNotReady", message),
    };
    let good = |reason: &'static str, message: &str| ("False", reason, message.to_owned());
    let list = [
        (
            "MemoryPressure",
            good("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ),
        (
            "DiskPressure",
            good("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ),
        (
            "PIDPressure",
            good("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ),
        ("Ready", ready),
    ];
    let one = |(kind, (status, reason, message)): (&str, (&str, &str, String))| {
        let before = old
            .iter()
            .find(|condition| condition.type_ == kind && condition.status == status);
        NodeCondition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_heartbeat_time: Some(Time(now)),
            last_transition_time: Some(
                before
                    .and_then(|before| before.last_transition_time.clone())
                    .unwrap_or(Time(now)),
            ),
        }
    };
    list.into_iter().map(one).collect()
}

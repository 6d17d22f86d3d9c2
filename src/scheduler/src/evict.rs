//! Carrying out a plan that makes room: the victims are told why and deleted, promises to the less important are taken back.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, Preconditions};
use kube::{Client, ResourceExt as _};
use machinery::selector::LabelSelector;
use serde_json::json;

use crate::bind::record;
use crate::pod::{PREEMPTED, PodInfo};
use crate::preempt::{Budget, Plan};

/// All budgets, read when they are needed: making room is rare.
pub(crate) async fn budgets(client: &Client) -> Result<Vec<Budget>, kube::Error> {
    let api: Api<PodDisruptionBudget> = Api::all(client.clone());
    let list = api.list(&ListParams::default()).await?;
    let budget = |budget: &PodDisruptionBudget| {
        let selector = serde_json::to_value(budget.spec.as_ref()?.selector.as_ref()?).ok()?;
        Some(Budget {
            namespace: budget.namespace()?,
            selector: LabelSelector::from_object(&selector).ok()?,
            allowed: budget
                .status
                .as_ref()
                .and_then(|status| status.disruptions_allowed)
                .unwrap_or_default(),
            disrupted: budget
                .status
                .iter()
                .flat_map(|status| status.disrupted_pods.iter().flatten())
                .map(|(name, _)| name.clone())
                .collect(),
        })
    };
    Ok(list.items.iter().filter_map(budget).collect())
}

/// Deletes the victims, except those that are on their way.
pub(crate) async fn carry_out(client: &Client, pod: &PodInfo, plan: &Plan) -> Result<(), kube::Error> {
    for victim in plan.victims.iter().filter(|victim| !victim.deleting) {
        let api: Api<Pod> = Api::namespaced(client.clone(), &victim.namespace);
        let condition = json!({"metadata": {"uid": victim.uid}, "status": {"conditions": [{
            "type": "DisruptionTarget", "status": "True", "reason": PREEMPTED,
            "message": "default-scheduler: preempting to accommodate a higher priority pod",
            "lastTransitionTime": Time(Timestamp::now()), "observedGeneration": victim.generation,
        }]}});
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(victim.uid.clone()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let told = api
            .patch_status(&victim.name, &PatchParams::default(), &Patch::Strategic(condition))
            .await;
        let deleted = match told {
            Ok(_) => api.delete(&victim.name, &params).await.map(drop),
            Err(error) => Err(error),
        };
        match deleted {
            // gone already, or another pod of that name
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => continue,
            other => other?,
        }
        let note = format!("Preempted by pod {} on node {}", pod.uid, plan.node);
        record(client, victim, "Normal", "Preempted", "Preempting", note).await;
    }
    Ok(())
}

/// Writes on the pod which node it may count on; none with an empty name.
pub(crate) async fn nominate(client: &Client, pod: &PodInfo, node: &str) -> Result<Pod, kube::Error> {
    let api: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace);
    let promise = json!({"metadata": {"uid": pod.uid}, "status": {"nominatedNodeName": nomination(node)}});
    api.patch_status(&pod.name, &PatchParams::default(), &Patch::Strategic(promise))
        .await
}

/// `status.nominatedNodeName` in a patch.
pub(crate) fn nomination(node: &str) -> Option<&str> {
    Some(node).filter(|node| !node.is_empty())
}

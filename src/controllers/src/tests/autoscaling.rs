//! Autoscalers in a whole control plane, without anybody who serves metrics.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use serde_json::json;

use super::Cluster;

#[tokio::test]
async fn bounds_hold_without_metrics_and_their_lack_is_said() {
    let cluster = Cluster::start().await;
    let container = json!({"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m"}}});
    let _: Deployment = cluster
        .create(json!({"metadata": {"name": "web"}, "spec": {"replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}}}))
        .await;
    let _: HorizontalPodAutoscaler = cluster
        .create(
            json!({"metadata": {"name": "web"}, "spec": {"minReplicas": 2, "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}}),
        )
        .await;
    cluster
        .until("two replicas", |all: Vec<Deployment>| {
            let wanted = all.first()?.spec.as_ref()?.replicas;
            (wanted == Some(2)).then_some(())
        })
        .await;
    let said = |all: Vec<HorizontalPodAutoscaler>, kind: &str| {
        let conditions = all.into_iter().next()?.status?.conditions?;
        let found = conditions.into_iter().find(|one| one.type_ == kind)?;
        Some((found.status, found.reason?))
    };
    let able = cluster.until("the condition", |all| said(all, "AbleToScale")).await;
    assert_eq!(able, ("True".to_owned(), "SucceededRescale".to_owned()));
    // a change of its spec brings the next pass, which asks for metrics
    let hpas = cluster.api::<HorizontalPodAutoscaler>();
    let patch = kube::api::Patch::Merge(json!({"spec": {"maxReplicas": 4}}));
    hpas.patch("web", &kube::api::PatchParams::default(), &patch)
        .await
        .expect("patched");
    let active = cluster.until("the condition", |all| said(all, "ScalingActive")).await;
    assert_eq!(active, ("False".to_owned(), "FailedGetResourceMetric".to_owned()));
}

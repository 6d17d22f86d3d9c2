use k8s_openapi::api::core::v1::{Event, Pod};
use k8s_openapi::api::resource::v1::{ResourceClaim, ResourceClaimTemplate};
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::tests::Cluster;

fn pod() -> Value {
    json!({"metadata": {"name": "user"}, "spec": {
        "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "one-gpu"}],
        "containers": [{"name": "c", "image": "i", "resources": {"claims": [{"name": "gpu"}]}}]}})
}

fn template() -> Value {
    let request = json!({"name": "r", "exactly": {"deviceClassName": "gpu.example.com"}});
    json!({"metadata": {"name": "one-gpu"}, "spec": {"metadata": {"labels": {"made": "so"}},
        "spec": {"devices": {"requests": [request]}}}})
}

async fn patch_status<K>(cluster: &Cluster, name: &str, status: Value)
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let patch = Patch::Merge(json!({ "status": status }));
    let params = PatchParams::default();
    cluster
        .api::<K>()
        .patch_status(name, &params, &patch)
        .await
        .expect("patched");
}

#[tokio::test]
async fn a_claim_is_made_reserved_given_back_and_removed() {
    let cluster = Cluster::start().await;
    let _: Pod = cluster.create(pod()).await;
    // without its template there is only a complaint
    cluster
        .until("a complaint", |all: Vec<Event>| {
            let said = |event: &Event| event.reason.as_deref() == Some("FailedResourceClaimCreation");
            all.iter().any(said).then_some(())
        })
        .await;
    let _: ResourceClaimTemplate = cluster.create(template()).await;
    let claim = cluster
        .until("the claim", |mut all: Vec<ResourceClaim>| all.pop())
        .await;
    assert_eq!(claim.labels().get("made").map(String::as_str), Some("so"));
    assert!(claim.name_any().starts_with("user-gpu-"), "{}", claim.name_any());
    let name = claim.name_any();
    cluster
        .until("the pod to know it", |all: Vec<Pod>| {
            let statuses = all.first()?.status.as_ref()?.resource_claim_statuses.clone()?;
            (statuses.first()?.resource_claim_name.as_ref() == Some(&name)).then_some(())
        })
        .await;

    // somebody allocates, as a scheduler would, and the pod gets a node
    let finalizer = Patch::Merge(json!({"metadata": {"finalizers": ["resource.kubernetes.io/delete-protection"]}}));
    let claims = cluster.api::<ResourceClaim>();
    claims
        .patch(&name, &PatchParams::default(), &finalizer)
        .await
        .expect("patched");
    let result = json!({"request": "r", "driver": "gpu.example.com", "pool": "p", "device": "d"});
    let allocation = json!({"allocation": {"devices": {"results": [result]}}});
    patch_status::<ResourceClaim>(&cluster, &name, allocation).await;
    let pods = cluster.api::<Pod>();
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "user"},
        "target": {"kind": "Node", "name": "n"}});
    let request = http::Request::post("/api/v1/namespaces/default/pods/user/binding")
        .header("content-type", "application/json")
        .body(serde_json::to_vec(&binding).expect("json"))
        .expect("request");
    let _: Value = cluster.client.request(request).await.expect("bound");
    let consumers = |all: Vec<ResourceClaim>| all.first()?.status.as_ref()?.reserved_for.clone();
    let reserved = cluster.until("the reservation", consumers).await;
    assert_eq!(
        Some(&reserved[0].uid),
        pods.get("user").await.expect("pod").uid().as_ref()
    );

    patch_status::<Pod>(&cluster, "user", json!({"phase": "Succeeded"})).await;
    cluster
        .until("the claim to go", |all: Vec<ResourceClaim>| {
            all.is_empty().then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_shared_claim_outlives_its_pods_without_an_allocation() {
    let cluster = Cluster::start().await;
    let request = json!({"name": "r", "exactly": {"deviceClassName": "gpu.example.com"}});
    let shared = json!({"metadata": {"name": "shared", "finalizers": ["resource.kubernetes.io/delete-protection"]},
        "spec": {"devices": {"requests": [request]}}});
    let _: ResourceClaim = cluster.create(shared).await;
    let result = json!({"request": "r", "driver": "gpu.example.com", "pool": "p", "device": "d"});
    let gone = json!({"resource": "pods", "name": "gone", "uid": "00000000-0000-0000-0000-000000000001"});
    let status = json!({"allocation": {"devices": {"results": [result]}}, "reservedFor": [gone]});
    patch_status::<ResourceClaim>(&cluster, "shared", status).await;
    cluster
        .until("the claim to be free", |all: Vec<ResourceClaim>| {
            let claim = all.first()?;
            let status = claim.status.clone().unwrap_or_default();
            let free = status.allocation.is_none() && status.reserved_for.is_none() && claim.finalizers().is_empty();
            free.then_some(())
        })
        .await;
}

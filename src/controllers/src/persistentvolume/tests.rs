//! Both sides of a binding against the real API server.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use crate::tests::Cluster;

fn volume(name: &str, size: &str, class: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"],
        "storageClassName": class, "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": format!("/tmp/{name}")}}})
}

fn claim(size: &str, class: &str) -> Value {
    json!({"metadata": {"name": "data", "namespace": "default"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "storageClassName": class, "resources": {"requests": {"storage": size}}}})
}

#[tokio::test]
async fn a_claim_and_a_volume_bind_and_part() {
    let cluster = Cluster::start().await;
    let volumes: Api<PersistentVolume> = Api::all(cluster.client.clone());
    let object: PersistentVolume = serde_json::from_value(volume("disk", "2Gi", "")).expect("volume");
    volumes.create(&PostParams::default(), &object).await.expect("created");
    let _: PersistentVolumeClaim = cluster.create(claim("1Gi", "")).await;
    let bound = cluster
        .until("the binding", |claims: Vec<PersistentVolumeClaim>| {
            let claim = claims.into_iter().next()?;
            (claim.status.as_ref()?.phase.as_deref()? == "Bound").then_some(claim)
        })
        .await;
    assert_eq!(
        bound.spec.as_ref().and_then(|spec| spec.volume_name.as_deref()),
        Some("disk")
    );
    let capacity = bound
        .status
        .as_ref()
        .and_then(|status| status.capacity.as_ref())
        .expect("capacity");
    assert_eq!(capacity["storage"].0, "2Gi");
    let disk = volumes.get("disk").await.expect("volume");
    assert_eq!(disk.status.and_then(|status| status.phase).as_deref(), Some("Bound"));
    assert_eq!(
        disk.spec.and_then(|spec| spec.claim_ref).and_then(|claim| claim.uid),
        bound.uid()
    );

    let claims: Api<PersistentVolumeClaim> = cluster.api();
    assert_eq!(bound.finalizers(), ["kubernetes.io/pvc-protection"]);
    claims.delete("data", &DeleteParams::default()).await.expect("deleted");
    cluster
        .until("the claim's end", |claims: Vec<PersistentVolumeClaim>| {
            claims.is_empty().then_some(())
        })
        .await;
    for _ in 0..400 {
        let phase = volumes
            .get("disk")
            .await
            .expect("volume")
            .status
            .and_then(|status| status.phase);
        if phase.as_deref() == Some("Released") {
            cluster.group.stop(std::time::Duration::from_secs(1)).await;
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the volume was not released");
}

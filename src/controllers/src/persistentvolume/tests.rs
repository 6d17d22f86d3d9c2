//! Both sides of a binding against the real API server.

use k8s_openapi::api::core::v1::{Event, PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
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

impl Cluster {
    async fn disk(&self, change: Value) -> PersistentVolume {
        let mut object = volume("disk", "2Gi", "");
        merge(&mut object, &change);
        self.create_global(object).await
    }

    async fn changed(&self, name: &str, change: Value) {
        let volumes: Api<PersistentVolume> = Api::all(self.client.clone());
        let patched = volumes
            .patch(name, &PatchParams::default(), &Patch::Merge(change))
            .await;
        patched.expect("patched");
    }

    /// Waits until the volume is as wanted.
    async fn until_volume<T>(&self, what: &str, look: impl Fn(PersistentVolume) -> Option<T>) -> T {
        let volumes: Api<PersistentVolume> = Api::all(self.client.clone());
        crate::tests::until(&volumes, what, |all| all.into_iter().find_map(&look)).await
    }

    async fn until_claim<T>(&self, what: &str, look: impl Fn(PersistentVolumeClaim) -> Option<T>) -> T {
        self.until(what, |all: Vec<PersistentVolumeClaim>| all.into_iter().find_map(&look))
            .await
    }

    async fn end(self) {
        self.group.stop(std::time::Duration::from_secs(5)).await;
    }
}

fn merge(into: &mut Value, change: &Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (key, value) in change {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, change) => *into = change.clone(),
    }
}

fn phase(wanted: &'static str) -> impl Fn(PersistentVolume) -> Option<PersistentVolume> {
    move |volume| {
        let found = volume.status.as_ref()?.phase.as_deref() == Some(wanted);
        found.then_some(volume)
    }
}

fn claim_phase(wanted: &'static str) -> impl Fn(PersistentVolumeClaim) -> Option<PersistentVolumeClaim> {
    move |claim| {
        let found = claim.status.as_ref()?.phase.as_deref() == Some(wanted);
        found.then_some(claim)
    }
}

async fn noted(cluster: &Cluster, part: &str) {
    let what = format!("the event \"{part}\"");
    cluster
        .until(&what, |events: Vec<Event>| {
            let mut notes = events.into_iter().filter_map(|event| event.message);
            notes.any(|note| note.contains(part)).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_a_claim_names_must_fit_unless_both_name_each_other() {
    let cluster = Cluster::start().await;
    cluster.disk(json!({"spec": {"storageClassName": "fast"}})).await;
    let mut wanted = claim("1Gi", "");
    wanted["spec"]["volumeName"] = "disk".into();
    let _: PersistentVolumeClaim = cluster.create(wanted).await;
    noted(
        &cluster,
        "Cannot bind to requested volume \"disk\": storageClassName does not match",
    )
    .await;
    let reserved = json!({"spec": {"claimRef": {"namespace": "default", "name": "data"}}});
    cluster.changed("disk", reserved).await;
    cluster.until_claim("the binding", claim_phase("Bound")).await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_claim_takes_no_volume_that_its_node_may_not_reach() {
    let cluster = Cluster::start().await;
    cluster.late_class("example.com/disks").await;
    cluster.disk(json!({"spec": {"storageClassName": "late"}})).await;
    let mut wanted = claim("1Gi", "late");
    wanted["metadata"]["annotations"] = json!({"volume.kubernetes.io/selected-node": "a"});
    let _: PersistentVolumeClaim = cluster.create(wanted).await;
    noted(
        &cluster,
        "Waiting for a volume to be created either by the external provisioner 'example.com/disks'",
    )
    .await;
    let volume = cluster.until_volume("the volume", phase("Available")).await;
    assert_eq!(volume.spec.and_then(|spec| spec.claim_ref), None);
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_volume_is_gone_is_lost_and_a_kept_volume_can_be_given_again() {
    let cluster = Cluster::start().await;
    cluster.disk(json!({})).await;
    let _: PersistentVolumeClaim = cluster.create(claim("1Gi", "")).await;
    cluster.until_claim("the binding", claim_phase("Bound")).await;
    let claims: Api<PersistentVolumeClaim> = cluster.api();
    claims.delete("data", &DeleteParams::default()).await.expect("deleted");
    cluster.until_volume("its release", phase("Released")).await;
    // kept data: nobody takes it before somebody says so
    let _: PersistentVolumeClaim = cluster.create(claim("1Gi", "")).await;
    noted(&cluster, "no persistent volumes available for this claim").await;
    cluster.changed("disk", json!({"spec": {"claimRef": null}})).await;
    cluster.until_claim("the second binding", claim_phase("Bound")).await;

    let volumes: Api<PersistentVolume> = Api::all(cluster.client.clone());
    volumes.delete("disk", &DeleteParams::default()).await.expect("deleted");
    let held = volumes.get("disk").await.expect("it is protected");
    assert!(held.metadata.deletion_timestamp.is_some());
    cluster.changed("disk", json!({"metadata": {"finalizers": null}})).await;
    cluster.until_claim("the loss", claim_phase("Lost")).await;
    noted(&cluster, "Bound claim has lost its PersistentVolume").await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_claims_of_one_volume_are_told_apart() {
    let cluster = Cluster::start().await;
    cluster.disk(json!({})).await;
    let _: PersistentVolumeClaim = cluster.create(claim("1Gi", "")).await;
    cluster.until_claim("the binding", claim_phase("Bound")).await;
    let mut second = claim("1Gi", "");
    merge(
        &mut second,
        &json!({"metadata": {"name": "second", "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
            "spec": {"volumeName": "disk"}}),
    );
    let _: PersistentVolumeClaim = cluster.create(second).await;
    let lost = cluster.until_claim("the loss", claim_phase("Lost")).await;
    assert_eq!(lost.name_any(), "second");
    noted(
        &cluster,
        "Two claims are bound to the same volume, this one is bound incorrectly",
    )
    .await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_nobody_can_delete_says_so() {
    let cluster = Cluster::start().await;
    cluster
        .disk(json!({"spec": {"persistentVolumeReclaimPolicy": "Delete"}}))
        .await;
    let _: PersistentVolumeClaim = cluster.create(claim("1Gi", "")).await;
    cluster.until_claim("the binding", claim_phase("Bound")).await;
    let claims: Api<PersistentVolumeClaim> = cluster.api();
    claims.delete("data", &DeleteParams::default()).await.expect("deleted");
    let failed = cluster.until_volume("the failure", phase("Failed")).await;
    let message = failed.status.and_then(|status| status.message).unwrap_or_default();
    assert!(message.contains("no deletable volume plugin matched"), "{message}");
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_reserved_for_a_claim_that_is_bound_elsewhere_stays_reserved_only() {
    let cluster = Cluster::start().await;
    cluster.disk(json!({})).await;
    let _: PersistentVolumeClaim = cluster.create(claim("1Gi", "")).await;
    let bound = cluster.until_claim("the binding", claim_phase("Bound")).await;
    let reference = json!({"namespace": "default", "name": "data", "uid": bound.metadata.uid});
    cluster
        .disk(json!({"metadata": {"name": "other"}, "spec": {"claimRef": reference}}))
        .await;
    let of_other = |volume: PersistentVolume| {
        let free = volume.name_any() == "other" && volume.spec.as_ref()?.claim_ref.as_ref()?.uid.is_none();
        free.then_some(volume)
    };
    cluster.until_volume("its release", of_other).await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_class_that_comes_later_is_taken() {
    let cluster = Cluster::start().await;
    let mut plain = claim("1Gi", "");
    plain["spec"]["storageClassName"] = Value::Null;
    let _: PersistentVolumeClaim = cluster.create(plain).await;
    cluster.until_claim("it waits", claim_phase("Pending")).await;
    let _: StorageClass = cluster
        .create_global(json!({"metadata": {"name": "later", "annotations":
            {"storageclass.kubernetes.io/is-default-class": "true"}}, "provisioner": "example.com/disks"}))
        .await;
    let taken = |claim: PersistentVolumeClaim| claim.spec?.storage_class_name;
    assert_eq!(cluster.until_claim("a class", taken).await, "later");
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_stays_while_a_pod_that_has_a_node_uses_it() {
    let cluster = Cluster::start().await;
    cluster.ready_node("a", "1").await;
    let _: PersistentVolumeClaim = cluster.create(claim("1Gi", "")).await;
    let volumes = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]);
    let spec = json!({"nodeName": "a", "volumes": volumes, "containers": [{"name": "c", "image": "i"}]});
    let _: Pod = cluster.create(json!({"metadata": {"name": "p"}, "spec": spec})).await;
    let claims: Api<PersistentVolumeClaim> = cluster.api();
    claims.delete("data", &DeleteParams::default()).await.expect("deleted");
    // also when it has ended: an event that the controller looks at
    let pods: Api<Pod> = cluster.api();
    let ended = Patch::Merge(json!({"status": {"phase": "Succeeded"}}));
    pods.patch_status("p", &PatchParams::default(), &ended)
        .await
        .expect("ended");
    let other = json!({"metadata": {"name": "other"}, "spec": claim("1Gi", "")["spec"]});
    let _: PersistentVolumeClaim = cluster.create(other).await;
    claims.delete("other", &DeleteParams::default()).await.expect("deleted");
    let others = |all: Vec<PersistentVolumeClaim>| all.iter().all(|claim| claim.name_any() != "other").then_some(());
    cluster.until("the end of one that nobody uses", others).await;
    let held = claims.get("data").await.expect("it is protected");
    assert_eq!(held.finalizers(), ["kubernetes.io/pvc-protection"]);
    let now = DeleteParams::default().grace_period(0);
    pods.delete("p", &now).await.expect("deleted");
    let none = |all: Vec<PersistentVolumeClaim>| all.is_empty().then_some(());
    cluster.until("its end", none).await;
    cluster.end().await;
}

//! The controller against the real API server; the tests are kubelet and external attacher.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, Node, PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::{CSIDriver, VolumeAttachment};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::tests::Cluster;

const VOLUME: &str = "kubernetes.io/csi/disk.example^vol-1";

impl Cluster {
    async fn make<K>(&self, object: Value) -> K
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
    {
        let object: K = serde_json::from_value(object).expect("object");
        let api: Api<K> = Api::all(self.client.clone());
        api.create(&PostParams::default(), &object).await.expect("created")
    }

    /// Waits until the objects of the whole cluster are as wanted.
    async fn everywhere<K, T>(&self, what: &str, look: impl Fn(&[K]) -> Option<T>) -> T
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
    {
        let mut last = String::new();
        for _ in 0..400 {
            let api: Api<K> = Api::all(self.client.clone());
            let list = api.list(&ListParams::default()).await.expect("list").items;
            if let Some(found) = look(&list) {
                return found;
            }
            last = serde_json::to_string(&list).expect("json");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{what} did not happen; last seen: {last}");
    }

    async fn node(&self, name: &str) {
        let node = json!({"metadata": {"name": name, "annotations": {super::MANAGED: "true"}}});
        self.make::<Node>(node).await;
        self.status::<Node>(name, json!({"conditions": [{"type": "Ready", "status": "True"}]}))
            .await;
    }

    async fn status<K>(&self, name: &str, status: Value)
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let api: Api<K> = Api::all(self.client.clone());
        let patch = Patch::Merge(json!({"status": status}));
        api.patch_status(name, &PatchParams::default(), &patch)
            .await
            .expect("patched");
    }

    /// A claim bound to a driver's volume.
    async fn volume(&self) {
        self.make::<PersistentVolume>(
            json!({"metadata": {"name": "disk"}, "spec": {"capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"], "storageClassName": "",
            "csi": {"driver": "disk.example", "volumeHandle": "vol-1"}}}),
        )
        .await;
        self.create::<PersistentVolumeClaim>(json!({"metadata": {"name": "data"}, "spec": {"storageClassName": "",
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}))
            .await;
        self.until("the binding", |claims: Vec<PersistentVolumeClaim>| {
            (claims.first()?.status.as_ref()?.phase.as_deref()? == "Bound").then_some(())
        })
        .await;
    }

    async fn user(&self, name: &str, node: &str) {
        self.until(
            "the account",
            |accounts: Vec<k8s_openapi::api::core::v1::ServiceAccount>| (!accounts.is_empty()).then_some(()),
        )
        .await;
        self.create::<Pod>(json!({"metadata": {"name": name}, "spec": {"nodeName": node,
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
            "containers": [{"name": "c", "image": "i"}]}}))
            .await;
    }

    async fn attached_to(&self, node: &str) -> String {
        self.everywhere("the attachment", |all: &[VolumeAttachment]| {
            let found = all.iter().find(|one| one.spec.node_name == node)?;
            Some(found.name_any())
        })
        .await
    }

    async fn node_shows(&self, name: &str, wanted: &[&str]) {
        self.everywhere("what the node shows", |nodes: &[Node]| {
            let node = nodes.iter().find(|node| node.name_any() == name)?;
            let shown = super::nodes::attached(node);
            shown
                .iter()
                .map(String::as_str)
                .eq(wanted.iter().copied())
                .then_some(())
        })
        .await;
    }

    async fn event(&self, text: &str) {
        self.everywhere("the event", |events: &[Event]| {
            let says = |event: &Event| event.message.as_deref().is_some_and(|message| message.contains(text));
            events.iter().any(says).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_volume_follows_its_pods_and_waits_until_a_node_has_given_it_back() {
    let cluster = Cluster::start().await;
    for name in ["a", "b"] {
        cluster.node(name).await;
    }
    cluster.volume().await;
    cluster.user("first", "a").await;
    let attachment = cluster.attached_to("a").await;
    assert_eq!(attachment, claims::attachment_name("disk.example", "vol-1", "a"));
    cluster.node_shows("a", &[]).await;
    cluster
        .status::<VolumeAttachment>(&attachment, json!({"attached": true}))
        .await;
    cluster.node_shows("a", &[VOLUME]).await;
    cluster.event("AttachVolume.Attach succeeded for volume \"disk\"").await;
    cluster.status::<Node>("a", json!({"volumesInUse": [VOLUME]})).await;

    cluster.user("second", "b").await;
    cluster
        .event("Multi-Attach error for volume \"disk\" Volume is already used by pod(s) first")
        .await;
    let now = DeleteParams::default().grace_period(0);
    cluster.api::<Pod>().delete("first", &now).await.expect("deleted");
    // the pod is gone, but its node has the volume mounted still
    tokio::time::sleep(Duration::from_millis(300)).await;
    cluster.node_shows("a", &[VOLUME]).await;
    assert_eq!(cluster.attached_to("a").await, attachment);

    cluster.status::<Node>("a", json!({"volumesInUse": null})).await;
    cluster.attached_to("b").await;
    cluster.node_shows("a", &[]).await;
    cluster
        .everywhere("the end of the first attachment", |all: &[VolumeAttachment]| {
            all.iter().all(|one| one.spec.node_name == "b").then_some(())
        })
        .await;
    cluster.group.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_node_out_of_service_loses_its_pods_and_then_its_volumes() {
    let cluster = Cluster::start().await;
    cluster.node("a").await;
    cluster.volume().await;
    cluster.user("lost", "a").await;
    let attachment = cluster.attached_to("a").await;
    let attached = json!({"attached": true});
    cluster.status::<VolumeAttachment>(&attachment, attached).await;
    let silent = json!({"volumesInUse": [VOLUME], "conditions": [{"type": "Ready", "status": "Unknown"}]});
    cluster.status::<Node>("a", silent).await;
    let pods: Api<Pod> = cluster.api();
    pods.delete("lost", &DeleteParams::default()).await.expect("deleted");
    // it may still run there
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(pods.get_opt("lost").await.expect("get").is_some());
    assert_eq!(cluster.attached_to("a").await, attachment);

    let taint = json!({"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"});
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let patch = Patch::Merge(json!({"spec": {"taints": [taint]}}));
    nodes
        .patch("a", &PatchParams::default(), &patch)
        .await
        .expect("tainted");
    cluster
        .everywhere("the end of the pod", |all: &[Pod]| all.is_empty().then_some(()))
        .await;
    cluster
        .everywhere("the end of the attachment", |all: &[VolumeAttachment]| {
            all.is_empty().then_some(())
        })
        .await;
    cluster.group.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_driver_that_needs_no_attaching_gets_none_and_a_failure_is_told_the_pod() {
    let cluster = Cluster::start().await;
    cluster.node("a").await;
    let driver = json!({"metadata": {"name": "disk.example"}, "spec": {"attachRequired": false}});
    cluster.make::<CSIDriver>(driver).await;
    cluster.volume().await;
    cluster.user("pod", "a").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let api: Api<VolumeAttachment> = Api::all(cluster.client.clone());
    assert!(api.list(&ListParams::default()).await.expect("list").items.is_empty());

    let drivers: Api<CSIDriver> = Api::all(cluster.client.clone());
    drivers
        .delete("disk.example", &DeleteParams::default())
        .await
        .expect("deleted");
    let attachment = cluster.attached_to("a").await;
    let error = json!({"attached": false, "attachError": {"message": "no such disk"}});
    cluster.status::<VolumeAttachment>(&attachment, error).await;
    cluster
        .event("AttachVolume.Attach failed for volume \"disk\" : no such disk")
        .await;
    cluster.group.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn attachments_of_others_making_are_left_alone() {
    let cluster = Cluster::start().await;
    cluster.node("a").await;
    let ours = claims::attachment_name("disk.example", "vol-1", "a");
    for name in ["theirs", &ours] {
        let spec = json!({"attacher": "disk.example", "nodeName": "a", "source": {"persistentVolumeName": "gone"}});
        let attachment = json!({"metadata": {"name": name}, "spec": spec});
        cluster.make::<VolumeAttachment>(attachment).await;
    }
    let left = cluster
        .everywhere("the end of one attachment", |all: &[VolumeAttachment]| {
            (all.len() == 1).then(|| all[0].name_any())
        })
        .await;
    assert_eq!(left, "theirs");
    cluster.group.stop(Duration::from_secs(1)).await;
}

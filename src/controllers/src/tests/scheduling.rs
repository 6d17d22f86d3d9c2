//! The scheduler beside the controllers that it works with: claims bound for pods, and room made for them.

use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::core::ClusterResourceScope;

use super::*;

impl Cluster {
    pub(crate) fn schedule(&self) {
        let client = self.client.clone();
        Supervisor::new(self.group.clone()).run("scheduler", move || {
            let profiles = scheduler::Profiles::default();
            let work = scheduler::run(client.clone(), profiles, traces::Recorder::default());
            async move { work.await.map_err(std::io::Error::other) }
        });
    }

    pub(crate) async fn create_global<K>(&self, object: Value) -> K
    where
        K: kube::Resource<DynamicType = (), Scope = ClusterResourceScope>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
    {
        let object: K = serde_json::from_value(object).expect("object");
        let api = Api::all(self.client.clone());
        api.create(&PostParams::default(), &object).await.expect("created")
    }

    pub(crate) async fn merge<K>(&self, name: &str, change: Value) -> K
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
    {
        let api: Api<K> = self.api();
        api.patch(name, &PatchParams::default(), &Patch::Merge(change))
            .await
            .expect("patched")
    }

    /// A node that is ready and has so many processors.
    pub(crate) async fn ready_node(&self, name: &str, cpu: &str) {
        let labels = json!({"kubernetes.io/hostname": name});
        let _: Node = self
            .create_global(json!({"metadata": {"name": name, "labels": labels}}))
            .await;
        let nodes: Api<Node> = Api::all(self.client.clone());
        let resources = json!({"cpu": cpu, "memory": "4Gi", "pods": "10"});
        let now = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::now());
        let status = json!({"status": {"allocatable": resources, "capacity": resources, "conditions": [
            {"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now}]}});
        nodes
            .patch_status(name, &PatchParams::default(), &Patch::Merge(status))
            .await
            .expect("status");
    }

    /// A class whose claims wait for their first pod.
    pub(crate) async fn late_class(&self, provisioner: &str) {
        let class = json!({"metadata": {"name": "late"}, "provisioner": provisioner,
            "volumeBindingMode": "WaitForFirstConsumer"});
        let _: StorageClass = self.create_global(class).await;
    }

    pub(crate) async fn claim(&self, name: &str) {
        let _: PersistentVolumeClaim = self
            .create(
                json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"],
                "storageClassName": "late", "resources": {"requests": {"storage": "1Gi"}}}}),
            )
            .await;
    }

    async fn pod(&self, name: &str, spec: Value) {
        let mut pod = json!({"metadata": {"name": name, "labels": {"app": "db"}},
            "spec": {"containers": [{"name": "c", "image": "busybox"}]}});
        for (key, value) in spec.as_object().into_iter().flatten() {
            pod["spec"][key] = value.clone();
        }
        let _: Pod = self.create(pod).await;
    }

    async fn node_of(&self, pod: &str) -> String {
        let what = format!("{pod} is on a node");
        self.until(&what, |pods: Vec<Pod>| {
            let pod = pods.into_iter().find(|one| one.name_any() == pod)?;
            pod.spec?.node_name
        })
        .await
    }

    async fn until_pod<T>(&self, name: &str, what: &str, look: impl Fn(Pod) -> Option<T>) -> T {
        let named = |pods: Vec<Pod>| look(pods.into_iter().find(|pod| pod.name_any() == name)?);
        self.until(&format!("{name}: {what}"), named).await
    }

    async fn stop(self) {
        self.group.stop(Duration::from_secs(5)).await;
    }
}

/// A volume that is on one node.
pub(crate) fn local(name: &str, node: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
        "storageClassName": "late", "persistentVolumeReclaimPolicy": "Retain", "local": {"path": format!("/tmp/{name}")},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]}}}})
}

fn with_claim(claim: &str) -> Value {
    json!([{"name": "v", "persistentVolumeClaim": {"claimName": claim}}])
}

fn cpu(amount: &str) -> Value {
    json!([{"name": "c", "image": "busybox", "resources": {"requests": {"cpu": amount}}}])
}

fn nominated(pod: &Pod) -> Option<String> {
    pod.status.as_ref()?.nominated_node_name.clone()
}

/// What the pod says about why it has no node.
fn refusal(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions.iter().find(|condition| condition.type_ == "PodScheduled")?;
    scheduled.message.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_whose_claim_is_being_bound_keeps_its_place_on_the_node() {
    let cluster = Cluster::start().await;
    for node in ["a", "b"] {
        cluster.ready_node(node, "2").await;
        for disk in ["one", "two"] {
            let _: PersistentVolume = cluster.create_global(local(&format!("{node}-{disk}"), node)).await;
        }
    }
    cluster.late_class("kubernetes.io/no-provisioner").await;
    for name in ["first", "second"] {
        cluster.claim(name).await;
        // both would rather be on node a, and must not meet
        let affinity = json!({
            "nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference":
                {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]}]}}]},
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "kubernetes.io/hostname"}]}});
        let spec = json!({"affinity": affinity, "volumes": with_claim(name)});
        cluster.pod(name, spec).await;
    }
    cluster.schedule();
    let nodes = [cluster.node_of("first").await, cluster.node_of("second").await];
    assert_ne!(nodes[0], nodes[1]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_given_up_when_the_provisioner_gives_up() {
    let cluster = Cluster::start().await;
    for node in ["a", "b"] {
        cluster.ready_node(node, "1").await;
    }
    cluster.late_class("example.com/disks").await;
    cluster.claim("data").await;
    cluster.schedule();
    let spec = json!({"containers": cpu("1"), "volumes": with_claim("data")});
    cluster.pod("p", spec).await;
    let chosen = |claims: Vec<PersistentVolumeClaim>| {
        let annotations = claims.into_iter().next()?.metadata.annotations?;
        annotations.get("volume.kubernetes.io/selected-node").cloned()
    };
    let node = cluster.until("a chosen node", chosen).await;
    let known = |pod: Pod| nominated(&pod).filter(|known| *known == node);
    cluster.until_pod("p", "its node is written", known).await;
    // the place is kept: another goes to the other node, a third to none
    cluster.pod("q", json!({"containers": cpu("1")})).await;
    assert_ne!(cluster.node_of("q").await, node);
    cluster.pod("r", json!({"containers": cpu("1")})).await;
    let full = |pod: Pod| refusal(&pod).filter(|why| why.contains("2 Insufficient cpu"));
    cluster.until_pod("r", "there is no room", full).await;

    let reset = json!({"metadata": {"annotations": {"volume.kubernetes.io/selected-node": null}}});
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let cordon = Patch::Merge(json!({"spec": {"unschedulable": true}}));
    nodes
        .patch(&node, &PatchParams::default(), &cordon)
        .await
        .expect("cordoned");
    let _: PersistentVolumeClaim = cluster.merge("data", reset).await;
    let told = |pod: Pod| refusal(&pod).filter(|_| nominated(&pod).is_none());
    cluster.until_pod("p", "it is told", told).await;
    let api: Api<Pod> = cluster.api();
    let now = DeleteParams::default().grace_period(0);
    api.delete("q", &now).await.expect("deleted");
    api.delete("r", &now).await.expect("deleted");
    let elsewhere = |claims: Vec<PersistentVolumeClaim>| chosen(claims).filter(|chosen| *chosen != node);
    let other = cluster.until("another node", elsewhere).await;

    let claim = cluster.api::<PersistentVolumeClaim>().get("data").await.expect("claim");
    let mut made = local("made", &other);
    made["spec"]["claimRef"] = json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": "default",
        "name": "data", "uid": claim.metadata.uid});
    let _: PersistentVolume = cluster.create_global(made).await;
    assert_eq!(cluster.node_of("p").await, other);
    cluster.stop().await;
}

async fn priorities(cluster: &Cluster) {
    for (name, value) in [("mid", 5), ("high", 10)] {
        let class = json!({"metadata": {"name": name}, "value": value});
        let _: PriorityClass = cluster.create_global(class).await;
    }
}

fn important(class: &str, amount: &str) -> Value {
    json!({"priorityClassName": class, "containers": cpu(amount)})
}

#[tokio::test(flavor = "multi_thread")]
async fn room_is_made_once_and_the_pod_waits_for_it() {
    let cluster = Cluster::start().await;
    priorities(&cluster).await;
    for node in ["a", "b"] {
        cluster.ready_node(node, "1").await;
        let spec = json!({"nodeName": node, "containers": cpu("1")});
        cluster.pod(&format!("low-{node}"), spec).await;
    }
    cluster.schedule();
    cluster.pod("p", important("high", "1")).await;
    let node = cluster.until_pod("p", "a promise", |pod| nominated(&pod)).await;
    // something happens, so that it is tried again while the victim is still there
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let change = Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}}));
    nodes
        .patch(&node, &PatchParams::default(), &change)
        .await
        .expect("labelled");
    let waits = |pod: Pod| refusal(&pod).filter(|why| why.contains("a terminating pod on the nominated node"));
    cluster.until_pod("p", "it waits", waits).await;
    let pods: Api<Pod> = cluster.api();
    let going = pods.list(&ListParams::default()).await.expect("pods").items;
    let going: Vec<String> = going
        .iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_some())
        .map(|pod| pod.name_any())
        .collect();
    let victim = format!("low-{node}");
    assert_eq!(going, std::slice::from_ref(&victim));
    let now = DeleteParams::default().grace_period(0);
    pods.delete(&victim, &now).await.expect("deleted");
    assert_eq!(cluster.node_of("p").await, node);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_goes_to_the_more_important_and_ends_when_it_is_of_no_use() {
    let cluster = Cluster::start().await;
    priorities(&cluster).await;
    cluster.ready_node("a", "1").await;
    let spec = json!({"nodeName": "a", "containers": cpu("1")});
    cluster.pod("low", spec).await;
    cluster.schedule();
    cluster.pod("mid", important("mid", "1")).await;
    cluster.until_pod("mid", "a promise", |pod| nominated(&pod)).await;
    cluster.pod("high", important("high", "1")).await;
    cluster.until_pod("high", "a promise", |pod| nominated(&pod)).await;
    let none = |pod: Pod| nominated(&pod).is_none().then_some(());
    cluster.until_pod("mid", "it has no promise", none).await;
    // the node cannot be used any more, whoever goes
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let cordon = Patch::Merge(json!({"spec": {"unschedulable": true}}));
    nodes
        .patch("a", &PatchParams::default(), &cordon)
        .await
        .expect("cordoned");
    cluster.until_pod("high", "it has no promise", none).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_keeps_a_place_goes_back_to_the_queue_for_the_more_important() {
    let cluster = Cluster::start().await;
    priorities(&cluster).await;
    cluster.ready_node("a", "1").await;
    cluster.late_class("example.com/disks").await;
    cluster.claim("data").await;
    let spec = json!({"containers": cpu("800m"), "volumes": with_claim("data")});
    cluster.pod("low", spec).await;
    cluster.schedule();
    cluster.until_pod("low", "a place", |pod| nominated(&pod)).await;
    cluster.pod("p", important("high", "800m")).await;
    assert_eq!(cluster.node_of("p").await, "a");
    let none = |pod: Pod| nominated(&pod).is_none().then_some(pod);
    let low = cluster.until_pod("low", "no place", none).await;
    assert!(low.metadata.deletion_timestamp.is_none());
    cluster.stop().await;
}

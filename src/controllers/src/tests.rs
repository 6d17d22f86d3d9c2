//! Controllers against the real API server, in one process.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ServiceAccount};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::{Disk, Embedded};
use tasks::{Group, Supervisor};

use super::*;

/// Waits until the list is as wanted; on failure says what it last saw.
pub(crate) async fn until<K, T>(api: &Api<K>, what: &str, look: impl Fn(Vec<K>) -> Option<T>) -> T
where
    K: Clone + Debug + Serialize + DeserializeOwned,
{
    let mut last = String::new();
    for _ in 0..600 {
        let list = api.list(&ListParams::default()).await.expect("list").items;
        last = serde_json::to_string(&list).expect("json");
        if let Some(found) = look(list) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what} did not happen; last seen: {last}");
}

/// A control plane without scheduler and kubelet.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    pub(crate) group: Group,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    pub(crate) async fn start_with(settings: Config) -> Self {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("certificate");
        let cert = certificate.cert.pem().into_bytes();
        let cert_key = certificate.signing_key.serialize_pem().into_bytes();
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("key");
        let config = apiserver::Config {
            ca: cert.clone(),
            certificate: cert.clone(),
            key: cert_key.clone(),
            kubelet_client_certificate: cert.clone(),
            kubelet_client_key: cert_key.clone(),
            front_proxy_ca: cert.clone(),
            front_proxy_client_certificate: cert,
            front_proxy_client_key: cert_key,
            service_account_key: key.serialize_pem().into_bytes(),
            service_account_public_key: key.public_key_pem().into_bytes(),
            issuer: "https://kubernetes.default.svc.cluster.local".to_owned(),
            service_cidr: "10.96.0.0/16".parse().expect("range"),
            advertise: "192.0.2.1".parse().expect("address"),
            port: 6443,
            version: "v1.36.2+rkube.test".to_owned(),
            served: schema::Served::parse("api/all=true").expect("groups"),
        };
        let store = Embedded::start(Disk::in_memory().expect("disk")).expect("store");
        let api = apiserver::Api::start(config, Arc::new(store)).await.expect("server");
        let user = apiserver::User::authenticated("system:admin", ["system:masters"]);
        let client = api.client(user);
        let group = Group::new();
        let tasks = Supervisor::new(group.clone());
        run(
            client.clone(),
            Config {
                root_ca: "CA".to_owned(),
                ..settings
            },
            &tasks,
        )
        .await;
        let cluster = Self { client, group };
        // without it no pod is let in
        let account = |all: Vec<ServiceAccount>| all.into_iter().find(|account| account.name_any() == "default");
        cluster.until("the default account", account).await;
        cluster
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), "default")
    }

    pub(crate) async fn create<K>(&self, object: Value) -> K
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
    {
        let object: K = serde_json::from_value(object).expect("object");
        self.api()
            .create(&PostParams::default(), &object)
            .await
            .expect("created")
    }

    /// Waits until the objects in the namespace `default` are as wanted.
    pub(crate) async fn until<K, T>(&self, what: &str, look: impl Fn(Vec<K>) -> Option<T>) -> T
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
    {
        until(&self.api(), what, look).await
    }

    /// Does the kubelet's part: every live pod runs and is ready.
    async fn run_pods(&self) {
        let api: Api<Pod> = self.api();
        for pod in api.list(&ListParams::default()).await.expect("pods").items {
            let running = pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running");
            if running {
                continue;
            }
            let now = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::now());
            let status = json!({"status": {"phase": "Running", "podIP": "10.244.0.9", "podIPs": [{"ip": "10.244.0.9"}],
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}]}});
            // It may have been deleted meanwhile.
            drop(
                api.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(status))
                    .await,
            );
        }
    }

    async fn roll_out(&self, name: &str) -> Deployment {
        for _ in 0..600 {
            self.run_pods().await;
            let found = self.api::<Deployment>().get(name).await.expect("deployment");
            let status = found.status.clone().unwrap_or_default();
            let wanted = found.spec.as_ref().and_then(|spec| spec.replicas);
            let done = status.observed_generation == found.metadata.generation
                && status.updated_replicas == wanted
                && status.replicas == wanted
                && status.available_replicas == wanted;
            if done {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no rollout: {:?}", self.api::<Deployment>().get(name).await);
    }
}

fn deployment(image: &str, replicas: i32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": replicas,
        "selector": {"matchLabels": {"app": "d"}}, "template": {"metadata": {"labels": {"app": "d"}},
        "spec": {"containers": [{"name": "c", "image": image}]}}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_get_their_account_and_ca_and_go_with_all_they_hold() {
    let cluster = Cluster::start().await;
    cluster
        .until("the default account", |all: Vec<ServiceAccount>| {
            all.iter().any(|a| a.name_any() == "default").then_some(())
        })
        .await;
    cluster
        .until("the root CA", |all: Vec<ConfigMap>| {
            let data = all.into_iter().find(|map| map.name_any() == "kube-root-ca.crt")?.data?;
            (data["ca.crt"] == "CA").then_some(())
        })
        .await;
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let one: Namespace = serde_json::from_value(json!({"metadata": {"name": "one"}})).expect("namespace");
    namespaces.create(&PostParams::default(), &one).await.expect("created");
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), "one");
    let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "m"}})).expect("map");
    maps.create(&PostParams::default(), &map).await.expect("created");
    // what controllers put into a new namespace is there, and not on its way
    let accounts: Api<ServiceAccount> = Api::namespaced(cluster.client.clone(), "one");
    until(&accounts, "its account", |all| (!all.is_empty()).then_some(())).await;
    until(&maps, "its CA", |all| (all.len() == 2).then_some(())).await;
    namespaces
        .delete("one", &DeleteParams::default())
        .await
        .expect("deleted");
    for _ in 0..600 {
        if namespaces.get_opt("one").await.expect("get").is_none() {
            assert!(maps.list(&ListParams::default()).await.expect("list").items.is_empty());
            cluster.group.stop(Duration::from_secs(5)).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the namespace stays: {:?}", namespaces.get_opt("one").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_roll_out_scale_and_clean_up() {
    let cluster = Cluster::start().await;
    let _: Deployment = cluster.create(deployment("one", 3)).await;
    let first = cluster.roll_out("d").await;
    assert_eq!(first.annotations()["deployment.kubernetes.io/revision"], "1");
    let service = json!({"metadata": {"name": "s"}, "spec": {"selector": {"app": "d"}, "ports": [{"port": 80}]}});
    let _: k8s_openapi::api::core::v1::Service = cluster.create(service).await;
    cluster
        .until("three endpoints", |all: Vec<EndpointSlice>| {
            let slice = all.into_iter().find(|slice| {
                slice
                    .labels()
                    .get("kubernetes.io/service-name")
                    .is_some_and(|name| name == "s")
            })?;
            let ready = slice
                .endpoints
                .iter()
                .flatten()
                .filter(|e| e.conditions.as_ref().and_then(|c| c.ready) == Some(true))
                .count();
            (ready == 3).then_some(())
        })
        .await;
    let api: Api<Deployment> = cluster.api();
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "two"}]}}}});
    api.patch("d", &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .expect("patched");
    let second = cluster.roll_out("d").await;
    assert_eq!(second.annotations()["deployment.kubernetes.io/revision"], "2");
    let sizes = |all: Vec<ReplicaSet>| {
        let mut sizes: Vec<_> = all
            .iter()
            .map(|set| set.spec.as_ref().and_then(|spec| spec.replicas))
            .collect();
        sizes.sort_unstable();
        (sizes == [Some(0), Some(3)]).then_some(())
    };
    cluster.until("an empty old set", sizes).await;
    let condition = second
        .status
        .and_then(|status| status.conditions)
        .into_iter()
        .flatten()
        .find(|c| c.type_ == "Available");
    assert_eq!(condition.map(|condition| condition.status), Some("True".to_owned()));
    api.patch(
        "d",
        &PatchParams::default(),
        &Patch::Merge(json!({"spec": {"replicas": 1}})),
    )
    .await
    .expect("scaled");
    cluster.roll_out("d").await;
    cluster
        .until("one pod", |all: Vec<Pod>| {
            (all.iter()
                .filter(|pod| pod.metadata.deletion_timestamp.is_none())
                .count()
                == 1)
                .then_some(())
        })
        .await;
    cluster.group.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dependents_follow_their_owners() {
    let cluster = Cluster::start().await;
    let _: Deployment = cluster.create(deployment("one", 2)).await;
    cluster.roll_out("d").await;
    let api: Api<Deployment> = cluster.api();
    api.delete("d", &DeleteParams::foreground()).await.expect("deleted");
    // The kubelet's part: terminating pods end at once.
    let pods: Api<Pod> = cluster.api();
    for _ in 0..600 {
        for pod in pods.list(&ListParams::default()).await.expect("pods").items {
            if pod.metadata.deletion_timestamp.is_some() {
                drop(
                    pods.delete(&pod.name_any(), &DeleteParams::default().grace_period(0))
                        .await,
                );
            }
        }
        if api.get_opt("d").await.expect("get").is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(
        api.get_opt("d").await.expect("get").is_none(),
        "{:?}",
        api.get_opt("d").await
    );
    // what a controller made that did not know yet follows a moment later
    let no_sets = |all: Vec<ReplicaSet>| all.is_empty().then_some(());
    cluster.until("no sets", no_sets).await;
    let no_pods = |all: Vec<Pod>| all.is_empty().then_some(());
    cluster.until("no pods", no_pods).await;
    let _: Deployment = cluster.create(deployment("one", 1)).await;
    cluster.roll_out("d").await;
    api.delete(
        "d",
        &DeleteParams {
            propagation_policy: Some(kube::api::PropagationPolicy::Orphan),
            ..DeleteParams::default()
        },
    )
    .await
    .expect("deleted");
    cluster
        .until("an orphaned set", |all: Vec<ReplicaSet>| {
            all.iter().any(|set| set.owner_references().is_empty()).then_some(())
        })
        .await;
    cluster.group.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_complete_and_sets_start_in_order() {
    use k8s_openapi::api::apps::v1::StatefulSet;
    use k8s_openapi::api::batch::v1::Job;

    let cluster = Cluster::start().await;
    let container = json!([{"name": "c", "image": "i"}]);
    let _: Job = cluster
        .create(
            json!({"metadata": {"name": "j"}, "spec": {"completions": 2, "parallelism": 2,
            "template": {"spec": {"restartPolicy": "Never", "containers": container}}}}),
        )
        .await;
    let pods: Api<Pod> = cluster.api();
    let mut complete = false;
    for _ in 0..600 {
        for pod in pods.list(&ListParams::default()).await.expect("pods").items {
            let status = json!({"status": {"phase": "Succeeded"}});
            drop(
                pods.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(status))
                    .await,
            );
        }
        let job = cluster.api::<Job>().get("j").await.expect("job");
        let status = job.status.unwrap_or_default();
        let done = status
            .conditions
            .iter()
            .flatten()
            .any(|c| c.type_ == "Complete" && c.status == "True");
        if done {
            assert_eq!((status.succeeded, status.active), (Some(2), None));
            complete = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(complete, "{:?}", cluster.api::<Job>().get("j").await);
    cluster
        .until("pods without finalizers", |all: Vec<Pod>| {
            all.iter().all(|pod| pod.finalizers().is_empty()).then_some(())
        })
        .await;
    let set = json!({"metadata": {"name": "s"}, "spec": {"replicas": 2, "serviceName": "s", "selector": {"matchLabels": {"a": "s"}},
        "template": {"metadata": {"labels": {"a": "s"}}, "spec": {"containers": container}}}});
    let _: StatefulSet = cluster.create(set).await;
    cluster
        .until("the first pod", |all: Vec<Pod>| {
            all.iter().any(|pod| pod.name_any() == "s-0").then_some(())
        })
        .await;
    assert!(
        pods.get_opt("s-1").await.expect("get").is_none(),
        "the second waits for the first"
    );
    for _ in 0..600 {
        cluster.run_pods().await;
        let status = cluster
            .api::<StatefulSet>()
            .get("s")
            .await
            .expect("set")
            .status
            .unwrap_or_default();
        if status.ready_replicas == Some(2) && status.current_revision == status.update_revision {
            cluster.group.stop(Duration::from_secs(5)).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("not ready: {:?}", cluster.api::<StatefulSet>().get("s").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn replication_controllers_keep_their_number() {
    use k8s_openapi::api::core::v1::ReplicationController;

    let cluster = Cluster::start().await;
    let object = json!({"metadata": {"name": "rc"}, "spec": {"replicas": 2, "selector": {"a": "rc"},
        "template": {"metadata": {"labels": {"a": "rc"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    let _: ReplicationController = cluster.create(object).await;
    let pod = cluster
        .until("two pods", |all: Vec<Pod>| (all.len() == 2).then(|| all[0].name_any()))
        .await;
    let pods: Api<Pod> = cluster.api();
    pods.delete(&pod, &DeleteParams::default().grace_period(0))
        .await
        .expect("deleted");
    cluster
        .until("another in its place", |all: Vec<Pod>| {
            let owned = all.iter().all(|pod| {
                pod.owner_references()
                    .iter()
                    .any(|owner| owner.kind == "ReplicationController")
            });
            (all.len() == 2 && owned && all.iter().all(|other| other.name_any() != pod)).then_some(())
        })
        .await;
    cluster
        .until("its status", |all: Vec<ReplicationController>| {
            (all.first()?.status.as_ref()?.replicas == 2).then_some(())
        })
        .await;
    cluster.group.stop(Duration::from_secs(5)).await;
}

mod autoscaling;
mod cleaning;
mod custom_metrics;
mod running;
mod scheduling;
mod workloads;

//! Circles of owners, namespaces and quotas: what goes, and what is counted once it has gone.

use k8s_openapi::api::core::v1::ResourceQuota;

use super::*;

fn small_pod(name: &str, more: &Value) -> Value {
    let mut pod = json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    for (key, value) in more.as_object().into_iter().flatten() {
        pod["metadata"][key] = value.clone();
    }
    pod
}

/// Pods need the account that a controller makes.
async fn account(cluster: &Cluster) {
    let default = |all: Vec<ServiceAccount>| all.iter().any(|account| account.name_any() == "default").then_some(());
    cluster.until("the default account", default).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circle_of_owners_goes_all_together() {
    let cluster = Cluster::start().await;
    account(&cluster).await;
    let mut uids = Vec::new();
    for name in ["a", "b", "c"] {
        let pod: Pod = cluster.create(small_pod(name, &json!({}))).await;
        uids.push((name, pod.uid().expect("uid")));
    }
    let pods: Api<Pod> = cluster.api();
    for (at, (name, _)) in uids.iter().enumerate() {
        let (owner, uid) = &uids[(at + 2) % 3];
        let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": owner, "uid": uid, "controller": true, "blockOwnerDeletion": true});
        let patch = Patch::Merge(json!({"metadata": {"ownerReferences": [owner]}}));
        pods.patch(name, &PatchParams::default(), &patch)
            .await
            .expect("patched");
    }
    pods.delete("a", &DeleteParams::foreground()).await.expect("deleted");
    cluster
        .until("no pods", |all: Vec<Pod>| all.is_empty().then_some(()))
        .await;
    cluster.group.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_count_what_is_there() {
    let cluster = Cluster::start().await;
    account(&cluster).await;
    let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "2", "configmaps": "9", "count/leases.coordination.k8s.io": "3"}}});
    let _: ResourceQuota = cluster.create(quota).await;
    let used = |pods: &'static str, maps: &'static str| {
        move |all: Vec<ResourceQuota>| {
            let used = all.first()?.status.as_ref()?.used.as_ref()?;
            let amount = |name: &str| used.get(name).map(|amount| amount.0.as_str());
            let counted = (
                amount("pods"),
                amount("configmaps"),
                amount("count/leases.coordination.k8s.io"),
            );
            (counted == (Some(pods), Some(maps), Some("0"))).then_some(())
        }
    };
    // the cluster's CA is one
    cluster.until("first count", used("0", "1")).await;
    let _: Pod = cluster.create(small_pod("p", &json!({}))).await;
    let _: ConfigMap = cluster.create(json!({"metadata": {"name": "m"}})).await;
    cluster.until("one more of each", used("1", "2")).await;
    let pods: Api<Pod> = cluster.api();
    pods.delete("p", &DeleteParams::default()).await.expect("deleted");
    cluster.until("the pod taken off", used("0", "2")).await;
    cluster.group.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_leave_a_namespace_first() {
    let cluster = Cluster::start().await;
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some("going".to_owned());
    namespaces
        .create(&PostParams::default(), &namespace)
        .await
        .expect("made");
    let accounts: Api<ServiceAccount> = Api::namespaced(cluster.client.clone(), "going");
    let mut tries = 0;
    while accounts.get_opt("default").await.expect("get").is_none() {
        tries += 1;
        assert!(tries < 600, "no default account");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), "going");
    let held: Pod = serde_json::from_value(small_pod("p", &json!({"finalizers": ["example.com/hold"]}))).expect("pod");
    pods.create(&PostParams::default(), &held).await.expect("made");
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), "going");
    let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "m"}})).expect("map");
    maps.create(&PostParams::default(), &map).await.expect("made");
    namespaces
        .delete("going", &DeleteParams::default())
        .await
        .expect("deleted");
    let mut last = None;
    for _ in 0..600 {
        last = namespaces.get("going").await.expect("get").status;
        let all = last.iter().flat_map(|status| status.conditions.iter().flatten());
        if all
            .into_iter()
            .any(|c| c.type_ == "NamespaceFinalizersRemaining" && c.status == "True")
        {
            assert!(maps.get_opt("m").await.expect("get").is_some(), "it outlives the pod");
            let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
            pods.patch("p", &PatchParams::default(), &free).await.expect("patched");
            let gone = tokio::time::timeout(Duration::from_secs(20), async {
                while namespaces.get_opt("going").await.expect("get").is_some() {
                    tokio::time::sleep(Duration::from_millis(25)).await;
                }
            });
            gone.await.expect("the namespace goes");
            cluster.group.stop(Duration::from_secs(5)).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no condition about finalizers: {last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_takes_back_a_pod_that_lost_its_owner() {
    use k8s_openapi::api::batch::v1::Job;

    let cluster = Cluster::start().await;
    account(&cluster).await;
    let template = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}});
    let _: Job = cluster
        .create(json!({"metadata": {"name": "j"}, "spec": {"template": template}}))
        .await;
    let owned = |all: Vec<Pod>| {
        all.first()
            .filter(|pod| !pod.owner_references().is_empty())
            .map(|pod| pod.name_any())
    };
    let name = cluster.until("its pod", owned).await;
    let pods: Api<Pod> = cluster.api();
    let orphan = Patch::Merge(json!({"metadata": {"ownerReferences": null}}));
    let orphaned = pods
        .patch(&name, &PatchParams::default(), &orphan)
        .await
        .expect("patched");
    assert!(orphaned.owner_references().is_empty());
    assert_eq!(cluster.until("the pod back", owned).await, name);
    cluster.group.stop(Duration::from_secs(5)).await;
}

//! Claims of StatefulSets, pods of Jobs and taints of nodes, as they come and go.

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Node, PersistentVolumeClaim};
use kube::core::ObjectMeta;

use super::*;

async fn noted(cluster: &Cluster, reason: &str, part: &str) {
    let what = format!("the event {reason} with \"{part}\"");
    cluster
        .until(&what, |events: Vec<Event>| {
            let about = |event: &&Event| event.message.as_ref().is_some_and(|message| message.contains(part));
            let mut noted = events.iter().filter(about);
            noted.any(|event| event.reason.as_deref() == Some(reason)).then_some(())
        })
        .await;
}

/// The object's metadata, once it is not the one with this UID.
async fn another<K>(cluster: &Cluster, what: &str, before: Option<&str>) -> ObjectMeta
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let new = |all: Vec<K>| {
        let metas = all.into_iter().map(|object| object.meta().clone());
        metas.into_iter().find(|meta| meta.uid.as_deref() != before)
    };
    cluster.until(what, new).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stateful_set_whose_claim_somebody_deleted_gets_another() {
    let cluster = Cluster::start().await;
    let template = json!({"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}}}});
    let _: k8s_openapi::api::apps::v1::StatefulSet = cluster
        .create(json!({"metadata": {"name": "db"}, "spec": {"serviceName": "db", "replicas": 1,
            "selector": {"matchLabels": {"app": "db"}}, "volumeClaimTemplates": [template],
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}))
        .await;
    let pod = another::<Pod>(&cluster, "the pod", None).await;
    let claim = another::<PersistentVolumeClaim>(&cluster, "the claim", None).await;
    noted(&cluster, "SuccessfulCreate", "create Claim data-db-0").await;

    // while the pod waits
    let (pods, claims): (Api<Pod>, Api<PersistentVolumeClaim>) = (cluster.api(), cluster.api());
    claims
        .delete("data-db-0", &DeleteParams::default())
        .await
        .expect("deleted");
    let claim = another::<PersistentVolumeClaim>(&cluster, "another claim", claim.uid.as_deref()).await;

    // the claim, which is slow to go, and the pod: the new pod waits for a new claim
    let hold = Patch::Merge(json!({"metadata": {"finalizers": ["kubernetes.io/pvc-protection", "example.com/hold"]}}));
    let params = PatchParams::default();
    claims.patch("data-db-0", &params, &hold).await.expect("held");
    claims
        .delete("data-db-0", &DeleteParams::default())
        .await
        .expect("deleted");
    // what one controller has seen, all know: they share their caches
    let known = |all: Vec<PersistentVolumeClaim>| {
        let held = |claim: &PersistentVolumeClaim| claim.finalizers() == ["example.com/hold"];
        all.iter().any(held).then_some(())
    };
    cluster
        .until("the controllers to know that the claim goes", known)
        .await;
    pods.delete("db-0", &DeleteParams::default()).await.expect("deleted");
    noted(&cluster, "FailedCreate", "pvc data-db-0 is being deleted").await;
    let there = pods.list(&ListParams::default()).await.expect("pods").items;
    assert!(there.iter().all(|there| there.metadata.uid == pod.uid), "{there:?}");
    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    claims.patch("data-db-0", &params, &free).await.expect("free");
    another::<PersistentVolumeClaim>(&cluster, "a third claim", claim.uid.as_deref()).await;
    another::<Pod>(&cluster, "another pod", pod.uid.as_deref()).await;
    cluster.group.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_replaces_only_failed_pods_waits_for_the_end_of_those_that_go() {
    let cluster = Cluster::start().await;
    // of a pod without a node there would be no end to wait for
    cluster.ready_node("a", "1").await;
    let _: Job = cluster
        .create(
            json!({"metadata": {"name": "j"}, "spec": {"podReplacementPolicy": "Failed", "template":
            {"spec": {"nodeName": "a", "restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}}),
        )
        .await;
    let pod = another::<Pod>(&cluster, "the pod", None).await;
    let pods: Api<Pod> = cluster.api();
    let name = pod.name.clone().unwrap_or_default();
    pods.delete(&name, &DeleteParams::default()).await.expect("deleted");
    cluster
        .until("one that goes", |jobs: Vec<Job>| {
            let terminating = jobs.into_iter().next()?.status?.terminating;
            (terminating == Some(1)).then_some(())
        })
        .await;
    let there = pods.list(&ListParams::default()).await.expect("pods").items;
    assert_eq!(there.len(), 1, "{there:?}");
    let failed = Patch::Merge(json!({"status": {"phase": "Failed"}}));
    pods.patch_status(&name, &PatchParams::default(), &failed)
        .await
        .expect("failed");
    cluster
        .until("it counts", |jobs: Vec<Job>| {
            let failed = jobs.into_iter().next()?.status?.failed;
            (failed == Some(1)).then_some(())
        })
        .await;
    cluster.group.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taint_sends_away_who_does_not_bear_it_and_says_so() {
    let cluster = Cluster::start().await;
    cluster.ready_node("a", "1").await;
    let finalizers = json!(["example.com/hold"]);
    for (name, tolerations) in [
        ("strict", json!([])),
        (
            "patient",
            json!([{"key": "mine", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}]),
        ),
        ("lasting", json!([{"key": "mine", "operator": "Exists"}])),
    ] {
        let spec = json!({"nodeName": "a", "tolerations": tolerations, "containers": [{"name": "c", "image": "i"}]});
        let meta = json!({"name": name, "finalizers": finalizers});
        let _: Pod = cluster.create(json!({"metadata": meta, "spec": spec})).await;
    }
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    // as kubectl writes it: the taint does not say since when it is there
    let taint = Patch::Merge(json!({"spec": {"taints": [{"key": "mine", "effect": "NoExecute"}]}}));
    nodes
        .patch("a", &PatchParams::default(), &taint)
        .await
        .expect("tainted");
    let going = |pods: Vec<Pod>| {
        let going = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_some());
        let told = |pod: &Pod| {
            let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
            conditions.any(|condition| condition.reason.as_deref() == Some("DeletionByTaintManager"))
        };
        let mut names: Vec<_> = going.filter(|pod| told(pod)).map(|pod| pod.name_any()).collect();
        names.sort();
        (names == ["patient", "strict"]).then_some(())
    };
    cluster.until("two pods go", going).await;
    cluster.group.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_counts_the_pods_that_somebody_manages() {
    let cluster = Cluster::start().await;
    let labels = json!({"app": "web", "managed": "yes"});
    let container = json!([{"name": "c", "image": "i"}]);
    let _: k8s_openapi::api::core::v1::ReplicationController = cluster
        .create(
            json!({"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": labels,
            "template": {"metadata": {"labels": labels}, "spec": {"containers": container}}}}),
        )
        .await;
    cluster
        .until("its pods", |pods: Vec<Pod>| (pods.len() == 2).then_some(()))
        .await;
    let _: k8s_openapi::api::policy::v1::PodDisruptionBudget = cluster
        .create(
            json!({"metadata": {"name": "web"}, "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}}}),
        )
        .await;
    let _: Pod = cluster
        .create(
            json!({"metadata": {"name": "bare", "labels": {"app": "web", "bare": "yes"}, "ownerReferences": []},
            "spec": {"containers": container}}),
        )
        .await;
    cluster.run_pods().await;
    let counted = |budgets: Vec<k8s_openapi::api::policy::v1::PodDisruptionBudget>| {
        let status = budgets.into_iter().next()?.status?;
        (status.expected_pods == Some(2) && status.disruptions_allowed >= Some(1)).then_some(())
    };
    cluster.until("a disruption is allowed", counted).await;
    cluster.group.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_whose_name_is_taken_gets_another() {
    let cluster = Cluster::start().await;
    let set = json!({"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"app": "d"}},
        "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    // the name ends in the template's hash, whoever has the template
    let mut other = set.clone();
    other["metadata"]["name"] = "e".into();
    let _: DaemonSet = cluster.create(other).await;
    let first = another::<ControllerRevision>(&cluster, "its revision", None).await;
    let name = first.name.expect("a name").replacen("e-", "d-", 1);
    let revisions: Api<ControllerRevision> = cluster.api();

    // somebody else's, of the same name
    let foreign = json!({"metadata": {"name": name}, "revision": 1, "data": {"of": "somebody else"}});
    let _: ControllerRevision = cluster.create(foreign).await;
    let _: DaemonSet = cluster.create(set).await;
    let counted = |all: Vec<DaemonSet>| {
        let set = all.into_iter().find(|set| set.name_any() == "d")?;
        set.status?.collision_count
    };
    assert_eq!(cluster.until("the collision to be counted", counted).await, 1);
    let mut all = revisions.list(&ListParams::default()).await.expect("a list").items;
    all.retain(|one| one.name_any().starts_with("d-"));
    let own = all.iter().filter(|one| one.metadata.owner_references.is_some());
    assert_eq!((all.len(), own.count()), (2, 1));
}

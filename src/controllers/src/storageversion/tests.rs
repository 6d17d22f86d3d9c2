//! The controller against the real API server.

use serde_json::json;

use super::*;
use crate::tests::{Cluster, until};

fn find(all: Vec<StorageVersion>, name: &str) -> Option<StorageVersion> {
    all.into_iter().find(|one| one.name_any() == name)
}

#[tokio::test]
async fn the_server_says_how_it_stores_each_resource() {
    let cluster = Cluster::start().await;
    let versions: Api<StorageVersion> = Api::all(cluster.client.clone());
    for (name, stored) in [
        ("core.pods", "v1"),
        ("apps.deployments", "apps/v1"),
        ("autoscaling.horizontalpodautoscalers", "autoscaling/v2"),
        ("coordination.k8s.io.leasecandidates", "coordination.k8s.io/v1beta1"),
        ("events.k8s.io.events", "v1"),
    ] {
        let status = until(&versions, name, |all| {
            find(all, name)?
                .status
                .filter(|status| status.common_encoding_version.is_some())
        })
        .await;
        assert_eq!(status.common_encoding_version.as_deref(), Some(stored), "{name}");
        let condition = &status.conditions.expect("conditions")[0];
        assert_eq!((condition.type_.as_str(), condition.status.as_str()), (EQUAL, "True"));
    }
    let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), identity::NAMESPACE);
    let name = identity::name("");
    until(&leases, "the server's lease", |all| {
        all.iter()
            .any(|lease| lease.name_any() == name && identity::is_identity(lease))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_server_said_goes_with_its_lease() {
    let cluster = Cluster::start().await;
    let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), identity::NAMESPACE);
    identity::take(&cluster.client, "other").await.expect("lease");
    let versions: Api<StorageVersion> = Api::all(cluster.client.clone());
    let server = |id: &str, version: &str| json!({"apiServerID": id, "encodingVersion": version, "decodableVersions": [version]});
    // one that only the other server knows, and one that both do
    let (own, other) = (identity::name(""), identity::name("other"));
    until(&leases, "this server's lease", |all| {
        all.iter().any(|lease| lease.name_any() == own).then_some(())
    })
    .await;
    for (name, servers) in [
        ("fruit.example.apples", vec![server(&other, "v1")]),
        ("fruit.example.pears", vec![server(&own, "v1"), server(&other, "v2")]),
        ("fruit.example.nobodys", vec![server("apiserver-unknown", "v1")]),
    ] {
        let object = json!({"metadata": {"name": name}, "spec": {}});
        let made = versions
            .create(&PostParams::default(), &serde_json::from_value(object).expect("object"))
            .await;
        let mut made = made.expect("made");
        let status = made.status.get_or_insert_default();
        status.storage_versions = Some(serde_json::from_value(servers.into()).expect("servers"));
        agree(status);
        versions
            .replace_status(name, &PostParams::default(), &made)
            .await
            .expect("said");
    }
    until(&versions, "nobody's to go", |all| {
        find(all, "fruit.example.nobodys").is_none().then_some(())
    })
    .await;
    let pears = versions.get("fruit.example.pears").await.expect("pears");
    assert_eq!(servers(&pears).count(), 2);
    leases.delete(&other, &DeleteParams::default()).await.expect("gone");
    until(&versions, "the other's to go", |all| {
        find(all, "fruit.example.apples").is_none().then_some(())
    })
    .await;
    let status = until(&versions, "the other's word to go", |all| {
        let pears = find(all, "fruit.example.pears")?;
        (servers(&pears).count() == 1).then_some(pears.status?)
    })
    .await;
    assert_eq!(status.common_encoding_version.as_deref(), Some("v1"));
}

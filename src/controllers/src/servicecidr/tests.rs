use std::sync::Arc;

use k8s_openapi::api::core::v1::{Event, Service};
use k8s_openapi::api::networking::v1::{IPAddress, ServiceCIDR};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::may_go;
use crate::tests::{Cluster, until};

fn range(name: &str, cidr: &str) -> Arc<ServiceCIDR> {
    let object = json!({"metadata": {"name": name}, "spec": {"cidrs": [cidr]}});
    Arc::new(serde_json::from_value(object).expect("range"))
}

fn address(name: &str) -> Arc<IPAddress> {
    let object = json!({"metadata": {"name": name, "labels": {super::MANAGED_BY: super::ALLOCATOR}},
        "spec": {"parentRef": {"resource": "services", "namespace": "a", "name": "b"}}});
    Arc::new(serde_json::from_value(object).expect("address"))
}

#[test]
fn a_range_stays_while_an_address_lies_in_no_other() {
    let (wide, narrow) = (range("wide", "10.0.0.0/16"), range("narrow", "10.0.1.0/24"));
    let all = [wide.clone(), narrow.clone()];
    assert!(may_go(&narrow, &all, &[address("10.0.1.5")]), "the wide one has it too");
    assert!(may_go(&wide, &all, &[address("10.0.1.5")]), "the narrow one has it too");
    assert!(!may_go(&wide, &all, &[address("10.0.2.5")]));
    assert!(may_go(&wide, &all, &[]));
    assert!(!may_go(&narrow, std::slice::from_ref(&narrow), &[address("10.0.1.5")]));
}

#[tokio::test]
async fn services_get_addresses_of_a_further_range_which_then_stays() {
    let cluster = Cluster::start().await;
    let ranges: Api<ServiceCIDR> = Api::all(cluster.client.clone());
    let more = range("more", "10.200.0.0/28");
    ranges.create(&PostParams::default(), &more).await.expect("created");
    let is_ready = |all: Vec<ServiceCIDR>, wanted: &str| {
        let range = all.into_iter().find(|range| range.name_any() == "more")?;
        let ready = range.status?.conditions?.into_iter().find(|one| one.type_ == "Ready")?;
        (ready.status == wanted).then_some(ready.reason)
    };
    until(&ranges, "the range to be ready", |all| is_ready(all, "True")).await;
    let service = json!({"metadata": {"name": "web"}, "spec": {"clusterIP": "10.200.0.5", "ports": [{"port": 80}]}});
    let _: Service = cluster.create(service).await;
    ranges.delete("more", &DeleteParams::default()).await.expect("deleted");
    let reason = until(&ranges, "the range to wait", |all| is_ready(all, "False")).await;
    assert_eq!(reason, "Terminating");
    // a range that is going gives nothing away
    let late = json!({"metadata": {"name": "late"}, "spec": {"clusterIP": "10.200.0.6", "ports": [{"port": 80}]}});
    let late: Service = serde_json::from_value(late).expect("service");
    let services = cluster.api::<Service>();
    let refused = services.create(&PostParams::default(), &late).await;
    assert!(
        refused
            .expect_err("refused")
            .to_string()
            .contains("not in the valid range")
    );
    services.delete("web", &DeleteParams::default()).await.expect("deleted");
    until(&ranges, "the range to be gone", |all| (all.len() == 1).then_some(())).await;
}

#[tokio::test]
async fn an_address_that_somebody_deleted_is_made_again() {
    let cluster = Cluster::start().await;
    let service = json!({"metadata": {"name": "web"}, "spec": {"clusterIP": "10.96.0.77", "ports": [{"port": 80}]}});
    let _: Service = cluster.create(service).await;
    let addresses: Api<IPAddress> = Api::all(cluster.client.clone());
    let first = addresses.get("10.96.0.77").await.expect("made with the service");
    addresses
        .delete("10.96.0.77", &DeleteParams::default())
        .await
        .expect("deleted");
    let parent = until(&addresses, "the address", |all| {
        let found = all.into_iter().find(|one| one.name_any() == "10.96.0.77")?;
        (found.uid() != first.uid()).then_some(found.spec.parent_ref.name)
    })
    .await;
    assert_eq!(parent, "web");
    cluster
        .until("a warning", |all: Vec<Event>| {
            let said = all
                .iter()
                .any(|event| event.reason.as_deref() == Some("ClusterIPNotAllocated"));
            said.then_some(())
        })
        .await;
}

#[tokio::test]
async fn an_address_for_nobody_is_removed() {
    let cluster = Cluster::start().await;
    let lost = address("10.96.0.78");
    let addresses: Api<IPAddress> = Api::all(cluster.client.clone());
    addresses.create(&PostParams::default(), &lost).await.expect("created");
    until(&addresses, "the address to be gone", |all| {
        all.iter().all(|one| one.name_any() != "10.96.0.78").then_some(())
    })
    .await;
}

//! The controller against the real API server.

use k8s_openapi::api::core::v1::{Event, Node};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::Value;

use super::*;
use crate::Config;
use crate::tests::{Cluster, until};

/// Four ranges, of which the second is for the node `host`.
async fn cluster() -> (Cluster, Api<Node>) {
    let pods = PodRanges {
        network: "10.244.0.0/22".parse().expect("network"),
        node_prefix: 24,
        services: "10.96.0.0/16".parse().expect("network"),
        planned: [("host".to_owned(), "10.244.1.0/24".parse().expect("range"))].into(),
    };
    let cluster = Cluster::start_with(Config {
        pods: Some(pods),
        ..Config::default()
    })
    .await;
    let nodes = Api::all(cluster.client.clone());
    (cluster, nodes)
}

async fn create(nodes: &Api<Node>, name: &str, spec: Value) {
    let node = serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).expect("node");
    nodes.create(&PostParams::default(), &node).await.expect("created");
}

/// Waits until the node has a range, the same in both fields.
async fn range(nodes: &Api<Node>, name: &str) -> String {
    until(nodes, &format!("a range of {name}"), |all| {
        let spec = all.into_iter().find(|node| node.name_any() == name)?.spec?;
        let range = spec.pod_cidr?;
        assert_eq!(spec.pod_cidrs, Some(vec![range.clone()]));
        Some(range)
    })
    .await
}

#[tokio::test]
async fn nodes_get_what_was_planned_for_them_or_what_nobody_has() {
    let (_cluster, nodes) = cluster().await;
    create(&nodes, "own", json!({"podCIDR": "10.244.0.0/24"})).await;
    create(&nodes, "first", json!({})).await;
    assert_eq!(
        range(&nodes, "first").await,
        "10.244.2.0/24",
        "the one before is for a node to come"
    );
    create(&nodes, "host", json!({})).await;
    assert_eq!(range(&nodes, "host").await, "10.244.1.0/24");
    assert_eq!(range(&nodes, "own").await, "10.244.0.0/24");
}

#[tokio::test]
async fn a_node_waits_until_another_gives_its_range_back() {
    let (cluster, nodes) = cluster().await;
    for name in ["a", "b", "c"] {
        create(&nodes, name, json!({})).await;
        range(&nodes, name).await;
    }
    create(&nodes, "late", json!({})).await;
    let events: Api<Event> = Api::all(cluster.client.clone());
    until(&events, "the event", |all| {
        let event = all
            .into_iter()
            .find(|event| event.reason.as_deref() == Some("CIDRNotAvailable"))?;
        assert_eq!(event.involved_object.name.as_deref(), Some("late"));
        assert_eq!(
            event.message.as_deref(),
            Some("Node late status is now: CIDRNotAvailable")
        );
        Some(())
    })
    .await;
    let given = range(&nodes, "b").await;
    nodes.delete("b", &DeleteParams::default()).await.expect("deleted");
    assert_eq!(range(&nodes, "late").await, given);
}

#[tokio::test]
async fn a_range_that_is_set_cannot_be_changed() {
    let (_cluster, nodes) = cluster().await;
    create(&nodes, "a", json!({})).await;
    let given = range(&nodes, "a").await;
    let patch = Patch::Merge(json!({"spec": {"podCIDR": "10.244.3.0/24", "podCIDRs": ["10.244.3.0/24"]}}));
    let refused = nodes.patch("a", &PatchParams::default(), &patch).await;
    let error = refused.expect_err("refused").to_string();
    assert!(error.contains("node updates may not change podCIDR"), "{error}");
    assert_eq!(range(&nodes, "a").await, given);
}

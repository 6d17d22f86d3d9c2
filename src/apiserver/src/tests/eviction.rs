//! Evictions and the budgets that may refuse them.

use http::StatusCode;
use serde_json::{Value, json};

use super::Server;

const PODS: &str = "/api/v1/namespaces/default/pods";
const BUDGETS: &str = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

async fn evict(server: &Server, pod: &str, options: Value) -> StatusCode {
    let eviction =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}, "deleteOptions": options});
    server.post(&format!("{PODS}/{pod}/eviction"), &eviction).await.0
}

#[tokio::test]
async fn a_dry_run_spends_no_budget() {
    let server = Server::start().await.with_default_account().await;
    for name in ["a", "b"] {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "x"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]}});
        let (_, mut made) = server.post(PODS, &pod).await;
        made["status"] = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
        let (status, answer) = server.put(&format!("{PODS}/{name}/status"), &made).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "p"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}});
    let (_, mut made) = server.post(BUDGETS, &budget).await;
    made["status"] = json!({"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1,
        "expectedPods": 2});
    let (status, answer) = server.put(&format!("{BUDGETS}/p/status"), &made).await;
    assert_eq!(status, StatusCode::OK, "{answer}");

    for name in ["a", "b"] {
        assert_eq!(
            evict(&server, name, json!({"dryRun": ["All"]})).await,
            StatusCode::CREATED
        );
    }
    let (_, left) = server.get(&format!("{BUDGETS}/p")).await;
    assert_eq!(left["status"]["disruptionsAllowed"], 1, "{left}");

    assert_eq!(evict(&server, "a", json!({})).await, StatusCode::CREATED);
    assert_eq!(evict(&server, "b", json!({})).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        evict(&server, "b", json!({"dryRun": ["All"]})).await,
        StatusCode::TOO_MANY_REQUESTS,
        "a dry run says what would happen"
    );
}

#[tokio::test]
async fn an_evicted_pod_says_why_it_goes() {
    let server = Server::start().await.with_default_account().await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "finalizers": ["example.com/hold"]},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    server.post(PODS, &pod).await;
    assert_eq!(evict(&server, "a", json!({})).await, StatusCode::CREATED);
    let (_, going) = server.get(&format!("{PODS}/a")).await;
    assert!(going["metadata"]["deletionTimestamp"].is_string(), "{going}");
    let condition = &going["status"]["conditions"][0];
    assert_eq!(
        (condition["type"].as_str(), condition["reason"].as_str()),
        (Some("DisruptionTarget"), Some("EvictionByEvictionAPI"))
    );
}

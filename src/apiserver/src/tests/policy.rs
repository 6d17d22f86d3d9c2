//! What admission adds and refuses: limit ranges, quotas, runtime classes.

use http::StatusCode;
use serde_json::{Value, json};

use super::Server;

const PODS: &str = "/api/v1/namespaces/default/pods";
const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";

fn pod(name: &str, resources: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": resources}]}})
}

fn message(answer: &Value) -> &str {
    answer["message"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn limit_ranges_give_defaults_and_bounds() {
    let server = Server::start().await.with_default_account().await;
    let range = json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": [
        {"type": "Container", "min": {"cpu": "50m"}, "max": {"cpu": "500m"}, "default": {"cpu": "400m"},
            "defaultRequest": {"cpu": "100m"}, "maxLimitRequestRatio": {"cpu": "4"}},
        {"type": "Pod", "max": {"memory": "1Gi"}},
    ]}});
    let (status, made) = server.post("/api/v1/namespaces/default/limitranges", &range).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let memory = json!({"limits": {"memory": "1Gi"}});
    let (status, made) = server.post(PODS, &pod("a", &memory)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let resources = &made["spec"]["containers"][0]["resources"];
    assert_eq!(resources["requests"], json!({"cpu": "100m", "memory": "1Gi"}));
    assert_eq!(resources["limits"], json!({"cpu": "400m", "memory": "1Gi"}));
    assert_eq!(
        made["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    );
    for (resources, why) in [
        (
            json!({"requests": {"cpu": "10m"}, "limits": {"memory": "1Gi"}}),
            "minimum cpu usage per Container is 50m, but request is 10m",
        ),
        (
            json!({"limits": {"cpu": "2", "memory": "1Gi"}}),
            "maximum cpu usage per Container is 500m, but limit is 2",
        ),
        (
            json!({"limits": {"memory": "2Gi"}}),
            "maximum memory usage per Pod is 1Gi, but limit is 2Gi",
        ),
        (
            json!({"requests": {"cpu": "50m"}, "limits": {"cpu": "400m", "memory": "1Gi"}}),
            "cpu max limit to request ratio per Container is 4, but provided ratio is 8",
        ),
    ] {
        let (status, refused) = server.post(PODS, &pod("b", &resources)).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
        assert!(message(&refused).contains(why), "{refused}");
    }
}

/// Makes a quota and plays the controller that fills in its status.
async fn quota(server: &Server, hard: Value, used: Value) {
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}});
    let (status, mut made) = server.post(QUOTAS, &quota).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made["status"] = json!({"hard": hard, "used": used});
    let (status, answer) = server.put(&format!("{QUOTAS}/q/status"), &made).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test]
async fn a_quota_counts_with_the_write_and_refuses_what_is_too_much() {
    let server = Server::start().await.with_default_account().await;
    quota(
        &server,
        json!({"pods": "2", "requests.cpu": "1"}),
        json!({"pods": "0", "requests.cpu": "0"}),
    )
    .await;
    let (status, refused) = server.post(PODS, &pod("silent", &json!({}))).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
    assert!(
        message(&refused).contains("failed quota: q: must specify requests.cpu for: c"),
        "{refused}"
    );
    let (status, made) = server
        .post(PODS, &pod("a", &json!({"requests": {"cpu": "600m"}})))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (_, counted) = server.get(&format!("{QUOTAS}/q")).await;
    assert_eq!(counted["status"]["used"], json!({"pods": "1", "requests.cpu": "600m"}));
    let (status, refused) = server
        .post(PODS, &pod("b", &json!({"requests": {"cpu": "500m"}})))
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
    let why = "exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1";
    assert!(message(&refused).contains(why), "{refused}");
    let (status, _) = server
        .post(
            &format!("{PODS}?dryRun=All"),
            &pod("c", &json!({"requests": {"cpu": "1m"}})),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED);
    let (_, unchanged) = server.get(&format!("{QUOTAS}/q")).await;
    assert_eq!(unchanged["status"], counted["status"], "a dry run counts nothing");
}

#[tokio::test]
async fn a_quota_follows_changes_of_services_and_waits_for_its_controller() {
    let server = Server::start().await;
    quota(
        &server,
        json!({"services": "5", "services.nodeports": "1"}),
        json!({"services": "0"}),
    )
    .await;
    let services = "/api/v1/namespaces/default/services";
    let mut service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
        "spec": {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}});
    let (status, refused) = server.post(services, &service).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(
        message(&refused).contains("status unknown for quota: q, resources: services.nodeports"),
        "{refused}"
    );
    let (_, mut counted) = server.get(&format!("{QUOTAS}/q")).await;
    counted["status"]["used"] = json!({"services": "0", "services.nodeports": "0"});
    server.put(&format!("{QUOTAS}/q/status"), &counted).await;
    let (status, made) = server.post(services, &service).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    service = made;
    service["spec"]["type"] = "NodePort".into();
    let (status, refused) = server.put(&format!("{services}/s"), &service).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
    assert!(
        message(&refused).contains("requested: services.nodeports=2"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_pod_gets_the_overhead_and_the_nodes_of_its_runtime_class() {
    let server = Server::start().await.with_default_account().await;
    let mut wanted = pod("a", &json!({}));
    wanted["spec"]["runtimeClassName"] = "sandboxed".into();
    let (status, refused) = server.post(PODS, &wanted).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(
        message(&refused).contains("RuntimeClass \"sandboxed\" not found"),
        "{refused}"
    );
    let class = json!({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "sandboxed"}, "handler": "h",
        "overhead": {"podFixed": {"cpu": "10m"}},
        "scheduling": {"nodeSelector": {"kvm": "yes"}, "tolerations": [{"key": "kvm", "operator": "Exists"}]}});
    let (status, made) = server.post("/apis/node.k8s.io/v1/runtimeclasses", &class).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (status, made) = server.post(PODS, &wanted).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["spec"]["overhead"], json!({"cpu": "10m"}));
    assert_eq!(made["spec"]["nodeSelector"], json!({"kvm": "yes"}));
    let tolerations = made["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
    assert!(tolerations.iter().any(|own| own["key"] == "kvm"), "{tolerations:?}");
    wanted["metadata"]["name"] = "b".into();
    wanted["spec"]["nodeSelector"] = json!({"kvm": "no"});
    assert_eq!(server.post(PODS, &wanted).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn replaced_tolerations_keep_the_two_that_every_pod_has() {
    let server = Server::start().await.with_default_account().await;
    let (_, mut made) = server.post(PODS, &pod("a", &json!({}))).await;
    made["spec"]["tolerations"] = json!([{"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"}]);
    let (status, changed) = server.put(&format!("{PODS}/a"), &made).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    let keys: Vec<&Value> = changed["spec"]["tolerations"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|own| &own["key"])
        .collect();
    assert_eq!(
        keys,
        ["k", "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
    );
}

#[tokio::test]
async fn a_service_that_becomes_a_name_gives_up_address_and_node_ports() {
    let server = Server::start().await;
    let services = "/api/v1/namespaces/default/services";
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
        "spec": {"type": "NodePort", "ports": [{"port": 80}]}});
    let (_, mut made) = server.post(services, &service).await;
    assert!(made["spec"]["ports"][0]["nodePort"].is_u64(), "{made}");
    made["spec"]["type"] = "ExternalName".into();
    made["spec"]["externalName"] = "example.com".into();
    let (status, changed) = server.put(&format!("{services}/s"), &made).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert!(changed["spec"]["ports"][0].get("nodePort").is_none() && changed["spec"].get("clusterIP").is_none());
}

#[tokio::test]
async fn many_at_once_get_no_more_than_the_quota() {
    let server = Server::start().await.with_default_account().await;
    quota(&server, json!({"pods": "5"}), json!({"pods": "0"})).await;
    let server = &server;
    let writes = (0..20).map(|number| async move {
        let pod = pod(&format!("p{number}"), &json!({}));
        server.post(PODS, &pod).await.0
    });
    let answers = futures::future::join_all(writes).await;
    let made = answers.iter().filter(|status| **status == StatusCode::CREATED).count();
    let refused = answers
        .iter()
        .filter(|status| **status == StatusCode::FORBIDDEN)
        .count();
    assert_eq!((made, refused), (5, 15));
    let (_, after) = server.get(&format!("{QUOTAS}/q")).await;
    assert_eq!(after["status"]["used"]["pods"], "5");
    let (_, list) = server.get(PODS).await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(5));
}

#[tokio::test]
async fn many_services_at_once_get_an_address_each_and_none_twice() {
    let server = Server::start().await;
    let server = &server;
    let path = "/api/v1/namespaces/default/services";
    let service = |name: String, address: &str| {
        let mut service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}});
        if !address.is_empty() {
            service["spec"]["clusterIP"] = address.into();
        }
        service
    };
    let any = (0..40).map(|number| async move { server.post(path, &service(format!("any{number}"), "")).await.1 });
    let made = futures::future::join_all(any).await;
    let mut addresses: Vec<&str> = made
        .iter()
        .filter_map(|one| one["spec"]["clusterIP"].as_str())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 40);
    let same = (0..10).map(|number| async move {
        server
            .post(path, &service(format!("same{number}"), "10.96.0.77"))
            .await
            .0
    });
    let answers = futures::future::join_all(same).await;
    let made = answers.iter().filter(|status| **status == StatusCode::CREATED).count();
    let refused = answers
        .iter()
        .filter(|status| **status == StatusCode::UNPROCESSABLE_ENTITY)
        .count();
    assert_eq!((made, refused), (1, 9), "{answers:?}");
}

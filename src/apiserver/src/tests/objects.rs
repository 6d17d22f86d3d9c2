//! Creating, reading, changing and deleting objects.

use http::{Method, StatusCode};
use serde_json::json;

use super::{Server, admin};

fn config_map(name: &str, value: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"app": name}}, "data": {"key": value}})
}

fn pod(name: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "busybox"}]}})
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PODS: &str = "/api/v1/namespaces/default/pods";

#[tokio::test]
async fn what_is_created_is_read_back_with_the_metadata_that_the_server_owns() {
    let server = Server::start().await;
    let (status, created) = server.post(MAPS, &config_map("a", "1")).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let (status, read) = server.get(&format!("{MAPS}/a")).await;
    assert_eq!((status, &read), (StatusCode::OK, &created));
    assert_eq!(read["metadata"]["namespace"], "default");
    assert!(read["metadata"]["uid"].as_str().is_some_and(|uid| uid.len() == 36));
    let (status, twice) = server.post(MAPS, &config_map("a", "2")).await;
    assert_eq!(
        (status, twice["reason"].as_str()),
        (StatusCode::CONFLICT, Some("AlreadyExists"))
    );
    let (_, list) = server.get(&format!("{MAPS}?labelSelector=app=a")).await;
    assert_eq!(list["items"], json!([read]));
    assert_eq!(list["kind"], "ConfigMapList");
}

#[tokio::test]
async fn an_update_of_an_old_version_conflicts_and_one_without_change_writes_nothing() {
    let server = Server::start().await;
    let (_, first) = server.post(MAPS, &config_map("a", "1")).await;
    let mut changed = first.clone();
    changed["data"]["key"] = "2".into();
    let (status, second) = server.put(&format!("{MAPS}/a"), &changed).await;
    assert_eq!(status, StatusCode::OK);
    assert_ne!(
        second["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    let (status, refused) = server.put(&format!("{MAPS}/a"), &changed).await;
    assert_eq!(
        (status, refused["reason"].as_str()),
        (StatusCode::CONFLICT, Some("Conflict"))
    );
    let (_, same) = server.put(&format!("{MAPS}/a"), &second).await;
    assert_eq!(
        same["metadata"]["resourceVersion"],
        second["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn merge_json_and_strategic_patches_change_the_live_object() {
    let server = Server::start().await.with_default_account().await;
    server.post(MAPS, &config_map("a", "1")).await;
    let path = format!("{MAPS}/a");
    let (_, merged) = server
        .patch(
            &path,
            "application/merge-patch+json",
            &json!({"data": {"key": null, "b": "2"}}),
        )
        .await;
    assert_eq!(merged["data"], json!({"b": "2"}));
    let operations = json!([{"op": "replace", "path": "/data/b", "value": "3"}]);
    let (_, patched) = server.patch(&path, "application/json-patch+json", &operations).await;
    assert_eq!(patched["data"], json!({"b": "3"}));
    server.post(PODS, &pod("p")).await;
    let image = json!({"spec": {"containers": [{"name": "c", "image": "nginx"}]}});
    let (status, pod) = server
        .patch(&format!("{PODS}/p"), "application/strategic-merge-patch+json", &image)
        .await;
    assert_eq!(status, StatusCode::OK, "{pod}");
    assert_eq!(pod["spec"]["containers"][0]["image"], "nginx");
    assert_eq!(pod["spec"]["containers"].as_array().map(Vec::len), Some(1));
    let (status, _) = server.patch(&path, "text/plain", &json!({})).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_bound_pod_goes_in_two_steps_and_a_finalizer_keeps_an_object() {
    let server = Server::start().await.with_default_account().await;
    let mut bound = pod("p");
    bound["spec"]["nodeName"] = "n1".into();
    let (status, made) = server.post(PODS, &bound).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["status"]["phase"], "Pending");
    assert_eq!(made["spec"]["serviceAccountName"], "default");
    let (_, going) = server.delete(&format!("{PODS}/p")).await;
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 30);
    assert_eq!(server.get(&format!("{PODS}/p")).await.0, StatusCode::OK);
    let (status, _) = server.delete(&format!("{PODS}/p?gracePeriodSeconds=0")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(server.get(&format!("{PODS}/p")).await.0, StatusCode::NOT_FOUND);

    let mut kept = config_map("k", "1");
    kept["metadata"]["finalizers"] = json!(["example.com/wait"]);
    server.post(MAPS, &kept).await;
    let (_, going) = server.delete(&format!("{MAPS}/k")).await;
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    server
        .patch(
            &format!("{MAPS}/k"),
            "application/merge-patch+json",
            &json!({"metadata": {"finalizers": null}}),
        )
        .await;
    assert_eq!(server.get(&format!("{MAPS}/k")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn services_get_addresses_and_ports_that_nobody_else_has() {
    let server = Server::start().await;
    let path = "/api/v1/namespaces/default/services";
    let service = |name: &str, address: &str| {
        let mut service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}});
        if !address.is_empty() {
            service["spec"]["clusterIP"] = address.into();
        }
        service
    };
    let (status, one) = server.post(path, &service("one", "")).await;
    assert_eq!(status, StatusCode::CREATED, "{one}");
    let address = one["spec"]["clusterIP"].as_str().unwrap().to_owned();
    assert!(address.starts_with("10.96."));
    assert!((30_000..=32_767).contains(&one["spec"]["ports"][0]["nodePort"].as_i64().unwrap()));
    let (status, taken) = server.post(path, &service("two", &address)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        taken["message"].as_str().unwrap().contains("already allocated"),
        "{taken}"
    );
    server.delete(&format!("{path}/one")).await;
    assert_eq!(
        server.post(path, &service("two", &address)).await.0,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_list_comes_in_pages_of_one_revision() {
    let server = Server::start().await;
    for name in ["a", "b", "c"] {
        server.post(MAPS, &config_map(name, "1")).await;
    }
    let (_, first) = server.get(&format!("{MAPS}?limit=2")).await;
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    server.post(MAPS, &config_map("d", "1")).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = server.get(&format!("{MAPS}?limit=2&continue={token}")).await;
    assert_eq!(second["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        second["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    let (status, _) = server.get(&format!("{MAPS}?continue=broken")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn unknown_fields_warn_or_fail_as_asked() {
    let server = Server::start().await;
    let mut object = config_map("a", "1");
    object["nonsense"] = 1.into();
    let (status, error) = server.post(&format!("{MAPS}?fieldValidation=Strict"), &object).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("unknown field \"nonsense\""),
        "{error}"
    );
    let (status, stored) = server.post(MAPS, &object).await;
    assert_eq!((status, stored.get("nonsense")), (StatusCode::CREATED, None));
}

#[tokio::test]
async fn a_dry_run_leaves_no_trace() {
    let server = Server::start().await;
    let (status, _) = server.post(&format!("{MAPS}?dryRun=All"), &config_map("a", "1")).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(server.get(&format!("{MAPS}/a")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn objects_of_namespaces_that_do_not_exist_are_refused() {
    let server = Server::start().await;
    let (status, error) = server
        .post("/api/v1/namespaces/nowhere/configmaps", &config_map("a", "1"))
        .await;
    assert_eq!(
        (status, error["message"].as_str()),
        (StatusCode::NOT_FOUND, Some("namespaces \"nowhere\" not found"))
    );
}

#[tokio::test]
async fn scale_and_binding_change_just_their_part() {
    let server = Server::start().await.with_default_account().await;
    let path = "/apis/apps/v1/namespaces/default/replicasets";
    let labels = json!({"app": "a"});
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "rs"}, "spec": {"selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "busybox"}]}}}});
    let (status, made) = server.post(path, &set).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (status, scale) = server
        .patch(
            &format!("{path}/rs/scale"),
            "application/merge-patch+json",
            &json!({"spec": {"replicas": 3}}),
        )
        .await;
    assert_eq!(
        (status, &scale["spec"]["replicas"], &scale["status"]["selector"]),
        (StatusCode::OK, &json!(3), &json!("app=a"))
    );
    let (_, read) = server.get(&format!("{path}/rs")).await;
    assert_eq!(
        (&read["spec"]["replicas"], &read["metadata"]["generation"]),
        (&json!(3), &json!(2))
    );

    server.post(PODS, &pod("p")).await;
    let promised = json!({"status": {"nominatedNodeName": "n2"}});
    let merge = "application/merge-patch+json";
    let (status, _) = server.patch(&format!("{PODS}/p/status"), merge, &promised).await;
    assert_eq!(status, StatusCode::OK);
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}});
    let (status, _) = server.post(&format!("{PODS}/p/binding"), &binding).await;
    assert_eq!(status, StatusCode::CREATED);
    let (_, bound) = server.get(&format!("{PODS}/p")).await;
    assert_eq!(bound["spec"]["nodeName"], "n1");
    assert_eq!(bound["status"].get("nominatedNodeName"), None, "it waits for no node");
    let (status, _) = server
        .ask(
            admin(),
            Method::POST,
            &format!("{PODS}/p/binding"),
            &binding.to_string(),
            "application/json",
        )
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn server_side_apply_owns_fields_and_reports_conflicts() {
    let server = Server::start().await;
    let path = |manager: &str| format!("{MAPS}/a?fieldManager={manager}");
    let apply = "application/apply-patch+yaml";
    let (status, made) = server.patch(&path("one"), apply, &config_map("a", "1")).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "one");
    let (status, conflict) = server.patch(&path("two"), apply, &config_map("a", "2")).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(
        conflict["message"],
        "Apply failed with 1 conflict: conflict with \"one\": .data.key"
    );
    let (status, forced) = server
        .patch(&format!("{}&force=true", path("two")), apply, &config_map("a", "2"))
        .await;
    assert_eq!((status, &forced["data"]["key"]), (StatusCode::OK, &json!("2")));
    let (_, again) = server.patch(&path("two"), apply, &config_map("a", "2")).await;
    assert_eq!(
        again["metadata"]["resourceVersion"],
        forced["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn kubectl_gets_tables() {
    let server = Server::start().await;
    server.post(MAPS, &config_map("a", "1")).await;
    let request = http::Request::get(MAPS).header(
        "accept",
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    );
    let response = server.raw(admin(), request.body(String::new()).unwrap()).await;
    let bytes = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap()
        .to_bytes();
    let table: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["columnDefinitions"][1]["name"], "Data");
    assert_eq!(
        (
            &table["rows"][0]["cells"][0],
            &table["rows"][0]["object"]["metadata"]["name"]
        ),
        (&json!("a"), &json!("a"))
    );
}

#[tokio::test]
async fn rows_carry_the_metadata_that_the_objects_have() {
    let server = Server::start().await;
    for name in ["a", "b"] {
        server.post(MAPS, &config_map(name, "[]")).await;
    }
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let list = async |include: &str| {
        let request = http::Request::get(format!("{MAPS}?includeObject={include}")).header("accept", table);
        let response = server.raw(admin(), request.body(String::new()).unwrap()).await;
        let bytes = http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
        serde_json::from_slice::<serde_json::Value>(&bytes.to_bytes()).unwrap()
    };
    let (usual, whole) = (list("Metadata").await, list("Object").await);
    for field in ["kind", "apiVersion", "metadata", "columnDefinitions"] {
        assert_eq!(usual[field], whole[field], "{field}");
    }
    for row in 0..2 {
        let (usual, whole) = (&usual["rows"][row], &whole["rows"][row]);
        assert_eq!(usual["cells"], whole["cells"]);
        assert_eq!(usual["object"]["metadata"], whole["object"]["metadata"]);
        assert_eq!(usual["object"]["kind"], "PartialObjectMetadata");
        assert!(usual["object"].get("data").is_none(), "{usual}");
    }
}

#[tokio::test]
async fn an_invalid_object_is_refused_with_everything_that_is_wrong() {
    let server = Server::start().await.with_default_account().await;
    let mut broken = pod("Broken_Name");
    broken["spec"]["containers"][0]["image"] = "".into();
    let (status, refused) = server.post(PODS, &broken).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.starts_with("Pod \"Broken_Name\" is invalid: [metadata.name: Invalid value"),
        "{message}"
    );
    assert!(
        message.contains("spec.containers[0].image: Required value"),
        "{message}"
    );
    assert_eq!(
        refused["details"]["causes"].as_array().map(Vec::len),
        Some(2),
        "{refused}"
    );
}

#[tokio::test]
async fn string_data_of_a_secret_is_stored_encoded() {
    let server = Server::start().await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
        "data": {"a": "b2xk", "b": "Yg=="}, "stringData": {"a": "new"}});
    let (status, created) = server.post("/api/v1/namespaces/default/secrets", &secret).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    assert_eq!(created["data"], json!({"a": "bmV3", "b": "Yg=="}));
    assert_eq!(created.get("stringData"), None);
}

#[tokio::test]
async fn a_pods_generation_does_not_count_its_binding() {
    let server = Server::start().await.with_default_account().await;
    let (_, made) = server.post(PODS, &pod("p")).await;
    assert_eq!(made["metadata"]["generation"], 1);
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}});
    let (status, answer) = server.post(&format!("{PODS}/p/binding"), &binding).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let (_, mut bound) = server.get(&format!("{PODS}/p")).await;
    assert_eq!(bound["spec"]["nodeName"], "n");
    assert_eq!(bound["metadata"]["generation"], 1);
    bound["spec"]["containers"][0]["image"] = "other".into();
    let (_, changed) = server.put(&format!("{PODS}/p"), &bound).await;
    assert_eq!(changed["metadata"]["generation"], 2, "{changed}");
}

#[tokio::test]
async fn addresses_name_their_objects_and_the_service_range_is_there() {
    let server = Server::start().await;
    let address = |name: &str| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "IPAddress", "metadata": {"name": name},
            "spec": {"parentRef": {"resource": "services", "namespace": "default", "name": "s"}}})
    };
    let path = "/apis/networking.k8s.io/v1/ipaddresses";
    assert_eq!(server.post(path, &address("fe80::1")).await.0, StatusCode::CREATED);
    assert_eq!(
        server.post(path, &address("fe80:0::2")).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let (status, range) = server.get("/apis/networking.k8s.io/v1/servicecidrs/kubernetes").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(range["spec"]["cidrs"], json!(["10.96.0.0/16"]));
    assert_eq!(range["status"]["conditions"][0]["type"], "Ready");
}

#[tokio::test]
async fn component_statuses_come_as_a_table_too() {
    let server = Server::start().await;
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    for path in ["/api/v1/componentstatuses", "/api/v1/componentstatuses/etcd-0"] {
        let request = http::Request::builder().uri(path).header("accept", table);
        let response = server.raw(admin(), request.body(String::new()).unwrap()).await;
        let body = http_body_util::BodyExt::collect(response.into_body())
            .await
            .unwrap()
            .to_bytes();
        let found: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(found["kind"], "Table", "{found}");
        assert_eq!(found["rows"][0]["cells"], json!(["etcd-0", "Healthy", "ok", ""]));
    }
}

#[tokio::test]
async fn pages_read_too_slowly_go_on_with_what_is_there_now() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

    let server = Server::start().await;
    for name in ["a", "b", "c"] {
        server.post(MAPS, &config_map(name, "1")).await;
    }
    let (_, first) = server.get(&format!("{MAPS}?limit=1")).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let mut old: serde_json::Value = serde_json::from_slice(&BASE64.decode(token).unwrap()).unwrap();
    old["since"] = 1.into();
    let old = BASE64.encode(old.to_string());
    let (status, expired) = server.get(&format!("{MAPS}?limit=1&continue={old}")).await;
    assert_eq!(
        (status, expired["reason"].as_str()),
        (StatusCode::GONE, Some("Expired"))
    );
    let fresh = expired["metadata"]["continue"].as_str().unwrap();
    let (status, second) = server.get(&format!("{MAPS}?limit=1&continue={fresh}")).await;
    assert_eq!(
        (status, second["items"][0]["metadata"]["name"].as_str()),
        (StatusCode::OK, Some("b")),
        "{second}"
    );
    assert_eq!(second["metadata"]["remainingItemCount"], 1);
}

//! What becomes of writes in the cases that clients rarely meet.

use http::StatusCode;
use serde_json::{Value, json};

use super::Server;

const PODS: &str = "/api/v1/namespaces/default/pods";
const MERGE: &str = "application/merge-patch+json";

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}})
}

fn job(name: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}})
}

#[tokio::test]
async fn old_kinds_leave_their_pods_behind_unless_they_are_told_otherwise() {
    let server = Server::start().await;
    let controller = json!({"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "a"}, "spec": {
        "selector": {"a": "b"}, "template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "a"}, "spec": {
        "selector": {"matchLabels": {"a": "b"}}, "template": controller["spec"]["template"]}});
    for (path, object, orphans) in [
        ("/apis/batch/v1/namespaces/default/jobs", job("a"), true),
        ("/api/v1/namespaces/default/replicationcontrollers", controller, true),
        ("/apis/apps/v1/namespaces/default/replicasets", set, false),
    ] {
        for (query, kept) in [("", orphans), ("?propagationPolicy=Background", false)] {
            let (status, answer) = server.post(path, &object).await;
            assert_eq!(status, StatusCode::CREATED, "{answer}");
            let (_, going) = server.delete(&format!("{path}/a{query}")).await;
            let finalizers = &going["metadata"]["finalizers"];
            assert_eq!(*finalizers == json!(["orphan"]), kept, "{path}{query}: {going}");
            server
                .patch(&format!("{path}/a"), MERGE, &json!({"metadata": {"finalizers": null}}))
                .await;
        }
    }
}

#[tokio::test]
async fn a_terminating_pod_goes_sooner_only_if_somebody_says_so() {
    let server = Server::start().await.with_default_account().await;
    let path = format!("{PODS}/p");
    server.post(PODS, &pod("p")).await;
    let (_, first) = server.delete(&format!("{path}?gracePeriodSeconds=60")).await;
    assert_eq!(first["metadata"]["deletionGracePeriodSeconds"], 60);
    // the pod's own grace period is shorter, and nobody asked for it
    let (_, again) = server.delete(&path).await;
    assert_eq!(
        again["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    let (_, longer) = server.delete(&format!("{path}?gracePeriodSeconds=90")).await;
    assert_eq!(
        longer["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    let (_, shorter) = server.delete(&format!("{path}?gracePeriodSeconds=10")).await;
    assert_eq!(shorter["metadata"]["deletionGracePeriodSeconds"], 10);
    // containers that have ended may still be cleaned up after
    let done = json!({"status": {"phase": "Succeeded"}});
    server.patch(&format!("{path}/status"), MERGE, &done).await;
    server.delete(&path).await;
    assert_eq!(server.get(&path).await.0, StatusCode::OK);
    server.delete(&format!("{path}?gracePeriodSeconds=0")).await;
    assert_eq!(server.get(&path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_deletion_meant_for_another_object_of_the_name_is_refused() {
    let server = Server::start().await.with_default_account().await;
    let (_, made) = server.post(PODS, &pod("p")).await;
    let delete = async |uid: &str| {
        let body = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}, "gracePeriodSeconds": 0});
        let path = format!("{PODS}/p");
        server
            .ask(
                super::admin(),
                http::Method::DELETE,
                &path,
                &body.to_string(),
                "application/json",
            )
            .await
    };
    let (status, refused) = delete("another").await;
    assert_eq!(
        (status, refused["reason"].as_str()),
        (StatusCode::CONFLICT, Some("Conflict"))
    );
    assert_eq!(server.get(&format!("{PODS}/p")).await.0, StatusCode::OK);
    assert_eq!(
        delete(made["metadata"]["uid"].as_str().unwrap()).await.0,
        StatusCode::OK
    );
    assert_eq!(server.get(&format!("{PODS}/p")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn some_kinds_are_replaced_only_in_a_version_that_was_seen() {
    let server = Server::start().await;
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}});
    let (_, made) = server.post(path, &lease).await;
    let path = format!("{path}/l");
    let (status, refused) = server.put(&path, &lease).await;
    assert_eq!(
        (status, refused["message"].as_str()),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            Some(
                "leases.coordination.k8s.io \"l\" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"
            )
        )
    );
    assert_eq!(server.put(&path, &made).await.0, StatusCode::OK);
    let patch = json!({"spec": {"holderIdentity": "me"}});
    assert_eq!(server.patch(&path, MERGE, &patch).await.0, StatusCode::OK);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}});
    let maps = "/api/v1/namespaces/default/configmaps";
    server.post(maps, &map).await;
    assert_eq!(server.put(&format!("{maps}/m"), &map).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_pod_comes_with_its_namespace() {
    let server = Server::start().await;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}});
    server.post("/api/v1/namespaces", &namespace).await;
    let create = async {
        let path = "/api/v1/namespaces/new/pods";
        server.post(path, &pod("p")).await
    };
    // what the controller does a moment later
    let account = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
        server.post("/api/v1/namespaces/new/serviceaccounts", &account).await
    };
    let ((status, answer), _) = tokio::join!(create, account);
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}

#[tokio::test]
async fn applying_a_scale_respects_who_owns_the_replicas() {
    let server = Server::start().await;
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let apply = "application/apply-patch+yaml";
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": 1,
        "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
    let (status, made) = server
        .patch(&format!("{deployments}/d?fieldManager=owner"), apply, &deployment)
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let scale = |replicas: i64| json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}, "spec": {"replicas": replicas}});
    let path = |query: &str| format!("{deployments}/d/scale?fieldManager=scaler{query}");
    let (status, conflict) = server.patch(&path(""), apply, &scale(3)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{conflict}");
    assert_eq!(conflict["details"]["causes"][0]["field"], ".spec.replicas");
    let (status, scaled) = server.patch(&path("&force=true"), apply, &scale(3)).await;
    assert_eq!(
        (status, &scaled["spec"]["replicas"]),
        (StatusCode::OK, &json!(3)),
        "{scaled}"
    );
    let (_, live) = server.get(&format!("{deployments}/d")).await;
    let managers = live["metadata"]["managedFields"].as_array().unwrap();
    let of = |name: &str| managers.iter().find(|entry| entry["manager"] == name).unwrap();
    assert_eq!(
        (
            &of("scaler")["operation"],
            &of("scaler")["subresource"],
            &of("scaler")["apiVersion"]
        ),
        (&json!("Apply"), &json!("scale"), &json!("apps/v1"))
    );
    assert_eq!(of("scaler")["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    assert!(of("owner")["fieldsV1"]["f:spec"].get("f:replicas").is_none());
    let (status, missing) = server.patch(&format!("{deployments}/d/scale"), apply, &scale(3)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{missing}");

    // what is no number is not none, and none of a number's own kind is stored
    for wrong in [json!("5"), json!(5_000_000_000_i64), json!(1.5)] {
        let patch = json!({"spec": {"replicas": wrong}});
        let merge = "application/merge-patch+json";
        let (status, refused) = server.patch(&format!("{deployments}/d/scale"), merge, &patch).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
        let mut applied = scale(3);
        applied["spec"]["replicas"] = wrong;
        let (status, refused) = server.patch(&path(""), apply, &applied).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    }
    let (_, live) = server.get(&format!("{deployments}/d")).await;
    assert_eq!(live["spec"]["replicas"], 3);
}

#[tokio::test]
async fn jobs_are_selected_by_how_many_of_their_pods_succeeded() {
    let server = Server::start().await;
    let path = "/apis/batch/v1/namespaces/default/jobs";
    for name in ["none", "two"] {
        server.post(path, &job(name)).await;
    }
    let two = json!({"status": {"succeeded": 2}});
    server.patch(&format!("{path}/two/status"), MERGE, &two).await;
    for (count, name) in [("0", "none"), ("2", "two")] {
        let (_, list) = server
            .get(&format!("{path}?fieldSelector=status.successful%3D{count}"))
            .await;
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
        assert_eq!(list["items"][0]["metadata"]["name"], name);
    }
}

#[tokio::test]
async fn pages_begin_at_the_version_that_is_named() {
    let server = Server::start().await;
    let path = "/api/v1/namespaces/default/configmaps";
    let map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    server.post(path, &map("a")).await;
    let (_, then) = server.get(path).await;
    let then = then["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    server.post(path, &map("b")).await;
    for (limit, expected) in [("limit=10", 1), ("limit=0", 2)] {
        let (_, list) = server.get(&format!("{path}?{limit}&resourceVersion={then}")).await;
        assert_eq!(list["items"].as_array().map(Vec::len), Some(expected), "{limit}");
        assert_eq!(list["metadata"]["resourceVersion"] == then.as_str(), expected == 1);
    }
}

#[tokio::test]
async fn a_pod_that_has_finished_is_not_pending_again() {
    let server = Server::start().await.with_default_account().await;
    server.post(PODS, &pod("p")).await;
    let path = format!("{PODS}/p/status");
    let phase = async |phase: &str| {
        let patch = json!({"status": {"phase": phase}});
        server.patch(&path, MERGE, &patch).await.0.as_u16()
    };
    assert_eq!(phase("Succeeded").await, 200);
    assert_eq!(phase("Pending").await, 422);
    assert_eq!(phase("Succeeded").await, 200);
}

#[tokio::test]
async fn a_status_write_takes_the_metadata_that_upstream_takes() {
    let server = Server::start().await.with_default_account().await;
    server.post(PODS, &pod("p")).await;
    let owners = json!([{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]);
    let patch = json!({"metadata": {"labels": {"a": "b"}, "finalizers": ["example.com/f"], "ownerReferences": owners}});
    let (_, pod) = server.patch(&format!("{PODS}/p/status"), MERGE, &patch).await;
    let meta = &pod["metadata"];
    assert_eq!(
        (&meta["labels"], &meta["finalizers"], meta.get("ownerReferences")),
        (&json!({"a": "b"}), &json!(["example.com/f"]), None)
    );
    let jobs = "/apis/batch/v1/namespaces/default/jobs";
    server.post(jobs, &job("j")).await;
    let (_, job) = server.patch(&format!("{jobs}/j/status"), MERGE, &patch).await;
    assert_eq!(job["metadata"]["ownerReferences"], owners);
}

#[tokio::test]
async fn services_of_a_family_that_the_cluster_has_not_are_refused() {
    let server = Server::start().await;
    let service = |spec: Value| {
        let mut service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {
            "selector": {"a": "b"}, "ports": [{"port": 80}]}});
        for (field, value) in spec.as_object().unwrap() {
            service["spec"][field] = value.clone();
        }
        service
    };
    let path = "/api/v1/namespaces/default/services";
    for (spec, expected) in [
        (
            json!({"ipFamilies": ["IPv6"]}),
            "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster",
        ),
        (
            json!({"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv6"]}),
            "spec.ipFamilies[1]: Invalid value: \"IPv6\": not configured on this cluster",
        ),
        (
            json!({"ipFamilyPolicy": "RequireDualStack"}),
            "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services",
        ),
    ] {
        let (status, refused) = server.post(path, &service(spec)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
        let message = refused["message"].as_str().unwrap();
        assert_eq!(message, format!("Service \"s\" is invalid: {expected}"));
    }
    let (status, made) = server
        .post(path, &service(json!({"ipFamilyPolicy": "PreferDualStack"})))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
}

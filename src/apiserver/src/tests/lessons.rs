//! Details that cost others days, where no other test is about them.

use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::{Server, admin};
use crate::User;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
}

/// A whole field of metadata was lost by decoding into a type, and with it every dependent in the cluster.
#[tokio::test]
async fn owner_references_survive_every_form_of_writing() {
    let server = Server::start().await;
    let owners = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": true, "blockOwnerDeletion": true}]);
    let mut object = map("json");
    object["metadata"]["ownerReferences"] = owners.clone();
    let (status, made) = server.post(MAPS, &object).await;
    assert_eq!(
        (status, &made["metadata"]["ownerReferences"]),
        (StatusCode::CREATED, &owners)
    );
    object["metadata"]["name"] = "protobuf".into();
    let request = Request::post(MAPS)
        .header(header::CONTENT_TYPE, PROTOBUF)
        .body(crate::body::full(machinery::protobuf::encode(&object).unwrap()));
    let peer = std::sync::Arc::new(crate::authn::Peer { user: Some(admin()) });
    let response = std::sync::Arc::clone(&server.api).handle(peer, request.unwrap()).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let (_, read) = server.get(&format!("{MAPS}/protobuf")).await;
    assert_eq!(read["metadata"]["ownerReferences"], owners);
    let patch = json!({"metadata": {"labels": {"a": "b"}}});
    for media in ["application/merge-patch+json", "application/strategic-merge-patch+json"] {
        let (_, patched) = server.patch(&format!("{MAPS}/json"), media, &patch).await;
        assert_eq!(patched["metadata"]["ownerReferences"], owners, "{media}");
    }
}

/// A watch of one object must not end because others were written meanwhile.
#[tokio::test]
async fn a_watch_of_one_name_sees_its_object_after_many_writes_of_others() {
    let server = Server::start().await;
    server.post(MAPS, &map("one")).await;
    let (_, list) = server.get(MAPS).await;
    let from = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    for number in 0..50 {
        server.post(MAPS, &map(&format!("other-{number}"))).await;
    }
    let patch = json!({"data": {"a": "b"}});
    server
        .patch(&format!("{MAPS}/one"), "application/merge-patch+json", &patch)
        .await;
    let path = format!("{MAPS}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Done&resourceVersion={from}");
    let (status, event) = server.get(&path).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&event["type"], &event["object"]["data"]["a"]),
        (&json!("MODIFIED"), &json!("b"))
    );
}

/// Installers write hundreds of objects at once: they wait, none is turned away.
#[tokio::test]
async fn a_burst_of_writes_is_taken_whole() {
    let server = Server::start().await;
    let server = &server;
    let writes = (0..300).map(|number| async move { server.post(MAPS, &map(&format!("burst-{number}"))).await.0 });
    let answers = futures::future::join_all(writes).await;
    let refused: Vec<_> = answers
        .iter()
        .filter(|status| **status != StatusCode::CREATED)
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}

/// An empty token is no token, and not an anonymous user's either.
#[tokio::test]
async fn an_empty_bearer_token_is_refused() {
    let server = Server::start().await;
    for token in ["Bearer ", "Bearer", "bearer  "] {
        let request = Request::get(MAPS).header(header::AUTHORIZATION, token);
        let request = request.body(crate::body::full(String::new())).unwrap();
        let peer = std::sync::Arc::new(crate::authn::Peer::default());
        let response = std::sync::Arc::clone(&server.api).handle(peer, request).await;
        let status = response.status();
        assert!(
            matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN),
            "{token:?}: {status}"
        );
    }
}

/// Without a type of its own to decode into, a nested message must still be checked and kept whole.
#[tokio::test]
async fn an_inlined_volume_source_survives_protobuf() {
    let server = Server::start().await.with_default_account().await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {
        "containers": [{"name": "c", "image": "i"}],
        "volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 700}}]}}]}});
    let encoded = machinery::protobuf::encode(&pod).unwrap();
    assert_eq!(
        machinery::protobuf::decode(&encoded).unwrap()["spec"]["volumes"],
        pod["spec"]["volumes"]
    );
    let jane = User::authenticated("jane", Vec::<String>::new());
    let (status, _) = server
        .ask(
            jane,
            Method::POST,
            "/api/v1/namespaces/default/pods",
            &pod.to_string(),
            "application/json",
        )
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN, "who may not, may not in any form");
}

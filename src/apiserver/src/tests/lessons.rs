//! Details that cost others days, where no other test is about them.

use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
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

/// A watch of one object must not end because others were written meanwhile, more of them than any buffer of events holds.
#[tokio::test]
async fn a_watch_of_one_name_sees_its_object_after_many_writes_of_others() {
    let server = Server::start().await;
    server.post(MAPS, &map("one")).await;
    let (_, list) = server.get(MAPS).await;
    let from = list["metadata"]["resourceVersion"].as_str().unwrap();
    let path = format!("{MAPS}?watch=1&fieldSelector=metadata.name%3Done&resourceVersion={from}");
    let response = server
        .raw(admin(), Request::get(path).body(String::new()).unwrap())
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body();
    let read = async { body.frame().await.unwrap().unwrap().into_data().unwrap() };
    let write = async {
        for number in 0..1100 {
            server.post(MAPS, &map(&format!("other-{number}"))).await;
        }
        let patch = json!({"data": {"a": "b"}});
        server
            .patch(&format!("{MAPS}/one"), "application/merge-patch+json", &patch)
            .await
    };
    let (event, _) = tokio::join!(read, write);
    let event: Value = serde_json::from_slice(&event).unwrap();
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
    // anonymous users may read this
    let ask = async |token: Option<&str>| {
        let mut request = Request::get("/version");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, token);
        }
        let request = request.body(crate::body::full(String::new())).unwrap();
        let peer = std::sync::Arc::new(crate::authn::Peer::default());
        std::sync::Arc::clone(&server.api).handle(peer, request).await.status()
    };
    assert_eq!(ask(None).await, StatusCode::OK);
    for token in ["Bearer ", "Bearer", "bearer  ", "Basic YTpi", ""] {
        assert_eq!(ask(Some(token)).await, StatusCode::UNAUTHORIZED, "{token:?}");
    }
}

/// Anybody who may ask anything could end the process by a body of a few bytes per level.
#[tokio::test]
async fn bodies_inside_bodies_are_refused() {
    use machinery::protobuf::{Unknown, wire};

    let server = Server::start().await;
    let mut body = Vec::new();
    for _ in 0..10_000 {
        let mut item = Vec::new();
        wire::bytes(&mut item, 1, &body);
        let mut raw = Vec::new();
        wire::bytes(&mut raw, 2, &item);
        body = Unknown {
            api_version: "apps/v1".to_owned(),
            kind: "ControllerRevision".to_owned(),
            raw,
        }
        .to_bytes();
    }
    for path in [MAPS, "/apis/apps/v1/namespaces/default/controllerrevisions"] {
        let request = Request::post(path).header(header::CONTENT_TYPE, PROTOBUF);
        let request = request.body(crate::body::full(body.clone())).unwrap();
        let peer = std::sync::Arc::new(crate::authn::Peer { user: Some(admin()) });
        let response = std::sync::Arc::clone(&server.api).handle(peer, request).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
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

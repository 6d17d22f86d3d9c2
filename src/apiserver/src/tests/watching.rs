//! Watches, through the same client that controllers use.

use futures::{StreamExt as _, TryStreamExt as _};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::{Server, admin};

fn map(name: &str, app: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": {"app": app}}})).unwrap()
}

#[tokio::test]
async fn an_object_that_leaves_the_selection_is_deleted_for_its_watcher() {
    let server = Server::start().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(server.api.client(admin()));
    let start = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    let mut events = maps
        .watch(&WatchParams::default().labels("app=in"), &start)
        .await
        .unwrap()
        .boxed();
    maps.create(&PostParams::default(), &map("a", "out")).await.unwrap();
    maps.create(&PostParams::default(), &map("b", "in")).await.unwrap();
    let mut left = map("b", "out");
    left.metadata.resource_version = None;
    maps.replace("b", &PostParams::default(), &left).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        match events.try_next().await.unwrap().unwrap() {
            WatchEvent::Added(object) => seen.push(format!("added {} {}", object.name_any(), object.labels()["app"])),
            WatchEvent::Deleted(object) => {
                seen.push(format!("deleted {} {}", object.name_any(), object.labels()["app"]));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, ["added b in", "deleted b in"]);
}

#[tokio::test]
async fn initial_events_end_with_an_annotated_bookmark() {
    let server = Server::start().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(server.api.client(admin()));
    maps.create(&PostParams::default(), &map("a", "in")).await.unwrap();
    let path = "/api/v1/namespaces/default/configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=";
    let response = server
        .raw(admin(), Request::get(path).body(String::new()).unwrap())
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body();
    let chunk = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let lines: Vec<Value> = chunk
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(lines[0]["type"], "ADDED");
    assert_eq!(
        lines[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
}

#[tokio::test]
async fn a_watch_from_a_forgotten_revision_is_gone() {
    let server = Server::start().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(server.api.client(admin()));
    maps.create(&PostParams::default(), &map("a", "in")).await.unwrap();
    server.api.store.compact(server.api.store.revision());
    let (status, error) = server
        .get("/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=1")
        .await;
    assert_eq!(
        (status, &error["type"], &error["object"]["code"]),
        (StatusCode::OK, &json!("ERROR"), &json!(410))
    );
}

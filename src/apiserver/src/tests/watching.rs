//! Watches, through the same client that controllers use.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use super::{Server, admin};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

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
async fn initial_events_are_those_of_a_list_and_end_with_its_version() {
    let server = Server::start().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(server.api.client(admin()));
    maps.create(&PostParams::default(), &map("a", "in")).await.unwrap();
    let (_, list) = server.get(MAPS).await;
    let newest = &list["metadata"]["resourceVersion"];
    // all that an informer of today asks, and the least that may be asked
    for query in [
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=",
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=0",
    ] {
        let path = format!("{MAPS}?watch=1&{query}");
        let response = server
            .raw(admin(), Request::get(path).body(String::new()).unwrap())
            .await;
        assert_eq!(response.status(), StatusCode::OK, "{query}");
        let mut body = response.into_body();
        let mut lines: Vec<Value> = Vec::new();
        while lines.len() < 2 {
            let chunk = body.frame().await.unwrap().unwrap().into_data().unwrap();
            let texts = chunk.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.extend(texts.map(|line| serde_json::from_slice::<Value>(line).unwrap()));
        }
        assert_eq!(lines[0]["type"], "ADDED");
        let mut object = lines[0]["object"].clone();
        for field in ["kind", "apiVersion"] {
            object.as_object_mut().unwrap().remove(field);
        }
        let mut listed = list["items"][0].clone();
        for field in ["kind", "apiVersion"] {
            listed.as_object_mut().unwrap().remove(field);
        }
        assert_eq!(object, listed, "{query}");
        assert_eq!(lines[1]["type"], "BOOKMARK");
        let metadata = &lines[1]["object"]["metadata"];
        assert_eq!(metadata["annotations"]["k8s.io/initial-events-end"], "true");
        assert_eq!(&metadata["resourceVersion"], newest, "{query}");
    }
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

/// The lines of a watch, one by one.
struct Lines {
    body: crate::Body,
    read: Vec<u8>,
}

impl Lines {
    async fn of(server: &Server, query: &str) -> Self {
        let request = Request::get(format!("{MAPS}?watch=1&allowWatchBookmarks=true&{query}"));
        let response = server.raw(admin(), request.body(String::new()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK, "{query}");
        let (body, read) = (response.into_body(), Vec::new());
        Self { body, read }
    }

    /// Type, revision and name of the next event.
    async fn next(&mut self) -> (String, u64, String) {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                let event: Value = serde_json::from_slice(&line).unwrap();
                let metadata = &event["object"]["metadata"];
                let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let revision = word(&metadata["resourceVersion"]).parse().unwrap();
                return (word(&event["type"]), revision, word(&metadata["name"]));
            }
            let frame = self.body.frame().await.expect("the watch goes on").unwrap();
            self.read.extend_from_slice(&frame.into_data().unwrap());
        }
    }
}

/// Makes as much time go by as an idle watch waits for its bookmark.
async fn a_while() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn after_a_bookmark_comes_what_its_watch_was_not_told() {
    const ELSEWHERE: &str = "/api/v1/namespaces/kube-system/configmaps";
    let server = Server::start().await;
    let (_, list) = server.get(MAPS).await;
    let start = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let mut watch = Lines::of(&server, &format!("resourceVersion={start}")).await;
    let revision = |object: &Value| object["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>();
    let mut made: Vec<(u64, String)> = Vec::new();
    let (mut told, mut bookmarks) = (Vec::new(), Vec::new());
    for round in 0..12 {
        // its own, others', both in either order, none: a bookmark finds the watch before and after what it is to be told
        let paths: &[&str] = match round % 4 {
            0 => &[MAPS, ELSEWHERE],
            1 => &[ELSEWHERE, MAPS, MAPS],
            2 => &[ELSEWHERE],
            _ => &[],
        };
        for (index, path) in paths.iter().enumerate() {
            let name = format!("m-{round}-{index}");
            let (status, object) = server.post(path, &json!({"metadata": {"name": name}})).await;
            assert_eq!(status, StatusCode::CREATED, "{object}");
            if *path == MAPS {
                made.push((revision(&object).unwrap(), name));
            }
        }
        a_while().await;
        loop {
            let (kind, revision, name) = watch.next().await;
            if kind == "BOOKMARK" {
                bookmarks.push((revision, told.len()));
                break;
            }
            assert_eq!(kind, "ADDED");
            told.push((revision, name));
        }
    }
    let newest = server.post(MAPS, &json!({"metadata": {"name": "last"}})).await.1;
    made.push((revision(&newest).unwrap(), "last".to_owned()));
    let mut before = start.parse().unwrap();
    for (bookmark, count) in bookmarks {
        assert!(bookmark >= before, "{bookmark} after {before}");
        before = bookmark;
        // neither below what was told before it, nor beyond what was not
        let (earlier, later): (Vec<_>, Vec<_>) = made.iter().cloned().partition(|(revision, _)| *revision <= bookmark);
        assert_eq!(earlier, told[..count], "before the bookmark {bookmark}");
        let mut watch = Lines::of(&server, &format!("resourceVersion={bookmark}")).await;
        for wanted in later {
            let (kind, revision, name) = watch.next().await;
            assert_eq!((kind.as_str(), (revision, name)), ("ADDED", wanted), "after {bookmark}");
        }
    }
}

//! From kubelets' documents to the answers that kubectl reads.

use std::sync::PoisonError;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::kubelet::reading;
use crate::objects::NodeRecord;
use crate::run::Shared;
use crate::serve::respond;
use crate::storage::{Point, Reading, Storage};

/// A kubelet's document at a second, after so many seconds of use by the container.
fn document(at: i64, cpu: f64) -> String {
    let millis = at * 1000;
    format!(
        "# TYPE node_cpu_usage_seconds_total counter\n\
         node_cpu_usage_seconds_total {cpu} {millis}\n\
         node_memory_working_set_bytes 2097152 {millis}\n\
         container_cpu_usage_seconds_total{{container=\"web\",namespace=\"shop\",pod=\"p\"}} {cpu} {millis}\n\
         container_memory_working_set_bytes{{container=\"web\",namespace=\"shop\",pod=\"p\"}} 1048576 {millis}\n\
         container_start_time_seconds{{container=\"web\",namespace=\"shop\",pod=\"p\"}} 1000\n\
         # no memory: not whole\n\
         container_cpu_usage_seconds_total{{container=\"c\",namespace=\"shop\",pod=\"half\"}} 1 {millis}\n"
    )
}

fn shared() -> Shared {
    let shared = Shared::new(Duration::from_secs(15));
    {
        let mut objects = shared.objects.write().unwrap_or_else(PoisonError::into_inner);
        objects.nodes.insert("n1".to_owned(), NodeRecord::default());
        let labels = [("app".to_owned(), "web".to_owned())].into();
        objects.pods.insert(("shop".to_owned(), "p".to_owned()), labels);
        objects.pods.insert(("shop".to_owned(), "half".to_owned()), [].into());
    }
    shared
}

fn store(shared: &Shared, at: i64, cpu: f64) {
    let mut storage = shared.storage.write().unwrap_or_else(PoisonError::into_inner);
    storage.store(vec![("n1".to_owned(), reading(&document(at, cpu)))]);
}

async fn get(shared: &Shared, path: &str, accept: &str) -> (StatusCode, Value) {
    let request = Request::get(path).header("accept", accept).body(()).unwrap();
    let response = respond(shared, true, &request);
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

const PODS: &str = "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods";

#[tokio::test]
async fn rates_are_told_after_two_readings() {
    let shared = shared();
    store(&shared, 2000, 10.0);
    let (_, list) = get(&shared, PODS, "application/json").await;
    assert_eq!(list["items"], json!([]));
    let (status, _) = get(&shared, "/readyz", "").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    store(&shared, 2015, 13.0);
    let (status, _) = get(&shared, "/readyz", "").await;
    assert_eq!(status, StatusCode::OK);
    let (_, list) = get(&shared, PODS, "application/json").await;
    assert_eq!(list["kind"], "PodMetricsList");
    // the half pod is left out
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    let pod = &list["items"][0];
    assert_eq!(
        pod["containers"],
        json!([{"name": "web", "usage": {"cpu": "200000000n", "memory": "1024Ki"}}])
    );
    assert_eq!(
        (&pod["window"], &pod["timestamp"]),
        (&json!("15s"), &json!("1970-01-01T00:33:35Z"))
    );
    let (_, node) = get(&shared, "/apis/metrics.k8s.io/v1beta1/nodes/n1", "application/json").await;
    assert_eq!(node["usage"], json!({"cpu": "200000000n", "memory": "2048Ki"}));
}

#[tokio::test]
async fn lists_are_narrowed_by_labels_and_names() {
    let shared = shared();
    store(&shared, 2000, 10.0);
    store(&shared, 2015, 13.0);
    for (query, found) in [
        ("labelSelector=app%3Dweb", 1),
        ("labelSelector=app%20in%20(api)", 0),
        ("fieldSelector=metadata.name%3Dp", 1),
        ("fieldSelector=metadata.name!%3Dp", 0),
    ] {
        let (_, list) = get(&shared, &format!("{PODS}?{query}"), "*/*").await;
        assert_eq!(list["items"].as_array().unwrap().len(), found, "{query}");
    }
    for bad in ["labelSelector=a%3D%3D%3Db,,", "fieldSelector=spec.nodeName%3Dx"] {
        let (status, _) = get(&shared, &format!("{PODS}?{bad}"), "*/*").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let (status, gone) = get(&shared, &format!("{PODS}/other"), "*/*").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(gone["message"], "podmetrics.metrics.k8s.io \"shop/other\" not found");
    let (status, _) = get(&shared, &format!("{PODS}?watch=true"), "*/*").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn tables_are_for_who_asks_for_them_first() {
    let shared = shared();
    store(&shared, 2000, 10.0);
    store(&shared, 2015, 13.0);
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let (_, document) = get(&shared, PODS, table).await;
    assert_eq!(document["kind"], "Table");
    assert_eq!(document["rows"][0]["cells"], json!(["p", "200m", "1Mi", "15s"]));
    let (_, document) = get(
        &shared,
        PODS,
        "application/json,application/json;as=Table;g=meta.k8s.io",
    )
    .await;
    assert_eq!(document["kind"], "PodMetricsList");
}

#[test]
fn who_does_not_come_by_the_api_server_is_told_nothing() {
    let shared = shared();
    let request = Request::get(PODS).body(()).unwrap();
    assert_eq!(respond(&shared, false, &request).status(), StatusCode::UNAUTHORIZED);
    let request = Request::get("/livez").body(()).unwrap();
    assert_eq!(respond(&shared, false, &request).status(), StatusCode::OK);
    let request = Request::builder().method(Method::DELETE).uri(PODS).body(()).unwrap();
    assert_eq!(
        respond(&shared, true, &request).status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
}

fn one(at: i64, started: i64, cpu: f64) -> Vec<(String, Reading)> {
    let point = Point {
        at,
        started,
        cpu,
        memory: 1.0,
    };
    let containers = [("c".to_owned(), point)].into();
    let pods = [(("n".to_owned(), "p".to_owned()), containers)].into();
    vec![("n1".to_owned(), Reading { node: None, pods })]
}

#[test]
fn a_container_that_began_anew_starts_from_nothing() {
    let mut storage = Storage::new(Duration::from_secs(15));
    let key = ("n".to_owned(), "p".to_owned());
    let cpu = |storage: &Storage| storage.pod(&key).map(|containers| containers[0].1.cpu);
    // twelve seconds old at the first reading: its beginning is the other point
    storage.store(one(112_000, 100_000, 6.0));
    assert_eq!(cpu(&storage), Some(0.5));
    storage.store(one(127_000, 100_000, 21.0));
    assert_eq!(cpu(&storage), Some(1.0));
    // the same reading again changes nothing
    storage.store(one(127_000, 100_000, 21.0));
    assert_eq!(cpu(&storage), Some(1.0));
    // restarted three seconds ago: too young to tell
    storage.store(one(142_000, 139_000, 0.1));
    assert_eq!(cpu(&storage), None);
    storage.store(one(157_000, 139_000, 3.1));
    assert_eq!(cpu(&storage), Some(0.2));
    // gone
    storage.store(Vec::new());
    assert_eq!(cpu(&storage), None);
}

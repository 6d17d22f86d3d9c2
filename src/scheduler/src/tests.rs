//! Decisions on small clusters, and the order of the queue.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cache::Cache;
use crate::cycle::choose;
use crate::pod::PodInfo;
use crate::queue::Queue;

fn node(name: &str, change: Value) -> Node {
    let mut node = json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "10"}}});
    json_merge(&mut node, &change);
    serde_json::from_value(node).unwrap()
}

fn pod(name: &str, spec: Value) -> Arc<PodInfo> {
    let mut whole = json!({"metadata": {"name": name, "namespace": "default", "uid": name}, "spec": {"containers": [{"name": "c"}]}});
    json_merge(&mut whole["spec"], &spec);
    PodInfo::of(&serde_json::from_value::<Pod>(whole).unwrap())
}

fn json_merge(into: &mut Value, change: &Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (key, value) in change {
                json_merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, change) => *into = change.clone(),
    }
}

fn cluster(nodes: &[Node], placed: &[Arc<PodInfo>]) -> Cache {
    let mut cache = Cache::default();
    nodes.iter().for_each(|node| cache.put_node(node));
    placed.iter().for_each(|pod| cache.place(Arc::clone(pod)));
    cache
}

fn requests(cpu: &str) -> Value {
    json!({"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]})
}

fn refusal(cache: &Cache, pod: &PodInfo) -> String {
    choose(pod, cache.nodes(), 0).unwrap_err().to_string()
}

#[test]
fn a_pod_goes_where_its_requests_fit() {
    let mut used = requests("1500m");
    used["nodeName"] = "a".into();
    let cache = cluster(&[node("a", json!({})), node("b", json!({}))], &[pod("used", used)]);
    assert_eq!(choose(&pod("p", requests("1")), cache.nodes(), 0).as_deref(), Ok("b"));
    assert_eq!(
        refusal(&cache, &pod("p", requests("3"))),
        "0/2 nodes are available: 2 Insufficient cpu."
    );
}

#[test]
fn an_init_container_counts_only_beyond_what_runs_later() {
    let spec = json!({
        "initContainers": [
            {"name": "side", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}},
            {"name": "init", "resources": {"requests": {"cpu": "1"}}}],
        "containers": [{"name": "c", "resources": {"requests": {"cpu": "500m"}}}]});
    assert_eq!(pod("p", spec).requests["cpu"], 1100);
}

#[test]
fn taints_selectors_cordons_and_ports_say_why_they_refuse() {
    let cache = cluster(
        &[
            node(
                "a",
                json!({"spec": {"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}}),
            ),
            node("b", json!({"spec": {"unschedulable": true}})),
        ],
        &[],
    );
    assert_eq!(
        refusal(&cache, &pod("p", json!({}))),
        "0/2 nodes are available: 1 node(s) had untolerated taint(s) {k: v}, 1 node(s) were unschedulable."
    );
    let tolerant = pod("p", json!({"tolerations": [{"key": "k", "operator": "Exists"}]}));
    assert_eq!(choose(&tolerant, cache.nodes(), 0).as_deref(), Ok("a"));
    let cache = cluster(
        &[node("a", json!({}))],
        &[pod(
            "used",
            json!({"nodeName": "a", "containers": [{"name": "c", "ports": [{"containerPort": 80, "hostPort": 80}]}]}),
        )],
    );
    let wanting = pod(
        "p",
        json!({"containers": [{"name": "c", "ports": [{"containerPort": 81, "hostPort": 80}]}]}),
    );
    assert_eq!(
        refusal(&cache, &wanting),
        "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
    );
    let selecting = pod("p", json!({"nodeSelector": {"kubernetes.io/hostname": "z"}}));
    assert_eq!(
        refusal(&cache, &selecting),
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    );
    assert_eq!(
        refusal(&cluster(&[], &[]), &selecting),
        "no nodes available to schedule pods"
    );
}

#[test]
fn affinity_terms_are_alternatives_and_preferences_decide_among_equals() {
    let cache = cluster(
        &[
            node("a", json!({"metadata": {"labels": {"size": "3"}}})),
            node("b", json!({"metadata": {"labels": {"size": "7"}}})),
        ],
        &[],
    );
    let required = |operator: &str, value: &str| {
        pod(
            "p",
            json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "size", "operator": operator, "values": [value]}]}, {}]}}}}),
        )
    };
    assert_eq!(choose(&required("Gt", "5"), cache.nodes(), 0).as_deref(), Ok("b"));
    assert_eq!(choose(&required("Lt", "5"), cache.nodes(), 1).as_deref(), Ok("a"));
    let preferring = pod(
        "p",
        json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 10, "preference": {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}}]}}}),
    );
    assert_eq!(choose(&preferring, cache.nodes(), 0).as_deref(), Ok("b"));
}

#[tokio::test(start_paused = true)]
async fn the_queue_serves_priorities_first_and_backs_off_those_that_fit_nowhere() {
    let mut queue = Queue::default();
    queue.push(pod("low", json!({"priority": 1})));
    queue.push(pod("high", json!({"priority": 9})));
    queue.push(pod("low2", json!({"priority": 1})));
    let order: Vec<String> = std::iter::from_fn(|| queue.pop()).map(|pod| pod.name.clone()).collect();
    assert_eq!(order, ["high", "low", "low2"]);
    let parked = pod("low", json!({"priority": 1}));
    queue.park(Arc::clone(&parked), Instant::now());
    assert!(queue.is_parked(&parked));
    assert!(
        queue
            .advance(Instant::now())
            .is_some_and(|at| at > Instant::now() + Duration::from_secs(200))
    );
    queue.wake();
    assert_eq!(
        queue.advance(Instant::now()),
        Some(Instant::now() + Duration::from_secs(1))
    );
    tokio::time::advance(Duration::from_secs(1)).await;
    queue.advance(Instant::now());
    assert_eq!(queue.pop().map(|pod| pod.name.clone()).as_deref(), Some("low"));
}

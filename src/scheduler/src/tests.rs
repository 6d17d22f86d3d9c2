//! Decisions on small clusters, and the order of the queue.

mod profiles;
mod topology;
mod volumes;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cache::{Cache, NodeInfo};
use crate::cycle::{Unschedulable, choose};
use crate::plugins::{self, Topology};
use crate::pod::PodInfo;
use crate::preempt::{self, Budget, Plan};
use crate::profile::{Plugins, Profile, Profiles};
use crate::queue::Queue;
use crate::terms::Namespaces;

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

fn best(pod: &PodInfo, cache: &Cache, tie: u64) -> Result<String, Unschedulable> {
    choose(
        &Profile::default(),
        pod,
        &cache.nodes().collect::<Vec<_>>(),
        &Namespaces::new(),
        |_| None,
        tie,
        None,
    )
}

fn requests(cpu: &str) -> Value {
    json!({"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]})
}

fn refusal(cache: &Cache, pod: &PodInfo) -> String {
    best(pod, cache, 0).unwrap_err().to_string()
}

#[test]
fn a_pod_goes_where_its_requests_fit() {
    let mut used = requests("1500m");
    used["nodeName"] = "a".into();
    let cache = cluster(&[node("a", json!({})), node("b", json!({}))], &[pod("used", used)]);
    assert_eq!(best(&pod("p", requests("1")), &cache, 0).as_deref(), Ok("b"));
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
    assert_eq!(best(&tolerant, &cache, 0).as_deref(), Ok("a"));
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
    assert_eq!(best(&required("Gt", "5"), &cache, 0).as_deref(), Ok("b"));
    assert_eq!(best(&required("Lt", "5"), &cache, 1).as_deref(), Ok("a"));
    let preferring = pod(
        "p",
        json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 10, "preference": {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}}]}}}),
    );
    assert_eq!(best(&preferring, &cache, 0).as_deref(), Ok("b"));
}

#[tokio::test(start_paused = true)]
async fn the_queue_serves_priorities_first_and_backs_off_those_that_fit_nowhere() {
    let mut queue = Queue::new(Profiles::default().backoff);
    queue.push(pod("low", json!({"priority": 1})));
    queue.push(pod("high", json!({"priority": 9})));
    queue.push(pod("low2", json!({"priority": 1})));
    let order: Vec<String> = std::iter::from_fn(|| queue.pop()).map(|pod| pod.name.clone()).collect();
    assert_eq!(order, ["high", "low", "low2"]);
    let parked = pod("low", json!({"priority": 1}));
    queue.park(Arc::clone(&parked), Instant::now());
    assert!(queue.keeps(&parked));
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

#[test]
fn a_pod_is_told_once_for_each_reason() {
    let mut queue = Queue::default();
    assert!(queue.tells("p", "no node"));
    assert!(!queue.tells("p", "no node"));
    assert!(queue.tells("p", "no room"), "settled on a node in vain, for example");
    queue.remove("p");
    assert!(queue.tells("p", "no room"));
}

fn at(name: &str, node: &str, priority: i32, cpu: &str) -> Arc<PodInfo> {
    let mut spec = requests(cpu);
    spec["nodeName"] = node.into();
    spec["priority"] = priority.into();
    pod(name, spec)
}

fn victims(plan: Option<Plan>) -> Option<(String, Vec<String>)> {
    let plan = plan?;
    let mut names: Vec<String> = plan.victims.iter().map(|pod| pod.name.clone()).collect();
    names.sort();
    Some((plan.node, names))
}

#[test]
fn room_is_made_where_least_is_lost() {
    let placed = [
        at("a-high", "a", 5, "1"),
        at("a-low", "a", 1, "1"),
        at("b-mid", "b", 3, "500m"),
        at("b-mid2", "b", 3, "1500m"),
    ];
    let cache = cluster(&[node("a", json!({})), node("b", json!({}))], &placed);
    let plan = |spec: Value, budgets: &[Budget]| {
        let (pod, nodes, namespaces) = (pod("p", spec), cache.nodes().collect::<Vec<_>>(), Namespaces::new());
        let topology = Topology::of(&pod, &nodes, &namespaces);
        victims(preempt::plan(
            &Profile::default(),
            &pod,
            nodes.iter().copied(),
            |_| None,
            &topology,
            budgets,
        ))
    };
    let wants = |cpu: &str, priority: i32| {
        let mut spec = requests(cpu);
        spec["priority"] = priority.into();
        spec
    };
    let of = |node: &str, names: &[&str]| Some((node.to_owned(), names.iter().map(|&name| name.to_owned()).collect()));
    assert_eq!(plan(wants("1", 10), &[]), of("a", &["a-low"]));
    assert_eq!(plan(wants("500m", 4), &[]), of("a", &["a-low"]));
    assert_eq!(plan(wants("2", 4), &[]), of("b", &["b-mid", "b-mid2"]));
    assert_eq!(plan(wants("3", 10), &[]), None, "no sacrifice would help");
    assert_eq!(plan(wants("1", 1), &[]), None, "nobody is less important");
    let mut never = wants("1", 10);
    never["preemptionPolicy"] = "Never".into();
    assert_eq!(plan(never, &[]), None);
    let everything = Budget {
        namespace: "default".to_owned(),
        ..budget(json!({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}))
    };
    assert_eq!(
        plan(wants("1", 10), &[everything]),
        of("a", &["a-low"]),
        "budgets are a wish, not a wall"
    );
}

/// A budget that lets nobody go.
fn budget(selector: Value) -> Budget {
    Budget {
        namespace: "default".to_owned(),
        selector: machinery::selector::LabelSelector::from_object(&selector).unwrap(),
        allowed: 0,
        disrupted: HashSet::new(),
    }
}

#[test]
fn a_budget_keeps_those_it_means_who_have_not_been_let_go_yet() {
    let labelled = |name: &str, node: &str| {
        let mut pod = PodInfo::clone(&at(name, node, 1, "2"));
        pod.labels = [("team".to_owned(), node.to_owned())].into();
        Arc::new(pod)
    };
    let cache = cluster(
        &[node("a", json!({})), node("b", json!({}))],
        &[labelled("one", "a"), labelled("two", "b")],
    );
    let mut important = PodInfo::clone(&pod("p", requests("2")));
    important.priority = 10;
    let plan = |budgets: &[Budget]| {
        let (nodes, namespaces) = (cache.nodes().collect::<Vec<_>>(), Namespaces::new());
        let topology = Topology::of(&important, &nodes, &namespaces);
        let nodes = nodes.iter().copied();
        let plan = preempt::plan(&Profile::default(), &important, nodes, |_| None, &topology, budgets);
        plan.map(|plan| plan.node)
    };
    let of_a = budget(json!({"matchLabels": {"team": "a"}}));
    assert_eq!(plan(std::slice::from_ref(&of_a)).as_deref(), Some("b"));
    assert_eq!(
        plan(&[budget(json!({}))]).as_deref(),
        Some("a"),
        "an empty one means no pod"
    );
    let counted = Budget {
        disrupted: HashSet::from(["one".to_owned()]),
        ..of_a
    };
    assert_eq!(plan(&[counted]).as_deref(), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_waits_is_known_as_it_is_now_and_tried_again_only_for_a_reason() {
    let version = |version: &str, change: &dyn Fn(&mut PodInfo)| {
        let mut pod = PodInfo::clone(&pod("p", json!({})));
        pod.resource_version = version.to_owned();
        change(&mut pod);
        Arc::new(pod)
    };
    let mut queue = Queue::new(Profiles::default().backoff);
    queue.park(version("5", &|pod| pod.nominated = "a".to_owned()), Instant::now());
    assert!(queue.keeps(&version("4", &|_| {})), "heard late");
    assert!(queue.keeps(&version("6", &|pod| {
        pod.nominated = "a".to_owned();
        pod.priority = 7;
    })));
    queue.wake();
    tokio::time::advance(Duration::from_secs(10)).await;
    queue.advance(Instant::now());
    let tried = queue.pop().unwrap();
    assert_eq!((tried.nominated.as_str(), tried.priority), ("a", 7));
    queue.park(tried, Instant::now());
    assert!(!queue.keeps(&version("7", &|_| {})), "its node was promised to another");
    queue.park(version("8", &|_| {}), Instant::now());
    let relabelled = version("9", &|pod| drop(pod.labels.insert("a".to_owned(), "b".to_owned())));
    assert!(!queue.keeps(&relabelled));
}

#[test]
fn promised_room_is_taken_for_others_and_waited_for() {
    let mut cache = cluster(&[node("a", json!({}))], &[]);
    let mut first = PodInfo::clone(&pod("first", requests("2")));
    first.nominated = "a".to_owned();
    first.priority = 10;
    let first = Arc::new(first);
    cache.promise(&first);
    let free = |cache: &Cache, pod: &PodInfo| {
        let nodes: Vec<_> = cache.nodes_for(pod).collect();
        choose(
            &Profile::default(),
            pod,
            &nodes.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
            &Namespaces::new(),
            |_| None,
            0,
            None,
        )
        .is_ok()
    };
    assert!(free(&cache, &first), "for itself it is free");
    assert!(!free(&cache, &pod("other", requests("1"))));
    let mut going = PodInfo::clone(&at("going", "a", 1, "1"));
    going.deleting = true;
    cache.place(Arc::new(going.clone()));
    assert!(
        !preempt::is_waiting(&first, cache.nodes()),
        "it goes for reasons of its own"
    );
    going.preempted = true;
    cache.place(Arc::new(going));
    assert!(preempt::is_waiting(&first, cache.nodes()));
    let two = cluster(
        &[node("a", json!({})), node("b", json!({}))],
        &[at("used", "a", 0, "1")],
    );
    let mut small = PodInfo::clone(&pod("small", requests("1")));
    assert_eq!(best(&small, &two, 0).as_deref(), Ok("b"));
    small.nominated = "a".to_owned();
    assert_eq!(
        best(&small, &two, 0).as_deref(),
        Ok("a"),
        "a promised node is taken if it fits"
    );
    cache.forget_promise("first");
    assert!(free(&cache, &pod("other", requests("1"))));
}

#[test]
fn whoever_traces_is_told_what_was_thought_of_each_node() {
    let tainted = json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}});
    let busy = pod(
        "busy",
        json!({"nodeName": "b", "containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]}),
    );
    let nodes = [node("a", json!({})), node("b", json!({})), node("c", tainted)];
    let cache = cluster(&nodes, &[busy]);
    let mut told = Vec::new();
    let nodes: Vec<_> = cache.nodes().collect();
    let chosen = choose(
        &Profile::default(),
        &pod("p", requests("1")),
        &nodes,
        &Namespaces::new(),
        |_| None,
        0,
        Some(&mut told),
    );
    assert_eq!(chosen.as_deref(), Ok("a"));
    let of = |name: &str| told.iter().find(|verdict| verdict.node == name).unwrap();
    let refused = of("c").refused.clone().unwrap();
    assert_eq!(refused.plugin, "TaintToleration");
    assert_eq!(refused.reasons, ["node(s) had untolerated taint(s) {k: }"]);
    assert!(of("a").total() > of("b").total(), "{told:?}");
    let names: Vec<&str> = of("a").scores.iter().map(|(name, _)| name.as_str()).collect();
    assert!(
        names.contains(&"NodeResourcesFit") && names.contains(&"PodTopologySpread"),
        "{names:?}"
    );
    let alone = choose(
        &Profile::default(),
        &pod("p", requests("1")),
        &nodes[..1],
        &Namespaces::new(),
        |_| None,
        0,
        None,
    );
    assert_eq!(alone.as_deref(), Ok("a"));
}

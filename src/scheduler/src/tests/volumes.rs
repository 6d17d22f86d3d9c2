//! Where pods can go because of their volumes.

use follow::Change;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;

use super::*;
use crate::volumes::Volumes;

fn claim(class: &str, change: Value) -> PersistentVolumeClaim {
    let mut claim = json!({"metadata": {"name": "data", "namespace": "default", "uid": "1"},
        "spec": {"storageClassName": class, "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    json_merge(&mut claim, &change);
    serde_json::from_value(claim).unwrap()
}

fn disk_on_b() -> PersistentVolume {
    serde_json::from_value(
        json!({"metadata": {"name": "disk"}, "status": {"phase": "Available"}, "spec": {
        "storageClassName": "late", "capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"],
        "local": {"path": "/disk"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["b"]}]}]}}}}),
    )
    .unwrap()
}

fn late(provisioner: &str) -> StorageClass {
    let class = json!({"metadata": {"name": "late"}, "provisioner": provisioner,
        "volumeBindingMode": "WaitForFirstConsumer"});
    serde_json::from_value(class).unwrap()
}

#[test]
fn a_pod_goes_where_its_volume_is() {
    let cache = cluster(&[node("a", json!({})), node("b", json!({}))], &[]);
    let pod = pod(
        "p",
        json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}),
    );
    let mut volumes = Volumes::default();
    assert_eq!(
        volumes.needs(&pod, cache.nodes()).unwrap_err(),
        "persistentvolumeclaim \"data\" not found"
    );
    volumes.claim(Change::Set(claim("now", json!({}))));
    assert_eq!(
        volumes.needs(&pod, cache.nodes()).unwrap_err(),
        "pod has unbound immediate PersistentVolumeClaims"
    );

    let bound = json!({"metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}, "spec": {"volumeName": "disk"}});
    assert!(
        volumes.claim(Change::Set(claim("late", bound))),
        "the pod must be tried again"
    );
    volumes.volume(Change::Set(disk_on_b()));
    let needs = volumes.needs(&pod, cache.nodes()).unwrap();
    assert!(!needs.must_wait());
    let chosen = choose(
        &Profile::default(),
        &pod,
        &cache.nodes().collect::<Vec<_>>(),
        &Namespaces::new(),
        |node| volumes.filter(&Plugins::default(), &needs, node),
        0,
        None,
    );
    assert_eq!(chosen.as_deref(), Ok("b"));
}

#[test]
fn a_claim_that_waits_for_its_pod_follows_the_choice() {
    let cache = cluster(&[node("a", json!({})), node("b", json!({}))], &[]);
    let pod = pod(
        "p",
        json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}),
    );
    let mut volumes = Volumes::default();
    volumes.claim(Change::Set(claim("late", json!({}))));
    volumes.class(Change::Set(late("kubernetes.io/no-provisioner")));
    let pick = |volumes: &Volumes| {
        let needs = volumes.needs(&pod, cache.nodes()).unwrap();
        assert!(needs.must_wait());
        choose(
            &Profile::default(),
            &pod,
            &cache.nodes().collect::<Vec<_>>(),
            &Namespaces::new(),
            |node| volumes.filter(&Plugins::default(), &needs, node),
            0,
            None,
        )
    };
    let none = "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.";
    assert_eq!(pick(&volumes).unwrap_err().to_string(), none);
    volumes.volume(Change::Set(disk_on_b()));
    assert_eq!(pick(&volumes).as_deref(), Ok("b"));
    volumes.class(Change::Set(late("example.com/disks")));
    let told = json!({"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "a"}}});
    volumes.claim(Change::Set(claim("late", told)));
    assert_eq!(pick(&volumes).as_deref(), Ok("a"), "a choice that was told stands");
}

fn user(name: &str, node: &str, claim: &str) -> Arc<PodInfo> {
    let volume = json!({"name": "v", "persistentVolumeClaim": {"claimName": claim}});
    pod(name, json!({"nodeName": node, "volumes": [volume]}))
}

fn of_driver(name: &str) -> [Value; 2] {
    let claim = json!({"metadata": {"name": name, "namespace": "default",
        "annotations": {"pv.kubernetes.io/bind-completed": "yes"}}, "spec": {"volumeName": name}});
    [
        claim,
        json!({"metadata": {"name": name}, "spec": {"csi": {"driver": "d", "volumeHandle": name}}}),
    ]
}

fn reasons(volumes: &Volumes, cache: &Cache, pod: &PodInfo) -> Vec<String> {
    let needs = volumes.needs(pod, cache.nodes()).unwrap();
    let refusals = cache
        .nodes()
        .filter_map(|node| volumes.filter(&Plugins::default(), &needs, node));
    refusals.flat_map(|(_, refusal)| refusal.reasons).collect()
}

#[test]
fn a_node_takes_as_many_volumes_as_its_driver_says() {
    let mut volumes = Volumes::default();
    for name in ["one", "two", "three"] {
        let [claim, volume] = of_driver(name);
        volumes.claim(Change::Set(serde_json::from_value(claim).unwrap()));
        volumes.volume(Change::Set(serde_json::from_value(volume).unwrap()));
    }
    let csi_node = json!({"metadata": {"name": "a"}, "spec": {"drivers": [
        {"name": "d", "nodeID": "a", "allocatable": {"count": 2}}]}});
    volumes.csi_node(Change::Set(serde_json::from_value(csi_node).unwrap()));
    let mut cache = cluster(&[node("a", json!({}))], &[user("first", "a", "one")]);
    assert!(reasons(&volumes, &cache, &user("p", "", "two")).is_empty());
    cache.place(user("second", "a", "two"));
    assert_eq!(
        reasons(&volumes, &cache, &user("p", "", "three")),
        ["node(s) exceed max volume count"]
    );
    assert!(
        reasons(&volumes, &cache, &user("p", "", "two")).is_empty(),
        "the node has that volume already"
    );
    cache.remove_pod("second");
    assert!(reasons(&volumes, &cache, &user("p", "", "three")).is_empty());
    // the pod is gone, and its volume still attached
    let attachment = json!({"metadata": {"name": "x"}, "spec": {"attacher": "d", "nodeName": "a",
        "source": {"persistentVolumeName": "two"}}});
    volumes.attachment(Change::Set(serde_json::from_value(attachment).unwrap()));
    assert_eq!(reasons(&volumes, &cache, &user("p", "", "three")).len(), 1);
}

#[test]
fn a_claim_for_one_pod_is_not_given_to_another() {
    let mut volumes = Volumes::default();
    let [mut claim, volume] = of_driver("one");
    claim["spec"]["accessModes"] = json!(["ReadWriteOncePod"]);
    volumes.claim(Change::Set(serde_json::from_value(claim).unwrap()));
    volumes.volume(Change::Set(serde_json::from_value(volume).unwrap()));
    let nodes = [node("a", json!({})), node("b", json!({}))];
    let mut cache = cluster(&nodes, &[user("first", "a", "one")]);
    let needs = volumes.needs(&user("p", "", "one"), cache.nodes()).unwrap();
    let on = |name: &str, without: &[&str]| {
        let gone = without.iter().map(|&uid| uid.to_owned()).collect();
        let node = cache.nodes().find(|node| node.name == name).unwrap().without(&gone);
        volumes
            .filter(&Plugins::default(), &needs, &node)
            .map(|(_, refusal)| refusal.hopeless)
    };
    assert_eq!((on("a", &[]), on("b", &[])), (Some(false), Some(false)));
    assert_eq!(on("a", &["first"]), None, "sending the other pod away would help");
    cache.remove_pod("first");
    assert!(reasons(&volumes, &cache, &user("p", "", "one")).is_empty());
}

#[test]
fn a_volume_is_made_only_where_its_class_allows_it_and_its_driver_has_room() {
    let zone = |zone: &str| json!({"metadata": {"labels": {"zone": zone}}});
    let cache = cluster(&[node("a", zone("x")), node("b", zone("y"))], &[]);
    let pod = user("p", "", "data");
    let mut volumes = Volumes::default();
    volumes.claim(Change::Set(claim("late", json!({}))));
    let mut class = late("d");
    volumes.class(Change::Set(class.clone()));
    assert!(reasons(&volumes, &cache, &pod).is_empty());
    class.allowed_topologies =
        serde_json::from_value(json!([{"matchLabelExpressions": [{"key": "zone", "values": ["x"]}]}])).unwrap();
    volumes.class(Change::Set(class));
    let nothing_there = "node(s) didn't find available persistent volumes to bind";
    assert_eq!(reasons(&volumes, &cache, &pod), [nothing_there]);

    let driver = json!({"metadata": {"name": "d"}, "spec": {"storageCapacity": true}});
    volumes.driver(Change::Set(serde_json::from_value(driver).unwrap()));
    let no_room = "node(s) did not have enough free storage";
    assert_eq!(reasons(&volumes, &cache, &pod), [no_room, nothing_there]);
    let capacity = |size: &str| {
        serde_json::from_value(
            json!({"metadata": {"name": "c", "namespace": "default"}, "storageClassName": "late",
            "capacity": size, "nodeTopology": {"matchLabels": {"zone": "x"}}}),
        )
        .unwrap()
    };
    volumes.capacity(Change::Set(capacity("1023Mi")));
    assert_eq!(reasons(&volumes, &cache, &pod), [no_room, nothing_there]);
    volumes.capacity(Change::Set(capacity("1Gi")));
    assert_eq!(reasons(&volumes, &cache, &pod), [nothing_there]);
}

#[test]
fn what_refuses_because_of_volumes_has_a_name_and_can_be_switched_off() {
    let mut volumes = Volumes::default();
    let [mut claim, mut volume] = of_driver("one");
    claim["spec"]["accessModes"] = json!(["ReadWriteOncePod"]);
    volume["metadata"]["labels"] = json!({"topology.kubernetes.io/zone": "x__y"});
    volumes.claim(Change::Set(serde_json::from_value(claim).unwrap()));
    volumes.volume(Change::Set(serde_json::from_value(volume).unwrap()));
    let limited = json!({"metadata": {"name": "full"}, "spec": {"drivers": [
        {"name": "d", "nodeID": "n", "allocatable": {"count": 0}}]}});
    volumes.csi_node(Change::Set(serde_json::from_value(limited).unwrap()));
    let in_zone = |zone: &str| json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}});
    let mut cache = cluster(
        &[
            node("far", in_zone("z")),
            node("full", json!({})),
            node("near", in_zone("y")),
            node("nowhere", json!({})),
        ],
        &[],
    );
    let pod = user("p", "", "one");
    let plugins = |cache: &Cache, plugins: &Plugins| {
        let needs = volumes.needs(&pod, cache.nodes()).unwrap();
        let named = |node: &NodeInfo| Some(volumes.filter(plugins, &needs, node)?.0);
        let mut all: Vec<_> = cache.nodes().map(|node| (node.name.clone(), named(node))).collect();
        all.sort();
        all.into_iter()
            .map(|(_, plugin)| plugin.unwrap_or("-"))
            .collect::<Vec<_>>()
    };
    let all = Plugins::default();
    assert_eq!(plugins(&cache, &all), ["VolumeZone", "NodeVolumeLimits", "-", "-"]);
    let without = profiles::profile(
        "  plugins: {filter: {disabled: [{name: VolumeZone}]}, multiPoint: {disabled: [{name: NodeVolumeLimits}]}}",
    );
    assert_eq!(plugins(&cache, &without.plugins), ["-"; 4]);
    cache.place(user("first", "near", "one"));
    assert_eq!(plugins(&cache, &all), ["VolumeRestrictions"; 4]);
    cache.remove_pod("first");
    volumes.volume(Change::Set(
        serde_json::from_value(json!({"metadata": {"name": "one"}, "spec": {
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["y"]}]}]}}}}))
        .unwrap(),
    ));
    let needs = volumes.needs(&pod, cache.nodes()).unwrap();
    let far = cache.nodes().find(|node| node.name == "far").unwrap();
    assert_eq!(volumes.filter(&all, &needs, far).unwrap().0, "VolumeBinding");
}

#[test]
fn a_claim_that_is_no_longer_told_of_the_node_has_been_given_up() {
    let cache = cluster(&[node("a", json!({})), node("b", json!({}))], &[]);
    let pod = user("p", "", "data");
    let mut volumes = Volumes::default();
    volumes.class(Change::Set(late("example.com/disks")));
    let told = |version: &str, node: Value| {
        let annotations = json!({"volume.kubernetes.io/selected-node": node});
        claim(
            "late",
            json!({"metadata": {"annotations": annotations, "resourceVersion": version}}),
        )
    };
    volumes.claim(Change::Set(told("5", json!("a"))));
    let given_up = |volumes: &Volumes, node: &str| {
        let needs = volumes.needs(&pod, cache.nodes()).unwrap();
        volumes.given_up(&needs, node).map(str::to_owned)
    };
    assert_eq!(given_up(&volumes, "a"), None);
    assert_eq!(given_up(&volumes, "b").as_deref(), Some("data"));
    let mut before = told("4", json!("a"));
    before.metadata.annotations = None;
    assert!(!volumes.claim(Change::Set(before.clone())), "heard late");
    assert_eq!(given_up(&volumes, "a"), None);
    before.metadata.resource_version = Some("6".to_owned());
    assert!(volumes.claim(Change::Set(before)), "the pod must be tried again");
    assert_eq!(given_up(&volumes, "a").as_deref(), Some("data"));
    // a volume that is reserved for the claim is as good as the provisioner's promise
    let mut disk = disk_on_b();
    disk.spec.as_mut().unwrap().claim_ref =
        serde_json::from_value(json!({"namespace": "default", "name": "data", "uid": "1"})).unwrap();
    volumes.volume(Change::Set(disk));
    assert_eq!(given_up(&volumes, "b"), None);
}

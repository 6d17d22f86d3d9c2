//! What profiles change about decisions.

use follow::Change;
use k8s_openapi::api::core::v1::Service;

use super::*;
use crate::services::Services;

pub(super) fn profile(rest: &str) -> Profile {
    let head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- schedulerName: own\n";
    let profiles = Profiles::read(&format!("{head}{rest}")).unwrap();
    profiles.get("own").unwrap().as_ref().clone()
}

fn pick(profile: &Profile, pod: &PodInfo, cache: &Cache) -> Result<String, String> {
    let nodes: Vec<_> = cache.nodes().collect();
    let chosen = choose(profile, pod, &nodes, &Namespaces::new(), |_| None, 0, None);
    chosen.map_err(|why| why.to_string())
}

/// `busy` has half of its processors in use, `idle` none.
fn half_used() -> Cache {
    let nodes = [node("busy", json!({})), node("idle", json!({}))];
    cluster(&nodes, &[at("other", "busy", 0, "1")])
}

#[test]
fn pods_are_packed_or_spread_as_the_strategy_says() {
    let cache = half_used();
    let small = pod("p", requests("100m"));
    assert_eq!(pick(&Profile::default(), &small, &cache).as_deref(), Ok("idle"));
    let packed = profile(
        "  plugins: {score: {disabled: [{name: NodeResourcesBalancedAllocation}]}}\n\
         \x20 pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: MostAllocated}}}]",
    );
    assert_eq!(pick(&packed, &small, &cache).as_deref(), Ok("busy"));
    let half = profile(
        "  plugins: {score: {disabled: [{name: NodeResourcesBalancedAllocation}]}}\n\
         \x20 pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: RequestedToCapacityRatio, \
         resources: [{name: cpu}], requestedToCapacityRatio: {shape: [{utilization: 0, score: 0}, \
         {utilization: 50, score: 10}, {utilization: 100, score: 0}]}}}}]",
    );
    assert_eq!(pick(&half, &small, &cache).as_deref(), Ok("busy"));
}

#[test]
fn a_filter_that_is_off_refuses_nothing_and_makes_no_room() {
    let cache = cluster(&[node("only", json!({"spec": {"unschedulable": true}}))], &[]);
    let plain = pod("p", json!({}));
    assert!(pick(&Profile::default(), &plain, &cache).is_err());
    let careless = profile("  plugins: {filter: {disabled: [{name: NodeUnschedulable}, {name: TaintToleration}]}}");
    assert_eq!(pick(&careless, &plain, &cache).as_deref(), Ok("only"));
}

#[test]
fn affinity_of_the_profile_holds_for_all_its_pods() {
    let cache = half_used();
    let args = "  pluginConfig: [{name: NodeAffinity, args: {addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: \
        {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [busy]}]}]}}}}]";
    let held = profile(args);
    assert_eq!(pick(&held, &pod("p", json!({})), &cache).as_deref(), Ok("busy"));
    let why = pick(
        &profile(&args.replace("[busy]", "[none]")),
        &pod("p", json!({})),
        &cache,
    )
    .unwrap_err();
    assert!(
        why.contains("2 node(s) didn't match scheduler-enforced node affinity"),
        "{why}"
    );
}

fn labelled(name: &str, node: &str) -> Arc<PodInfo> {
    let whole = json!({"metadata": {"name": name, "namespace": "default", "uid": name, "labels": {"app": "web"}},
        "spec": {"nodeName": node, "containers": [{"name": "c"}]}});
    PodInfo::of(&serde_json::from_value::<Pod>(whole).unwrap())
}

#[test]
fn pods_of_one_service_are_spread_without_saying_so() {
    let cache = cluster(
        &[node("a", json!({})), node("b", json!({}))],
        &[labelled("1", "a"), labelled("2", "a")],
    );
    let mut services = Services::default();
    let pod = labelled("3", "");
    let defaults = Profile::default().args.spread;
    assert!(
        services.spread(&pod, &defaults).is_empty(),
        "nobody says which pods are its like"
    );
    let service: Service = serde_json::from_value(json!({"metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}}}))
    .unwrap();
    services.take(Change::Set(service));
    let mut spread = PodInfo::clone(&pod);
    spread.spread = services.spread(&pod, &defaults);
    spread.spread_leniently = defaults.lenient;
    // only the spread decides
    let only = "  plugins: {score: {disabled: [{name: '*'}], enabled: [{name: PodTopologySpread}]}}\n";
    assert_eq!(pick(&profile(only), &spread, &cache).as_deref(), Ok("b"));
    let hard = profile(
        "  pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List, defaultConstraints: \
         [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule}]}}]",
    );
    let mut held = PodInfo::clone(&pod);
    held.spread = services.spread(&pod, &hard.args.spread);
    held.node_selector
        .insert("kubernetes.io/hostname".to_owned(), "a".to_owned());
    assert!(held.heeds_others() && !spread.heeds_others());
    let mut elsewhere = held.clone();
    elsewhere.node_selector.clear();
    assert_eq!(pick(&hard, &elsewhere, &cache).as_deref(), Ok("b"));
}

#[test]
fn a_pod_knows_the_claims_for_its_devices() {
    let whole = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}], "resourceClaims": [
            {"name": "own", "resourceClaimName": "shared"}, {"name": "made", "resourceClaimTemplateName": "t"},
            {"name": "later", "resourceClaimTemplateName": "t"}]},
        "status": {"resourceClaimStatuses": [{"name": "made", "resourceClaimName": "p-made-x"}]}});
    let devices = PodInfo::of(&serde_json::from_value::<Pod>(whole).unwrap())
        .devices
        .clone();
    assert_eq!(devices, [Some("shared".to_owned()), Some("p-made-x".to_owned()), None]);
}

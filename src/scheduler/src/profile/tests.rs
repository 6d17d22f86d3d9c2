use super::*;

fn read(rest: &str) -> Result<Profiles, String> {
    let head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";
    Profiles::read(&format!("{head}{rest}")).map_err(|error| error.to_string())
}

fn profile(rest: &str) -> Profile {
    let profiles = read(&format!("profiles:\n- schedulerName: own\n{rest}")).expect("profiles");
    profiles.get("own").expect("profile").as_ref().clone()
}

#[test]
fn nothing_said_is_what_upstream_does() {
    let profiles = read("").expect("profiles");
    let profile = profiles.get("default-scheduler").expect("profile");
    assert!(profile.plugins.filters("NodePorts") && profile.plugins.preempt());
    assert_eq!(profile.plugins.weight("TaintToleration"), 3);
    assert_eq!(profile.args.spread.constraints.len(), 2);
    assert!(profiles.get("other").is_none());
}

#[test]
fn points_are_switched_apart_and_together() {
    let one =
        profile("  plugins: {score: {disabled: [{name: NodeAffinity}], enabled: [{name: ImageLocality, weight: 9}]}}");
    assert!(one.plugins.filters("NodeAffinity"));
    assert_eq!(
        (one.plugins.weight("NodeAffinity"), one.plugins.weight("ImageLocality")),
        (0, 9)
    );
    let all = "  plugins: {multiPoint: {disabled: [{name: '*'}]}, score: {enabled: [{name: NodeResourcesFit}]}}";
    let bare = profile(all);
    assert!(!bare.plugins.filters("NodeResourcesFit") && !bare.plugins.preempt());
    assert_eq!(
        (
            bare.plugins.weight("NodeResourcesFit"),
            bare.plugins.weight("PodTopologySpread")
        ),
        (1, 0)
    );
    assert!(!bare.plugins.filters("VolumeBinding") && !bare.plugins.heed_claims());
    assert!(bare.plugins.filters("DynamicResources"), "pods keep their devices");
}

#[test]
fn every_point_of_upstreams_is_understood() {
    let said = "  plugins: {preEnqueue: {enabled: [{name: SchedulingGates}]}, queueSort: {enabled: [{name: PrioritySort}]}, \
        preFilter: {disabled: [{name: NodePorts}]}, preScore: {disabled: [{name: InterPodAffinity}]}, \
        reserve: {disabled: [{name: VolumeBinding}]}, permit: {disabled: [{name: '*'}]}, preBind: {}, \
        bind: {enabled: [{name: DefaultBinder}]}, postBind: {}}";
    let one = profile(said);
    assert!(!one.plugins.filters("NodePorts"), "it has nothing to go by");
    assert!(one.plugins.filters("InterPodAffinity"));
    assert_eq!(one.plugins.weight("InterPodAffinity"), 0);
    assert!(one.plugins.filters("VolumeBinding") && one.plugins.heed_claims() && !one.plugins.bind_claims());
    let again = "  plugins: {multiPoint: {disabled: [{name: '*'}]}, filter: {enabled: [{name: NodePorts}]}}";
    assert!(profile(again).plugins.filters("NodePorts"), "what is switched on works");
}

#[test]
fn arguments_are_read() {
    let packed = profile(
        "  pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: RequestedToCapacityRatio, \
         resources: [{name: cpu, weight: 3}], requestedToCapacityRatio: {shape: [{utilization: 0, score: 0}, \
         {utilization: 100, score: 10}]}}}}]",
    );
    assert_eq!(packed.args.strategy.kind, StrategyKind::Ratio(vec![(0, 0), (100, 100)]));
    assert_eq!(packed.args.strategy.resources, [("cpu".to_owned(), 3)]);
    let spread = profile(
        "  pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List, defaultConstraints: \
         [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]}}]",
    );
    assert!(!spread.args.spread.lenient && spread.args.spread.constraints.len() == 1);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let wrong = [
        (
            "profiles: [{plugins: {score: {enabled: [{name: Nodeports}]}}}]",
            "profiles[0].plugins.score.enabled: there is no plugin \"Nodeports\"",
        ),
        (
            "profiles: [{plugins: {score: {enabled: [{name: NodePorts}]}}}]",
            "NodePorts has no part at this point",
        ),
        (
            "profiles: [{plugins: {preFiltre: {}}}]",
            "profiles[0].plugins.preFiltre: cannot be set here",
        ),
        (
            "profiles: [{plugins: {permit: {enabled: [{name: DefaultBinder}]}}}]",
            "DefaultBinder has no part at this point",
        ),
        (
            "profiles: [{plugins: {bind: {disabled: [{name: DefaultBinder}]}}}]",
            "DefaultBinder cannot be switched off",
        ),
        (
            "profiles: [{schedulerName: a}, {schedulerName: a}]",
            "profiles[1].schedulerName: \"a\"",
        ),
        (
            "profiles: [{pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: Best}}}]}]",
            "scoringStrategy.type: Unsupported value: \"Best\"",
        ),
        (
            "profiles: [{pluginConfig: [{name: NodeAffinity, args: {add: 1}}]}]",
            "pluginConfig[0].args: unknown field `add`",
        ),
        ("podMaxBackoffSeconds: 0", "podMaxBackoffSeconds: 0 must be above zero"),
        ("extenders: [{urlPrefix: http://x}]", "extenders: there are none here"),
        ("profile: []", "unknown field `profile`"),
    ];
    for (text, said) in wrong {
        let error = read(text).expect_err(text);
        assert!(error.contains(said), "{text}: {error}");
    }
    assert!(Profiles::read("kind: Pod\napiVersion: v1").is_err());
}

#[test]
fn waiting_times_are_read() {
    let profiles = read("podInitialBackoffSeconds: 2\npodMaxBackoffSeconds: 4").expect("profiles");
    assert_eq!(profiles.backoff, (Duration::from_secs(2), Duration::from_secs(4)));
}

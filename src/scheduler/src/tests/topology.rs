//! Pods near others, apart from them, and spread.

use super::*;

/// Two zones of two nodes: a1, a2, b1, b2.
fn zones() -> Vec<Node> {
    ["a1", "a2", "b1", "b2"]
        .map(|name| node(name, json!({"metadata": {"labels": {"zone": name[..1]}}})))
        .into()
}

fn labelled(name: &str, labels: Value, spec: Value) -> Arc<PodInfo> {
    let mut whole = json!({"metadata": {"name": name, "namespace": "default", "uid": name, "labels": labels},
        "spec": {"containers": [{"name": "c"}]}});
    json_merge(&mut whole["spec"], &spec);
    PodInfo::of(&serde_json::from_value::<Pod>(whole).unwrap())
}

fn on(name: &str, node: &str, labels: Value) -> Arc<PodInfo> {
    labelled(name, labels, json!({ "nodeName": node }))
}

/// All nodes that will do.
fn takers(pod: &PodInfo, cache: &Cache) -> String {
    let nodes: Vec<_> = cache.nodes().collect();
    let namespaces = Namespaces::from([("default".to_owned(), [("team".to_owned(), "x".to_owned())].into())]);
    let topology = Topology::of(pod, &nodes, &namespaces);
    let taken = nodes
        .iter()
        .filter(|node| plugins::filter(&Profile::default(), pod, node, |_| None, &topology).is_none());
    taken.map(|node| node.name.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn hard_constraints_keep_the_skew() {
    let web = json!({"app": "web"});
    let placed = [
        on("1", "a1", web.clone()),
        on("2", "a1", web.clone()),
        on("3", "b1", web.clone()),
    ];
    let cache = cluster(&zones(), &placed);
    let constraint = |change: Value| {
        let mut constraint = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "web"}}});
        json_merge(&mut constraint, &change);
        constraint
    };
    let spread = |constraints: Value| labelled("p", web.clone(), json!({"topologySpreadConstraints": constraints}));
    let cases = [
        (json!([constraint(json!({}))]), "b1 b2"),
        (json!([constraint(json!({"maxSkew": 2}))]), "a1 a2 b1 b2"),
        (
            json!([constraint(json!({"topologyKey": "kubernetes.io/hostname"}))]),
            "a2 b2",
        ),
        (
            json!([
                constraint(json!({})),
                constraint(json!({"topologyKey": "kubernetes.io/hostname"}))
            ]),
            "b2",
        ),
        // as long as there are fewer domains than asked for, none may have more than the skew
        (json!([constraint(json!({"minDomains": 3}))]), ""),
        (json!([constraint(json!({"minDomains": 2}))]), "b1 b2"),
        // others do not count
        (
            json!([constraint(json!({"labelSelector": {"matchLabels": {"app": "other"}}}))]),
            "a1 a2 b1 b2",
        ),
        (json!([constraint(json!({"labelSelector": null}))]), "a1 a2 b1 b2"),
        (json!([constraint(json!({"matchLabelKeys": ["version"]}))]), "b1 b2"),
        (json!([constraint(json!({"topologyKey": "rack"}))]), ""),
    ];
    for (constraints, wanted) in cases {
        assert_eq!(takers(&spread(constraints.clone()), &cache), wanted, "{constraints}");
    }
    let mut versioned = spread(json!([constraint(json!({"matchLabelKeys": ["version"]}))]));
    assert_eq!(
        takers(&versioned, &cache),
        "b1 b2",
        "a label that the pod lacks says nothing"
    );
    let labels = json!({"app": "web", "version": "2"});
    versioned = labelled(
        "p",
        labels,
        json!({"topologySpreadConstraints": [constraint(json!({"matchLabelKeys": ["version"]}))]}),
    );
    assert_eq!(
        takers(&versioned, &cache),
        "a1 a2 b1 b2",
        "no other pod of this version"
    );
}

#[test]
fn nodes_that_a_pod_cannot_use_count_as_the_policies_say() {
    let web = json!({"app": "web"});
    let mut nodes = zones();
    nodes.push(node(
        "c1",
        json!({"metadata": {"labels": {"zone": "c"}}, "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}}),
    ));
    let cache = cluster(&nodes, &[on("1", "a1", web.clone()), on("2", "b1", web.clone())]);
    let pod = |policies: Value, spec: Value| {
        let mut constraint = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "web"}}});
        json_merge(&mut constraint, &policies);
        let mut whole = json!({"topologySpreadConstraints": [constraint]});
        json_merge(&mut whole, &spec);
        labelled("p", web.clone(), whole)
    };
    assert_eq!(
        takers(&pod(json!({}), json!({})), &cache),
        "",
        "the empty zone is the fewest"
    );
    assert_eq!(
        takers(&pod(json!({"nodeTaintsPolicy": "Honor"}), json!({})), &cache),
        "a1 a2 b1 b2"
    );
    let selector = json!({"nodeSelector": {"zone": "a"}});
    assert_eq!(
        takers(&pod(json!({}), selector.clone()), &cache),
        "a1 a2",
        "only zone a counts"
    );
    assert_eq!(
        takers(&pod(json!({"nodeAffinityPolicy": "Ignore"}), selector), &cache),
        ""
    );
}

#[test]
fn soft_constraints_prefer_the_emptier_domain_and_owners_spread_by_themselves() {
    let web = json!({"app": "web"});
    let cache = cluster(
        &zones(),
        &[
            on("1", "a1", web.clone()),
            on("2", "a2", web.clone()),
            on("3", "b1", web.clone()),
        ],
    );
    let soft = json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "web"}}}, {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"app": "web"}}}]});
    for tie in 0..4 {
        assert_eq!(
            best(&labelled("p", web.clone(), soft.clone()), &cache, tie).as_deref(),
            Ok("b2")
        );
    }
    let owned = |name: &str, node: &str| {
        let mut pod = PodInfo::clone(&on(name, node, json!({})));
        pod.owner = Some("set".to_owned());
        Arc::new(pod)
    };
    let cache = cluster(&zones(), &[owned("1", "a1"), owned("2", "a2"), owned("3", "b1")]);
    let next = owned("p", "");
    for tie in 0..4 {
        assert_eq!(best(&next, &cache, tie).as_deref(), Ok("b2"));
    }
}

/// A pod with one required term.
fn with_term(kind: &str, labels: Value, term: Value) -> Arc<PodInfo> {
    let mut whole = json!({"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "db"}}});
    json_merge(&mut whole, &term);
    let affinity = json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [whole]}}});
    labelled("p", labels, affinity)
}

#[test]
fn pods_go_near_those_they_name_and_away_from_those_they_avoid() {
    let mut elsewhere = PodInfo::clone(&on("4", "b2", json!({"app": "far"})));
    elsewhere.namespace = "other".to_owned();
    let placed = [on("1", "a1", json!({"app": "db", "version": "1"})), Arc::new(elsewhere)];
    let cache = cluster(&zones(), &placed);
    let cases = [
        ("podAffinity", json!({}), json!({}), "a1 a2"),
        (
            "podAffinity",
            json!({}),
            json!({"topologyKey": "kubernetes.io/hostname"}),
            "a1",
        ),
        ("podAntiAffinity", json!({}), json!({}), "b1 b2"),
        (
            "podAntiAffinity",
            json!({}),
            json!({"topologyKey": "rack"}),
            "a1 a2 b1 b2",
        ),
        ("podAffinity", json!({}), json!({"topologyKey": "rack"}), ""),
        // the first of its kind
        (
            "podAffinity",
            json!({"app": "new"}),
            json!({"labelSelector": {"matchLabels": {"app": "new"}}}),
            "a1 a2 b1 b2",
        ),
        (
            "podAffinity",
            json!({}),
            json!({"labelSelector": {"matchLabels": {"app": "new"}}}),
            "",
        ),
        // namespaces
        (
            "podAffinity",
            json!({}),
            json!({"labelSelector": {"matchLabels": {"app": "far"}}}),
            "",
        ),
        (
            "podAffinity",
            json!({}),
            json!({"labelSelector": {"matchLabels": {"app": "far"}}, "namespaces": ["other"]}),
            "b1 b2",
        ),
        (
            "podAffinity",
            json!({}),
            json!({"labelSelector": {"matchLabels": {"app": "far"}}, "namespaceSelector": {}}),
            "b1 b2",
        ),
        (
            "podAffinity",
            json!({}),
            json!({"namespaceSelector": {"matchLabels": {"team": "x"}}}),
            "a1 a2",
        ),
        (
            "podAffinity",
            json!({}),
            json!({"namespaceSelector": {"matchLabels": {"team": "y"}}}),
            "",
        ),
        // labels of the pod's own
        (
            "podAffinity",
            json!({"version": "1"}),
            json!({"matchLabelKeys": ["version"]}),
            "a1 a2",
        ),
        (
            "podAffinity",
            json!({"version": "2"}),
            json!({"matchLabelKeys": ["version"]}),
            "",
        ),
        (
            "podAntiAffinity",
            json!({"version": "1"}),
            json!({"mismatchLabelKeys": ["version"]}),
            "a1 a2 b1 b2",
        ),
        (
            "podAntiAffinity",
            json!({"version": "2"}),
            json!({"mismatchLabelKeys": ["version"]}),
            "b1 b2",
        ),
    ];
    for (kind, labels, term, wanted) in cases {
        assert_eq!(
            takers(&with_term(kind, labels, term.clone()), &cache),
            wanted,
            "{kind} {term}"
        );
    }
}

#[test]
fn who_avoids_others_is_avoided_by_them() {
    let mut shy = PodInfo::clone(&with_term("podAntiAffinity", json!({}), json!({})));
    (shy.uid, shy.node) = ("shy".to_owned(), "a1".to_owned());
    let cache = cluster(&zones(), &[Arc::new(shy)]);
    assert_eq!(takers(&on("p", "", json!({"app": "db"})), &cache), "b1 b2");
    assert_eq!(takers(&on("p", "", json!({"app": "web"})), &cache), "a1 a2 b1 b2");
}

#[test]
fn preferences_pull_and_push_both_ways() {
    let prefer = |kind: &str, weight: i64| {
        json!({"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": weight, "podAffinityTerm":
            {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "db"}}}}]}}})
    };
    let cache = cluster(
        &[node("a", json!({})), node("b", json!({}))],
        &[on("1", "a", json!({"app": "db"}))],
    );
    for tie in 0..2 {
        assert_eq!(
            best(&labelled("p", json!({}), prefer("podAffinity", 100)), &cache, tie).as_deref(),
            Ok("a")
        );
        assert_eq!(
            best(&labelled("p", json!({}), prefer("podAntiAffinity", 100)), &cache, tie).as_deref(),
            Ok("b")
        );
    }
    let mut shy = PodInfo::clone(&labelled("shy", json!({}), prefer("podAntiAffinity", 100)));
    shy.node = "b".to_owned();
    let cache = cluster(&[node("a", json!({})), node("b", json!({}))], &[Arc::new(shy)]);
    for tie in 0..2 {
        assert_eq!(
            best(&on("p", "", json!({"app": "db"})), &cache, tie).as_deref(),
            Ok("a")
        );
    }
}

#[test]
fn refusals_are_told_in_upstreams_words() {
    let cache = cluster(
        &zones(),
        &[on("1", "a1", json!({"app": "db"})), on("2", "b1", json!({"app": "db"}))],
    );
    let refused = best(&with_term("podAntiAffinity", json!({}), json!({})), &cache, 0).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "0/4 nodes are available: 4 node(s) didn't match pod anti-affinity rules."
    );
    assert_eq!(
        refused.no_room(),
        "0/4 nodes are available: 4 No preemption victims found for incoming pod."
    );
    let refused = best(
        &with_term("podAffinity", json!({}), json!({"topologyKey": "rack"})),
        &cache,
        0,
    )
    .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "0/4 nodes are available: 4 node(s) didn't match pod affinity rules."
    );
    assert_eq!(
        refused.no_room(),
        "0/4 nodes are available: 4 Preemption is not helpful for scheduling."
    );
    let spread = json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {}}]});
    assert_eq!(
        refusal(&cache, &labelled("p", json!({}), spread)),
        "0/4 nodes are available: 4 node(s) didn't match pod topology spread constraints (missing required label)."
    );
}

#[test]
fn room_is_made_by_sending_away_whom_a_pod_avoids() {
    let cache = cluster(
        &zones()[..1],
        &[
            on("1", "a1", json!({"app": "db"})),
            on("2", "a1", json!({"app": "web"})),
        ],
    );
    let mut avoiding = PodInfo::clone(&with_term("podAntiAffinity", json!({}), json!({})));
    avoiding.priority = 10;
    let (nodes, namespaces) = (cache.nodes().collect::<Vec<_>>(), Namespaces::new());
    let topology = Topology::of(&avoiding, &nodes, &namespaces);
    let plan = preempt::plan(
        &Profile::default(),
        &avoiding,
        nodes.iter().copied(),
        |_| None,
        &topology,
        &[],
    );
    assert_eq!(victims(plan), Some(("a1".to_owned(), vec!["1".to_owned()])));
}

//! Nodes: what was given to them stays.

use super::*;

fn node(spec: Value) -> Value {
    prepared(
        "",
        "v1",
        "Node",
        json!({"metadata": {"name": "n", "resourceVersion": "1"}, "spec": spec}),
    )
}

fn changed(old: Value, new: Value) -> Vec<String> {
    let errors = validate_update("", "Node", "", &node(new), &node(old));
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn ranges_of_pods_are_networks_at_most_one_of_each_family() {
    let wrong = |ranges: Value| {
        let object = json!({"metadata": {"name": "n"}, "spec": {"podCIDRs": ranges}});
        errors("", "v1", "Node", object).join("; ")
    };
    assert_eq!(wrong(json!(["10.244.1.0/24", "fd00::/64"])), "");
    assert!(
        wrong(json!(["10.244.1.0"]))
            .starts_with("spec.podCIDRs[0]: Invalid value: \"10.244.1.0\": must be a valid CIDR")
    );
    for ranges in [
        json!(["10.244.1.0/24", "10.244.2.0/24"]),
        json!(["10.244.1.0/24", "fd00::/64", "fd01::/64"]),
    ] {
        assert!(wrong(ranges).ends_with("may specify no more than one CIDR for each IP family"));
    }
}

#[test]
fn a_range_and_an_id_that_are_set_stay() {
    let none = [""; 0];
    let given = json!({"podCIDR": "10.244.1.0/24", "providerID": "a://b"});
    assert_eq!(changed(json!({}), given.clone()), none);
    assert_eq!(changed(given.clone(), given.clone()), none);
    let other = json!({"podCIDR": "10.244.2.0/24", "providerID": "a://b"});
    const RANGE: &str = "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to valid";
    assert_eq!(changed(given.clone(), other), [RANGE]);
    assert_eq!(changed(given.clone(), json!({"providerID": "a://b"})), [RANGE]);
    let other = json!({"podCIDR": "10.244.1.0/24", "providerID": "a://c"});
    const PROVIDER: &str =
        "spec.providerID: Forbidden: node updates may not change providerID except from \"\" to valid";
    assert_eq!(changed(given, other), [PROVIDER]);
}

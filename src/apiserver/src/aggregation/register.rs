//! The APIServices of this server's own group versions.

use serde_json::{Value, json};

/// A group with its priority, and versions with theirs within the group.
type Row = (&'static str, i64, &'static [(&'static str, i64)]);

/// As upstream has them.
const PRIORITIES: &[Row] = &[
    ("apiregistration.k8s.io", 20000, &[("v1", 15)]),
    ("", 18000, &[("v1", 1)]),
    ("apps", 17800, &[("v1", 15)]),
    ("events.k8s.io", 17750, &[("v1", 15)]),
    ("authentication.k8s.io", 17700, &[("v1", 15)]),
    ("authorization.k8s.io", 17600, &[("v1", 15)]),
    ("autoscaling", 17500, &[("v2", 30), ("v1", 15)]),
    ("batch", 17400, &[("v1", 15)]),
    ("certificates.k8s.io", 17300, &[("v1", 15)]),
    ("networking.k8s.io", 17200, &[("v1", 15)]),
    ("policy", 17100, &[("v1", 15)]),
    ("rbac.authorization.k8s.io", 17000, &[("v1", 15)]),
    ("storage.k8s.io", 16800, &[("v1", 15)]),
    ("admissionregistration.k8s.io", 16700, &[("v1", 15)]),
    ("apiextensions.k8s.io", 16700, &[("v1", 15)]),
    ("scheduling.k8s.io", 16600, &[("v1", 15)]),
    ("coordination.k8s.io", 16500, &[("v1", 15)]),
    ("node.k8s.io", 16300, &[("v1", 15)]),
    ("discovery.k8s.io", 16200, &[("v1", 15)]),
    ("resource.k8s.io", 16200, &[("v1", 21)]),
    ("flowcontrol.apiserver.k8s.io", 16100, &[("v1", 21)]),
];
/// Of everything else, as upstream's for custom resources.
const OTHERS: (i64, i64) = (1000, 100);

/// Priorities of a group version that this server answers for.
pub(crate) fn priority(group: &str, version: &str) -> (i64, i64) {
    let row = PRIORITIES.iter().find(|row| row.0 == group);
    row.map_or(OTHERS, |(_, priority, versions)| {
        let version = versions.iter().find(|row| row.0 == version);
        (*priority, version.map_or(1, |row| row.1))
    })
}

/// One APIService for each, but for the group of APIServices itself.
pub(crate) fn local_services() -> Vec<Value> {
    let groups = schema::groups().iter();
    let groups = groups.filter(|group| group.name != "apiregistration.k8s.io");
    groups
        .flat_map(|group| group.versions.iter().map(move |version| (group.name, *version)))
        .map(|(group, version)| {
            let (of_group, of_version) = priority(group, version);
            json!({
                "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
                "metadata": {
                    "name": format!("{version}.{group}"),
                    "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"},
                },
                "spec": {
                    "group": group, "version": version,
                    "groupPriorityMinimum": of_group, "versionPriority": of_version,
                },
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_of_the_table_has_a_priority_of_its_own() {
        let missing: Vec<_> = schema::groups()
            .iter()
            .filter(|group| priority(group.name, "v1") == OTHERS)
            .map(|group| group.name)
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

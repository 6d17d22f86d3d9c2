//! The APIServices of this server's own group versions.

use schema::Served;
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
    ("coordination.k8s.io", 16500, &[("v1", 15), ("v1beta1", 13)]),
    ("node.k8s.io", 16300, &[("v1", 15)]),
    ("discovery.k8s.io", 16200, &[("v1", 15)]),
    ("resource.k8s.io", 16200, &[("v1", 21)]),
    ("flowcontrol.apiserver.k8s.io", 16100, &[("v1", 21)]),
    ("internal.apiserver.k8s.io", 16000, &[("v1alpha1", 9)]),
    ("storagemigration.k8s.io", 15800, &[("v1beta1", 9)]),
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
pub(crate) fn local_services(served: &Served) -> Vec<Value> {
    let all = served.group_versions();
    all.filter(|(group, _)| *group != "apiregistration.k8s.io")
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
            .flat_map(|group| group.versions.iter().map(|version| (group.name, *version)))
            .filter(|(group, version)| {
                let (of_group, of_version) = priority(group, version);
                of_group == OTHERS.0 || of_version == 1 && !group.is_empty()
            })
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

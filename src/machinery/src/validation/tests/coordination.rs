//! Leases, their candidates, and how objects are stored.

use super::*;

fn candidate(spec: Value) -> String {
    let object = json!({"metadata": {"name": "Some_One", "namespace": "n"}, "spec": spec});
    errors("coordination.k8s.io", "v1beta1", "LeaseCandidate", object).join("; ")
}

#[test]
fn a_candidate_says_which_version_it_emulates() {
    let with = |emulation: &str, binary: &str, strategy: &str| {
        candidate(
            json!({"leaseName": "l", "emulationVersion": emulation, "binaryVersion": binary, "strategy": strategy}),
        )
    };
    assert_eq!(with("1.35.0", "1.36.0-rc.1", "OldestEmulationVersion"), "");
    assert_eq!(with("", "1.36.0", "example.com/other"), "");
    assert!(with("", "1.36.0", "OldestEmulationVersion").contains("spec.emulationVersion: Required value"));
    assert!(with("1.36.0", "1.35.9", "OldestEmulationVersion").contains("must be greater than or equal to"));
    assert!(with("1.36", "v1.36.0", "Newest").contains("spec.emulationVersion: Invalid value: \"1.36\""));
    assert!(candidate(json!({})).contains("spec.leaseName: Required value"));
}

#[test]
fn a_lease_of_a_strategy_may_prefer_a_holder() {
    let wrong = |spec: Value| {
        let object = json!({"metadata": {"name": "l", "namespace": "n"}, "spec": spec});
        errors("coordination.k8s.io", "v1", "Lease", object).join("; ")
    };
    assert_eq!(
        wrong(json!({"strategy": "OldestEmulationVersion", "preferredHolder": "a"})),
        ""
    );
    assert!(wrong(json!({"preferredHolder": "a"})).contains("spec.preferredHolder: Forbidden"));
    assert!(wrong(json!({"leaseDurationSeconds": 0})).contains("must be greater than 0"));
    assert!(wrong(json!({"leaseTransitions": -1})).contains("must be greater than or equal to 0"));
}

#[test]
fn what_servers_say_of_storage_is_consistent() {
    let changed = |status: Value| -> String {
        let object = |status: Value| {
            let object =
                json!({"metadata": {"name": "core.pods", "resourceVersion": "1"}, "spec": {}, "status": status});
            prepared("internal.apiserver.k8s.io", "v1alpha1", "StorageVersion", object)
        };
        let (new, old) = (object(status), object(json!({})));
        let errors = validate_update("internal.apiserver.k8s.io", "StorageVersion", "status", &new, &old);
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let server = |id: &str, encoding: &str, decodable: &[&str]| json!({"apiServerID": id, "encodingVersion": encoding, "decodableVersions": decodable, "servedVersions": [decodable[0]]});
    let good = server("a", "v1", &["v1"]);
    assert_eq!(
        changed(json!({"storageVersions": [good], "commonEncodingVersion": "v1"})),
        ""
    );
    assert!(changed(json!({"storageVersions": [good]})).contains("the common encoding version is v1"));
    assert!(changed(json!({"commonEncodingVersion": "v1"})).contains("should be nil"));
    let twice = json!({"storageVersions": [good, good], "commonEncodingVersion": "v1"});
    assert!(changed(twice).contains("Duplicate value: \"a\""));
    let lost = server("a", "apps/v1", &["apps/v2"]);
    let lost = json!({"storageVersions": [lost], "commonEncodingVersion": "apps/v1"});
    assert!(changed(lost).contains("decodableVersions must include encodingVersion apps/v1"));
    let name = json!({"metadata": {"name": "pods"}, "spec": {}});
    let wrong = errors("internal.apiserver.k8s.io", "v1alpha1", "StorageVersion", name).join("; ");
    assert!(
        wrong.contains("name must be in the form of <group>.<resource>"),
        "{wrong}"
    );
}

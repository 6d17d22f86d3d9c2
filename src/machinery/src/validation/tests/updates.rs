//! What may change once it is there: pods that wait, volumes and claims.

use serde_json::{Value, json};

use super::super::validate_update;
use super::prepared;

fn changes(kind: &str, old: &Value, change: impl Fn(&mut Value)) -> Vec<String> {
    let mut new = old.clone();
    change(&mut new);
    let new = prepared("", "v1", kind, new);
    let errors = validate_update("", kind, "", &new, old);
    errors.iter().map(ToString::to_string).collect()
}

fn pod(spec: Value) -> Value {
    let mut pod = json!({"metadata": {"name": "p", "namespace": "n", "resourceVersion": "1"},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    for (field, value) in spec.as_object().expect("spec") {
        pod["spec"][field] = value.clone();
    }
    prepared("", "v1", "Pod", pod)
}

fn term(zones: &[&str]) -> Value {
    let requirement = |zone: &&str| json!({"key": zone, "operator": "Exists"});
    json!({"matchExpressions": zones.iter().map(requirement).collect::<Vec<_>>()})
}

fn affinity(terms: &[Value]) -> Value {
    json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}})
}

#[test]
fn a_pod_at_a_gate_is_narrowed_and_never_moved() {
    let gated = pod(json!({"schedulingGates": [{"name": "g"}], "nodeSelector": {"a": "b"},
        "affinity": affinity(&[term(&["x"])])}));
    let allowed: [fn(&mut Value); 4] = [
        |pod| pod["spec"]["nodeSelector"]["c"] = "d".into(),
        |pod| pod["spec"]["affinity"] = affinity(&[term(&["x", "y"])]),
        |pod| pod["spec"]["schedulingGates"] = json!([]),
        |pod| pod["spec"]["containers"][0]["image"] = "j".into(),
    ];
    for change in allowed {
        assert_eq!(changes("Pod", &gated, change), [""; 0]);
    }
    type Change = fn(&mut Value);
    let refused: [(Change, &str); 7] = [
        (
            |pod| pod["spec"]["nodeSelector"]["a"] = "c".into(),
            "only additions to spec.nodeSelector",
        ),
        (
            |pod| pod["spec"]["nodeSelector"] = json!({}),
            "only additions to spec.nodeSelector",
        ),
        (
            |pod| pod["spec"]["affinity"] = affinity(&[term(&["y"])]),
            "only additions are allowed",
        ),
        (
            |pod| pod["spec"]["affinity"] = affinity(&[term(&["x"]), term(&["y"])]),
            "no additions/deletions",
        ),
        (
            |pod| pod["spec"]["schedulingGates"] = json!([{"name": "g"}, {"name": "h"}]),
            "found new scheduling gate 'h'",
        ),
        (
            |pod| pod["spec"]["terminationGracePeriodSeconds"] = 5.into(),
            "pod updates may not change fields",
        ),
        (
            |pod| {
                pod["spec"]["affinity"]["podAffinity"] = json!({"requiredDuringSchedulingIgnoredDuringExecution":
                [{"topologyKey": "z", "labelSelector": {}}]});
            },
            "pod updates may not change fields",
        ),
    ];
    for (change, expected) in refused {
        let found = changes("Pod", &gated, change);
        assert!(
            found.iter().any(|error| error.contains(expected)),
            "{expected}: {found:?}"
        );
    }
}

#[test]
fn a_pod_without_gates_stays_where_it_may_run() {
    let free = pod(json!({"nodeSelector": {"a": "b"}}));
    let refused: [fn(&mut Value); 3] = [
        |pod| pod["spec"]["nodeSelector"]["c"] = "d".into(),
        |pod| pod["spec"]["affinity"] = affinity(&[term(&["x"])]),
        |pod| pod["spec"]["schedulingGates"] = json!([{"name": "g"}]),
    ];
    for change in refused {
        assert_ne!(changes("Pod", &free, change), [""; 0]);
    }
    let image = changes("Pod", &free, |pod| pod["spec"]["containers"][0]["image"] = "".into());
    assert_eq!(image, ["spec.containers[0].image: Required value"]);
    let toleration = changes("Pod", &free, |pod| {
        pod["spec"]["tolerations"] = json!([{"key": "a", "operator": "Never"}]);
    });
    assert_ne!(toleration, [""; 0]);
}

#[test]
fn what_a_volume_is_and_where_stays() {
    let volume = |spec: Value| {
        let mut volume = json!({"metadata": {"name": "v", "resourceVersion": "1"}, "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
            "csi": {"driver": "d", "volumeHandle": "h"}}});
        for (field, value) in spec.as_object().expect("spec") {
            volume["spec"][field] = value.clone();
        }
        prepared("", "v1", "PersistentVolume", volume)
    };
    let kind = "PersistentVolume";
    let nowhere = volume(json!({}));
    let somewhere = volume(json!({"nodeAffinity": {"required": {"nodeSelectorTerms": [term(&["x"])]}}}));
    let secret = json!({"name": "s", "namespace": "n"});
    let allowed = [
        changes(kind, &nowhere, |v| {
            v["spec"]["csi"]["controllerExpandSecretRef"] = secret.clone();
        }),
        changes(kind, &nowhere, |v| {
            v["spec"]["nodeAffinity"] = somewhere["spec"]["nodeAffinity"].clone();
        }),
        changes(kind, &nowhere, |v| v["spec"]["capacity"]["storage"] = "2Gi".into()),
        changes(kind, &nowhere, |v| {
            v["spec"]["claimRef"] = json!({"namespace": "n", "name": "c"});
        }),
    ];
    assert_eq!(allowed.concat(), [""; 0]);
    for (found, expected) in [
        (
            changes(kind, &nowhere, |v| v["spec"]["csi"]["volumeHandle"] = "other".into()),
            "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation",
        ),
        (
            changes(kind, &nowhere, |v| v["spec"]["volumeMode"] = "Block".into()),
            "volumeMode: Invalid value: \"Block\": field is immutable",
        ),
        (
            changes(kind, &somewhere, |v| v["spec"]["nodeAffinity"] = Value::Null),
            "nodeAffinity: Invalid value: null: field is immutable, except for updating from beta label to GA",
        ),
    ] {
        assert_eq!(found, [expected]);
    }
}

#[test]
fn a_claim_is_resized_when_it_is_bound_and_down_to_what_it_has() {
    let claim = |phase: &str, has: &str| {
        let object = json!({"metadata": {"name": "c", "namespace": "n", "resourceVersion": "1"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "3Gi"}}, "volumeName": "v"},
            "status": {"phase": phase, "capacity": {"storage": has}}});
        prepared("", "v1", "PersistentVolumeClaim", object)
    };
    let resize = |claim: &Value, size: &str| {
        changes("PersistentVolumeClaim", claim, |claim| {
            claim["spec"]["resources"]["requests"]["storage"] = size.into();
        })
    };
    let bound = claim("Bound", "1Gi");
    assert_eq!(resize(&bound, "4Gi"), [""; 0]);
    // an expansion that failed is given up
    assert_eq!(resize(&bound, "2Gi"), [""; 0]);
    assert_eq!(
        resize(&bound, "1Gi"),
        ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"]
    );
    assert_ne!(resize(&claim("Pending", "1Gi"), "4Gi"), [""; 0]);
    let class = |claim: &Value| {
        changes("PersistentVolumeClaim", claim, |claim| {
            claim["spec"]["volumeAttributesClassName"] = "fast".into();
        })
    };
    assert_eq!(class(&bound), [""; 0]);
    assert_ne!(class(&claim("Pending", "1Gi")), [""; 0]);
    // one whose class was removed when that was let through is not stuck
    let mut held = bound;
    held["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
    held["status"]["currentVolumeAttributesClassName"] = "fast".into();
    let freed = changes("PersistentVolumeClaim", &held, |claim| {
        claim["metadata"]["finalizers"] = json!([]);
    });
    assert_eq!(freed, [""; 0]);
}

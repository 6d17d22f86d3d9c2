//! Which volume a claim takes.

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{attachment_name, best, why_not};

fn available(name: &str, size: &str, class: &str) -> PersistentVolume {
    let object = json!({"metadata": {"name": name}, "status": {"phase": "Available"}, "spec": {
        "capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": class}});
    serde_json::from_value(object).unwrap()
}

fn claim(size: &str, class: &str) -> Value {
    json!({"metadata": {"name": "data", "namespace": "default"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "storageClassName": class, "resources": {"requests": {"storage": size}}}})
}

fn chosen(volumes: &[PersistentVolume], claim: &Value, only_reserved: bool) -> Option<String> {
    let claim: PersistentVolumeClaim = serde_json::from_value(claim.clone()).unwrap();
    best(volumes.iter(), &claim, only_reserved, |_| true).map(|volume| volume.name_any())
}

#[test]
fn a_claim_takes_the_smallest_volume_that_will_do() {
    let mut volumes = vec![
        available("huge", "100Gi", ""),
        available("small", "1Gi", ""),
        available("other", "5Gi", "fast"),
        available("right", "6Gi", ""),
    ];
    let wanted = claim("5Gi", "");
    assert_eq!(chosen(&volumes, &wanted, false).as_deref(), Some("right"));
    assert_eq!(chosen(&volumes, &wanted, true), None);
    volumes[0].spec.as_mut().unwrap().claim_ref =
        serde_json::from_value(json!({"name": "data", "namespace": "default"})).unwrap();
    assert_eq!(chosen(&volumes, &wanted, true).as_deref(), Some("huge"));
}

#[test]
fn modes_selectors_and_attributes_must_fit() {
    let volumes = [available("one", "1Gi", "")];
    for (path, value) in [
        ("accessModes", json!(["ReadWriteMany"])),
        ("selector", json!({"matchLabels": {"disk": "ssd"}})),
        ("volumeMode", json!("Block")),
        ("volumeAttributesClassName", json!("fast")),
    ] {
        let mut wanted = claim("1Gi", "");
        wanted["spec"][path] = value;
        assert_eq!(chosen(&volumes, &wanted, false), None, "{path}");
    }
    assert_eq!(chosen(&volumes, &claim("1Gi", ""), false).as_deref(), Some("one"));
}

#[test]
fn the_class_may_still_be_an_annotation() {
    let volumes = [available("plain", "1Gi", ""), available("old", "2Gi", "fast")];
    let mut wanted = claim("1Gi", "");
    wanted["metadata"]["annotations"] = json!({"volume.beta.kubernetes.io/storage-class": "fast"});
    assert_eq!(chosen(&volumes, &wanted, false).as_deref(), Some("old"));
}

#[test]
fn what_is_out_of_reach_is_not_chosen() {
    let volumes = [available("here", "2Gi", ""), available("there", "1Gi", "")];
    let wanted: PersistentVolumeClaim = serde_json::from_value(claim("1Gi", "")).unwrap();
    let found = best(volumes.iter(), &wanted, false, |volume| volume.name_any() == "here");
    assert_eq!(found.map(|volume| volume.name_any()).as_deref(), Some("here"));
}

#[test]
fn a_reserved_volume_out_of_reach_is_not_replaced_by_another() {
    let mut volumes = [available("here", "1Gi", ""), available("there", "1Gi", "")];
    volumes[1].spec.as_mut().unwrap().claim_ref =
        serde_json::from_value(json!({"name": "data", "namespace": "default"})).unwrap();
    let wanted: PersistentVolumeClaim = serde_json::from_value(claim("1Gi", "")).unwrap();
    assert!(best(volumes.iter(), &wanted, false, |volume| volume.name_any() == "here").is_none());
}

#[test]
fn a_volume_that_is_named_and_does_not_fit_says_why() {
    let why = |size: &str, class: &str, change: Value| {
        let mut volume = json!(available("disk", "1Gi", "fast"));
        for (key, value) in change.as_object().unwrap() {
            volume["spec"][key] = value.clone();
        }
        let claim = serde_json::from_value(claim(size, class)).unwrap();
        why_not(&serde_json::from_value(volume).unwrap(), &claim).unwrap_or_default()
    };
    assert_eq!(why("1Gi", "fast", json!({})), "");
    assert_eq!(why("1Gi", "slow", json!({})), "storageClassName does not match");
    assert_eq!(why("2Gi", "slow", json!({})), "requested PV is too small");
    assert_eq!(
        why("1Gi", "fast", json!({"volumeMode": "Block"})),
        "incompatible volumeMode"
    );
    assert_eq!(
        why("1Gi", "fast", json!({"accessModes": ["ReadOnlyMany"]})),
        "incompatible accessMode"
    );
}

#[test]
fn attachments_are_named_as_upstream_names_them() {
    // sha256 of "vol-1" "driver" "node"
    let name = attachment_name("driver", "vol-1", "node");
    assert_eq!(
        name,
        "csi-3ec73c441c417533b1dc0f6fbcab2c9f478c3a1e62da635f5e90f191d2a19c5e"
    );
}

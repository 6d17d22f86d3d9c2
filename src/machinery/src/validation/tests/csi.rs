//! Drivers and their volumes.

use super::*;

#[test]
fn drivers_and_volumes_are_named_properly() {
    let found = |kind: &str, object: Value| {
        let group = if kind == "PersistentVolume" {
            ""
        } else {
            "storage.k8s.io"
        };
        errors(group, "v1", kind, object)
    };
    let volume = |source: Value| {
        json!({"metadata": {"name": "v"}, "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
            "csi": source}})
    };
    let right =
        json!({"driver": "d.example", "volumeHandle": "h", "nodeStageSecretRef": {"name": "s", "namespace": "n"}});
    assert_eq!(found("PersistentVolume", volume(right)), [""; 0]);
    let wrong = json!({"driver": "../../etc", "nodePublishSecretRef": {"name": "s"}});
    let wrong = found("PersistentVolume", volume(wrong));
    assert!(
        wrong[0].starts_with("spec.csi.driver: Invalid value: \"../../etc\""),
        "{wrong:?}"
    );
    assert_eq!(
        wrong[1..],
        [
            "spec.csi.volumeHandle: Required value",
            "spec.csi.nodePublishSecretRef.namespace: Required value"
        ]
    );
    let driver = json!({"metadata": {"name": "d"}, "spec": {"fsGroupPolicy": "Maybe", "volumeLifecycleModes": ["Never"],
        "tokenRequests": [{"audience": "a", "expirationSeconds": 1}, {"audience": "a"}]}});
    assert_eq!(
        found("CSIDriver", driver),
        [
            "spec.fsGroupPolicy: Unsupported value: \"Maybe\": supported values: \"File\", \"None\", \"ReadWriteOnceWithFSType\"",
            "spec.volumeLifecycleModes[0]: Unsupported value: \"Never\": supported values: \"Persistent\", \"Ephemeral\"",
            "spec.tokenRequests[0].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes",
            "spec.tokenRequests[1].audience: Duplicate value: \"a\"",
        ]
    );
    let attachment = json!({"metadata": {"name": "a"}, "spec": {"attacher": "d", "nodeName": "n", "source": {}}});
    assert_eq!(
        found("VolumeAttachment", attachment),
        ["spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"]
    );
    let node = json!({"metadata": {"name": "n"}, "spec": {"drivers": [{"name": "d", "nodeID": ""}, {"name": "d", "nodeID": "i"}]}});
    assert_eq!(
        found("CSINode", node),
        [
            "spec.drivers[0].nodeID: Required value",
            "spec.drivers[1].name: Duplicate value: \"d\""
        ]
    );
}

#[test]
fn how_a_driver_is_used_does_not_change() {
    let said = |kind: &str, new: Value, old: Value| -> Vec<String> {
        let found = validate_update("storage.k8s.io", kind, "", &new, &old);
        found.iter().map(ToString::to_string).collect()
    };
    let driver = |attach: bool| json!({"metadata": {"name": "d"}, "spec": {"attachRequired": attach}});
    assert_eq!(
        said("CSIDriver", driver(false), driver(true)),
        ["spec.attachedRequired: Invalid value: false: field is immutable"]
    );
    let node = |id: &str, count: i32| {
        json!({"metadata": {"name": "n"}, "spec": {"drivers": [
            {"name": "d", "nodeID": id, "allocatable": {"count": count}}]}})
    };
    assert_eq!(said("CSINode", node("a", 2), node("a", 1)), [""; 0]);
    assert_eq!(said("CSINode", node("b", 1), node("a", 1)).len(), 1);
}

#[test]
fn a_devices_volume_is_not_mounted_as_well() {
    let found = |container: Value| {
        let volumes =
            json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}, {"name": "i", "csi": {"driver": "d"}}]);
        errors(
            "",
            "v1",
            "Pod",
            pod(json!({"volumes": volumes, "containers": [container]})),
        )
    };
    let device = |name: &str, path: &str| json!({"name": name, "devicePath": path});
    let mut container = json!({"name": "c", "image": "i", "volumeDevices": [device("v", "/dev/x")]});
    assert_eq!(found(container.clone()), [""; 0]);
    container["volumeMounts"] = json!([{"name": "v", "mountPath": "/v"}]);
    assert_eq!(
        found(container.clone()),
        ["spec.containers[0].volumeDevices[0].name: Invalid value: \"v\": must not already exist in volumeMounts"]
    );
    container["volumeMounts"] = json!([]);
    container["volumeDevices"] = json!([device("none", "/a"), device("v", "/../a")]);
    assert_eq!(
        found(container),
        [
            "spec.containers[0].volumeDevices[0].name: Not found: \"none\"",
            "spec.containers[0].volumeDevices[1].devicePath: Invalid value: \"/../a\": can not contain backsteps ('..')",
        ]
    );
}

//! What the subresource `resize` may change: cpu and memory of containers and sidecars.
//!
//! Semantics: `ValidatePodResize`, KEP-1287.

use serde_json::Value;

use super::cursor::{At, Check};
use super::{meta, pod};
use crate::field::FieldError;
use crate::resources::{list, qos_class};

const MIRROR: &str = "kubernetes.io/config.mirror";

pub(super) fn update(check: &mut Check<'_>, old: &Value) {
    if old
        .pointer("/metadata/annotations")
        .is_some_and(|a| a.get(MIRROR).is_some())
    {
        return check.forbidden(&check.root(), "static pods cannot be resized");
    }
    if old["spec"]["os"]["name"] == "windows" {
        return check.forbidden(&check.root(), "windows pods cannot be resized");
    }
    meta::update(check, old);
    pod::pod(check);
    let spec = check.root().child("spec");
    if qos_class(check.root().value) != qos_class(old) {
        let class = check.root().value["status"]["qosClass"].clone();
        let detail = "Pod QOS Class may not change as a result of resizing";
        check.add(FieldError::invalid(&spec.path, class, detail));
    }
    if [spec.value, &old["spec"]].iter().any(|spec| has_own_resources(spec)) {
        // our kubelet does not resize a pod's own cgroup, so its nodes do not declare the feature
        return check.forbidden(
            &check.root(),
            "resize of pods with pod-level resources is forbidden when InPlacePodLevelResourcesVerticalScalingEnabled feature gate is disabled",
        );
    }
    let in_order = ["containers", "initContainers"].map(|name| same_containers(check, &spec.child(name), old, name));
    if in_order.contains(&false) {
        return;
    }
    for name in ["initContainers", "containers"] {
        for (container, before) in spec.child(name).items().zip(items(old, name)) {
            if name == "containers" || container.child("restartPolicy").str() == "Always" {
                resources(check, &container, before, name, &spec);
            } else if container.value != before {
                check.forbidden(&spec, "resources for non-sidecar init containers are immutable");
            }
        }
    }
}

fn items<'a>(pod: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    pod["spec"][name].as_array().into_iter().flatten()
}

fn has_own_resources(spec: &Value) -> bool {
    ["requests", "limits"]
        .iter()
        .any(|field| !list(&spec["resources"][*field]).is_empty())
}

/// Containers are matched by their place, so places and names have to agree.
fn same_containers(check: &mut Check<'_>, at: &At<'_>, old: &Value, name: &str) -> bool {
    if at.items().count() != items(old, name).count() {
        check.forbidden(at, &format!("{name} may not be added or removed on resize"));
        return false;
    }
    let mut same = true;
    for (container, before) in at.items().zip(items(old, name)) {
        if container.value["name"] != before["name"] {
            let what = format!("{name} may not be renamed or reordered on resize");
            check.forbidden(&container.child("name"), &what);
            same = false;
        }
    }
    same
}

fn resources(check: &mut Check<'_>, container: &At<'_>, before: &Value, list_name: &str, spec: &At<'_>) {
    let at = container.child("resources");
    for (field, what) in [
        ("requests", "resource requests cannot be removed"),
        ("limits", "resource limits cannot be removed"),
    ] {
        let now = list(at.child(field).value);
        if list(&before["resources"][field])
            .keys()
            .any(|resource| !now.contains_key(resource))
        {
            check.forbidden(&at.child(field), what);
        }
    }
    if fixed(container.value) != fixed(before) {
        if list_name == "containers" {
            check.forbidden(spec, "only cpu and memory resources are mutable");
        } else {
            check.forbidden(
                container,
                "only cpu and memory resources for init or sidecar containers are mutable",
            );
        }
    }
}

/// A container without what may change; lists of nothing are no lists.
fn fixed(container: &Value) -> Value {
    let mut container = container.clone();
    for field in ["requests", "limits"] {
        let mut amounts = list(&container["resources"][field]);
        amounts.retain(|name, _| !matches!(name.as_str(), "cpu" | "memory"));
        container["resources"][field] = crate::resources::to_value(&amounts);
    }
    container
}

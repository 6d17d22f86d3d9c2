//! Ephemeral containers: what they may not have, and that they only ever become more.

use serde_json::Value;

use super::cursor::{At, Check};
use crate::field::FieldError;

/// A container that comes to a running pod cannot be part of its services; new fields have to be allowed here first.
const ALLOWED: &[&str] = &[
    "args",
    "command",
    "env",
    "envFrom",
    "image",
    "imagePullPolicy",
    "name",
    "securityContext",
    "stdin",
    "stdinOnce",
    "targetContainerName",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
];
const REFUSED: &str = "cannot be set for an Ephemeral Container";

/// Beyond what holds for all containers.
pub(super) fn all(check: &mut Check<'_>, spec: &At<'_>) {
    let targets = spec
        .child("containers")
        .items()
        .chain(spec.child("initContainers").items());
    let targets: Vec<&str> = targets.map(|container| container.child("name").str()).collect();
    for container in spec.child("ephemeralContainers").items() {
        let target = container.child("targetContainerName");
        if target.has_any() && !targets.contains(&target.str()) {
            check.add(FieldError::not_found(&target.path, target.str()));
        }
        for name in container.value.as_object().into_iter().flat_map(|fields| fields.keys()) {
            let field = container.child(name);
            if !ALLOWED.contains(&name.as_str()) && field.has_any() {
                check.forbidden(&field, REFUSED);
            }
        }
        for mount in container.child("volumeMounts").items() {
            for name in ["subPath", "subPathExpr"] {
                let field = mount.child(name);
                if field.has_any() {
                    check.forbidden(&field, REFUSED);
                }
            }
        }
    }
}

/// There is a subresource for them.
pub(super) fn on_create(check: &mut Check<'_>) {
    let at = check.root().child("spec").child("ephemeralContainers");
    if at.has_any() {
        check.forbidden(&at, "cannot be set on create");
    }
}

/// What is there stays as it is. Patches do not keep the order.
pub(super) fn update(check: &mut Check<'_>, old: &Value) {
    let at = check.root().child("spec").child("ephemeralContainers");
    for before in old["spec"]["ephemeralContainers"].as_array().into_iter().flatten() {
        let name = before["name"].as_str().unwrap_or_default();
        let after = at.items().find(|container| container.child("name").str() == name);
        let wrong = match after {
            None => "removed",
            Some(after) if after.value != before => "changed",
            Some(_) => continue,
        };
        let detail = format!("existing ephemeral containers {name:?} may not be {wrong}\n");
        check.forbidden(&at, &detail);
    }
}

//! What a pod refers to by name. The Node authorizer lets kubelets read it, and mirror pods may not have any of it.

use serde_json::Value;

use crate::object::{Object as _, text_at};

/// Set on the API's objects for pods that only a node knows.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Volumes that need nothing of the API.
const PLAIN_VOLUMES: &[&str] = &[
    "awsElasticBlockStore",
    "azureDisk",
    "cephfs",
    "cinder",
    "downwardAPI",
    "emptyDir",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "hostPath",
    "image",
    "iscsi",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
];

/// True for the object of a pod that only mirrors what a node runs by itself.
pub(crate) fn is_mirror(pod: &Value) -> bool {
    pod.pointer("/metadata/annotations")
        .is_some_and(|annotations| annotations.get(MIRROR).is_some())
}

/// Names of the claims that the pod uses.
pub(crate) fn claims(pod: &Value) -> Vec<String> {
    volumes(pod).filter_map(|volume| claim(pod, volume)).collect()
}

/// The claim that one volume of the pod is.
pub(crate) fn claim(pod: &Value, volume: &Value) -> Option<String> {
    if volume.get("ephemeral").is_some() {
        return Some(format!("{}-{}", pod.name(), text_at(volume, "name")));
    }
    let named = text_at(volume, "persistentVolumeClaim.claimName");
    Some(named).filter(|name| !name.is_empty())
}

pub(crate) fn volumes(pod: &Value) -> impl Iterator<Item = &Value> {
    let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array);
    volumes.into_iter().flatten()
}

/// True if the pod refers to the object of its namespace.
pub(crate) fn refers(pod: &Value, resource: &str, name: &str) -> bool {
    match resource {
        "serviceaccounts" => text_at(pod, "spec.serviceAccountName") == name,
        "persistentvolumeclaims" => claims(pod).iter().any(|claim| claim == name),
        _ => mentions(&pod["spec"], resource, &|own| own == name),
    }
}

/// The first resource of which the pod refers to an object, as upstream's `HasAPIObjectReference`.
pub(crate) fn of_any(pod: &Value) -> Option<&'static str> {
    let spec = &pod["spec"];
    if !text_at(spec, "serviceAccountName").is_empty() {
        return Some("serviceaccounts");
    }
    for resource in ["secrets", "configmaps"] {
        if mentions(spec, resource, &|_| true) {
            return Some(resource);
        }
    }
    let claims = spec.get("resourceClaims").and_then(Value::as_array);
    if claims.is_some_and(|claims| !claims.is_empty()) {
        return Some("resourceclaims");
    }
    volumes(pod).find_map(of_volume)
}

fn of_volume(volume: &Value) -> Option<&'static str> {
    let mut sources = volume.as_object()?.keys().filter(|key| *key != "name");
    match sources.next().map(String::as_str) {
        Some(plain) if PLAIN_VOLUMES.contains(&plain) => None,
        Some("configMap") => Some("configmaps (via configmap volumes)"),
        Some("secret") => Some("secrets (via secret volumes)"),
        Some("csi") => Some("csidrivers (via CSI volumes)"),
        Some("glusterfs") => Some("endpoints (via glusterFS volumes)"),
        Some("persistentVolumeClaim") => Some("persistentvolumeclaims"),
        Some("ephemeral") => Some("persistentvolumeclaims (via ephemeral volumes)"),
        Some("azureFile") => Some("secrets (via azureFile volumes)"),
        Some("projected") => {
            let sources = volume.pointer("/projected/sources").and_then(Value::as_array);
            sources.into_iter().flatten().find_map(of_projection)
        }
        _ => Some("an unknown kind of volume"),
    }
}

fn of_projection(source: &Value) -> Option<&'static str> {
    source.as_object()?.keys().find_map(|kind| match kind.as_str() {
        "downwardAPI" => None,
        "configMap" => Some("configmaps (via projected volumes)"),
        "secret" => Some("secrets (via projected volumes)"),
        "serviceAccountToken" => Some("serviceaccounts (via projected volumes)"),
        "clusterTrustBundle" => Some("clustertrustbundles"),
        "podCertificate" => Some("podcertificates"),
        _ => Some("an unknown kind of projection"),
    })
}

/// Searches for a reference to an object of the resource with such a name.
fn mentions(value: &Value, resource: &str, wanted: &dyn Fn(&str) -> bool) -> bool {
    let names = |field: &Value, key: &str| field.get(key).and_then(Value::as_str).is_some_and(wanted);
    match value {
        Value::Array(items) => items.iter().any(|item| mentions(item, resource, wanted)),
        Value::Object(fields) => fields.iter().any(|(field, inner)| {
            let here = match (resource, field.as_str()) {
                ("secrets", "secret") => names(inner, "secretName") || names(inner, "name"),
                ("secrets", "azureFile") => names(inner, "secretName"),
                ("secrets", "imagePullSecrets") => inner
                    .as_array()
                    .is_some_and(|list| list.iter().any(|item| names(item, "name"))),
                ("secrets", "secretRef" | "secretKeyRef" | "nodePublishSecretRef")
                | ("configmaps", "configMap" | "configMapRef" | "configMapKeyRef") => names(inner, "name"),
                _ => false,
            };
            here || mentions(inner, resource, wanted)
        }),
        _ => false,
    }
}

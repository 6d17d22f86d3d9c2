//! What single kinds need on top of the generic registry: initial status, generation, immutable parts.

use base64::Engine as _;
use schema::Resource;
use serde_json::{Value, json};

use super::allocate::Taken;
use super::{Call, Part, label_keys, meta};
use crate::ApiError;
use crate::object::{Object as _, child};

/// Kinds whose `metadata.generation` counts changes of their desired state.
const GENERATION: &[(&str, &str)] = &[
    ("", "pods"),
    ("", "replicationcontrollers"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
    ("policy", "poddisruptionbudgets"),
    ("networking.k8s.io", "ingresses"),
    ("networking.k8s.io", "networkpolicies"),
    ("networking.k8s.io", "ingressclasses"),
    ("discovery.k8s.io", "endpointslices"),
    ("scheduling.k8s.io", "priorityclasses"),
    ("flowcontrol.apiserver.k8s.io", "flowschemas"),
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
];

/// Kinds that `PUT` may create, as upstream's `AllowCreateOnUpdate`.
pub(super) fn creates_on_update(resource: &Resource) -> bool {
    matches!(
        (resource.group, resource.plural),
        ("", "endpoints" | "limitranges" | "services" | "events")
            | ("coordination.k8s.io", "leases" | "leasecandidates")
            | ("rbac.authorization.k8s.io", _)
            | ("events.k8s.io", "events")
            | ("node.k8s.io", "runtimeclasses")
    )
}

/// Kinds that `PUT` changes only if the caller names the version it has seen, as upstream's `AllowUnconditionalUpdate`.
pub(super) fn needs_version(resource: &Resource) -> bool {
    matches!(
        (resource.group, resource.plural),
        (
            "admissionregistration.k8s.io" | "apiextensions.k8s.io" | "apiregistration.k8s.io",
            _
        ) | ("certificates.k8s.io", "clustertrustbundles" | "podcertificaterequests")
            | ("coordination.k8s.io", "leases" | "leasecandidates")
            | ("internal.apiserver.k8s.io", "storageversions")
            | ("node.k8s.io", "runtimeclasses")
            | ("policy", "poddisruptionbudgets")
            | (
                "storage.k8s.io",
                "csidrivers" | "csinodes" | "csistoragecapacities" | "volumeattachments"
            )
            | ("storagemigration.k8s.io", "storageversionmigrations")
    )
}

fn counts_generation(resource: &Resource) -> bool {
    GENERATION.contains(&(resource.group, resource.plural))
}

fn has_status(resource: &Resource) -> bool {
    resource.subresource("status").is_some()
}

/// Prepares a new object. Addresses and ports that it takes are given back unless the caller keeps them.
pub(super) async fn prepare_create<'a>(call: &Call<'a>, object: &mut Value) -> Result<Taken<'a>, ApiError> {
    let resource = call.resource;
    if counts_generation(resource) {
        object.set_meta("generation", 1);
    }
    if has_status(resource)
        && !matches!((resource.group, resource.plural), ("", "nodes" | "persistentvolumes"))
        && let Some(map) = object.as_object_mut()
    {
        map.remove("status");
    }
    match (resource.group, resource.plural) {
        ("", "pods") => {
            let class = machinery::resources::qos_class(object);
            object["status"] = json!({"phase": "Pending", "qosClass": class});
            label_keys::merge(object);
            let gates = object.pointer("/spec/schedulingGates").and_then(Value::as_array);
            if gates.is_some_and(|gates| !gates.is_empty()) {
                object["status"]["conditions"] = json!([{
                    "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
                    "message": "Scheduling is blocked due to non-empty scheduling gates",
                    "lastProbeTime": null, "lastTransitionTime": null,
                }]);
            }
        }
        ("", "namespaces") => {
            object["status"] = json!({"phase": "Active"});
            child(object, "spec").insert("finalizers".to_owned(), json!(["kubernetes"]));
            let name = object.name().to_owned();
            let meta = object.meta_mut().entry("labels").or_insert_with(|| json!({}));
            meta["kubernetes.io/metadata.name"] = name.into();
        }
        ("", "persistentvolumeclaims" | "persistentvolumes") => {
            child(object, "status")
                .entry("phase")
                .or_insert_with(|| "Pending".into());
        }
        ("", "services") => {
            object["status"] = json!({"loadBalancer": {}});
            return allocate(call, object, None).await;
        }
        ("certificates.k8s.io", "certificatesigningrequests") => {
            let (name, groups) = (call.user.name.clone(), call.user.groups.clone());
            let spec = child(object, "spec");
            spec.insert("username".to_owned(), name.into());
            spec.insert("groups".to_owned(), groups.into());
        }
        ("batch", "jobs") => prepare_job(object),
        ("", "secrets") => encode_string_data(object),
        // upstream's types write an empty status, which clients' JSON patches rely on
        _ if has_status(resource) && object.get("status").is_none() => object["status"] = json!({}),
        _ => {}
    }
    Ok(Taken::nothing())
}

/// Completes a service's addresses and node ports.
async fn allocate<'a>(call: &Call<'a>, service: &mut Value, old: Option<&Value>) -> Result<Taken<'a>, ApiError> {
    let api = call.api;
    api.allocators
        .allocate(&*api.store, service, old, call.info.is_dry_run())
        .await
}

/// `stringData` is for writing only: it goes into `data`, encoded.
fn encode_string_data(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    let Some(Value::Object(plain)) = map.remove("stringData") else {
        return;
    };
    let data = child(object, "data");
    for (key, value) in plain {
        if let Some(text) = value.as_str() {
            data.insert(key, base64::engine::general_purpose::STANDARD.encode(text).into());
        }
    }
}

/// A job without a selector selects its own pods by the uid it has just been given.
fn prepare_job(object: &mut Value) {
    object["status"] = json!({});
    if object.pointer("/spec/manualSelector") == Some(&Value::Bool(true)) {
        return;
    }
    let (uid, name) = (object.uid().to_owned(), object.name().to_owned());
    let spec = child(object, "spec");
    let template = spec.entry("template").or_insert_with(|| json!({}));
    let labels = template.meta_mut().entry("labels").or_insert_with(|| json!({}));
    for (key, value) in [("controller-uid", &uid), ("job-name", &name)] {
        if labels.get(key).is_none() {
            labels[key] = value.as_str().into();
        }
        let qualified = format!("batch.kubernetes.io/{key}");
        if labels.get(&qualified).is_none() {
            labels[qualified] = value.as_str().into();
        }
    }
    if spec.get("selector").is_none_or(Value::is_null) {
        spec.insert(
            "selector".to_owned(),
            json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}),
        );
    }
}

/// Prepares a changed object: each part of it may be changed only through its own path.
pub(super) async fn prepare_update<'a>(
    call: &Call<'a>,
    part: Part,
    new: &mut Value,
    old: &Value,
) -> Result<Taken<'a>, ApiError> {
    let resource = call.resource;
    match part {
        Part::Status => {
            keep_all_but_status(resource, new, old);
            if resource.plural == "certificatesigningrequests" {
                stamp_conditions(new, old);
            }
        }
        Part::Main if has_status(resource) => keep(new, old, "status"),
        Part::Other => keep_all_but_part(&call.info.subresource, new, old),
        Part::Main => {}
    }
    if part == Part::Main {
        match (resource.group, resource.plural) {
            ("", "namespaces") => {
                let kept = old.pointer("/spec/finalizers").cloned().unwrap_or(Value::Null);
                child(new, "spec").insert("finalizers".to_owned(), kept);
                let name = new.name().to_owned();
                new.meta_mut().entry("labels").or_insert_with(|| json!({}))["kubernetes.io/metadata.name"] =
                    name.into();
            }
            ("", "services") => {
                return allocate(call, new, Some(old)).await;
            }
            ("certificates.k8s.io", "certificatesigningrequests") => keep(new, old, "spec"),
            ("", "secrets") => encode_string_data(new),
            _ => {}
        }
    }
    // upstream's binding writes around the strategy, and counts as nothing
    if counts_generation(resource) && part != Part::Status && call.info.subresource != "binding" {
        let changed = desired(resource, new) != desired(resource, old);
        new.set_meta("generation", old.generation().max(1) + i64::from(changed));
    }
    Ok(Taken::nothing())
}

/// What `generation` counts: everything but metadata and status.
fn desired<'a>(resource: &Resource, object: &'a Value) -> Vec<(&'a String, &'a Value)> {
    let fields = object.as_object().into_iter().flatten();
    let ignored =
        |name: &str| matches!(name, "metadata" | "kind" | "apiVersion") || (name == "status" && has_status(resource));
    fields.filter(|(name, _)| !ignored(name)).collect()
}

fn keep(new: &mut Value, old: &Value, field: &str) {
    let Some(map) = new.as_object_mut() else { return };
    match old.get(field) {
        Some(value) => drop(map.insert(field.to_owned(), value.clone())),
        None => drop(map.remove(field)),
    }
}

/// What a subresource with the object as its body may change.
fn keep_all_but_part(subresource: &str, new: &mut Value, old: &Value) {
    let changed = std::mem::replace(new, old.clone());
    match subresource {
        "ephemeralcontainers" => new["spec"]["ephemeralContainers"] = changed["spec"]["ephemeralContainers"].clone(),
        "approval" => {
            keep_open(new, &changed, &["labels", "annotations"]);
            new["status"]["conditions"] = changed["status"]["conditions"].clone();
            stamp_conditions(new, old);
        }
        "finalize" => new["spec"]["finalizers"] = changed["spec"]["finalizers"].clone(),
        "resize" => {
            keep_open(new, &changed, &["labels", "annotations"]);
            new["spec"]["resources"] = changed["spec"]["resources"].clone();
            for list in ["containers", "initContainers"] {
                resized(&mut new["spec"][list], &changed["spec"][list]);
            }
            drop_null(&mut new["spec"]);
        }
        // the server's own changes (binding, scale) are as they should be
        _ => *new = changed,
    }
}

/// Takes resources and resize policies over. Lists that do not have the same containers are taken whole, for
/// validation to refuse.
fn resized(containers: &mut Value, changed: &Value) {
    let names = |list: &Value| -> Vec<Value> {
        let all = list.as_array().into_iter().flatten();
        all.map(|container| container["name"].clone()).collect()
    };
    if names(containers) != names(changed) {
        *containers = changed.clone();
        return;
    }
    let all = containers.as_array_mut().into_iter().flatten();
    for (container, wanted) in all.zip(changed.as_array().into_iter().flatten()) {
        for field in ["resources", "resizePolicy"] {
            container[field] = wanted[field].clone();
        }
        drop_null(container);
    }
}

/// Gives conditions the times that their writer left out.
fn stamp_conditions(new: &mut Value, old: &Value) {
    let now = Value::from(meta::now());
    let before = old.pointer("/status/conditions").and_then(Value::as_array);
    let Some(Value::Array(conditions)) = new.pointer_mut("/status/conditions") else {
        return;
    };
    for condition in conditions {
        if condition["lastUpdateTime"].is_null() {
            condition["lastUpdateTime"] = now.clone();
        }
        if condition["lastTransitionTime"].is_null() {
            let same = |one: &&Value| one["type"] == condition["type"] && one["status"] == condition["status"];
            let since = before.into_iter().flatten().find(same);
            let since = since.map(|one| one["lastTransitionTime"].clone());
            condition["lastTransitionTime"] = since.filter(|time| !time.is_null()).unwrap_or_else(|| now.clone());
        }
    }
}

fn drop_null(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
}

/// Takes the metadata fields from `changed`, as they are there or not.
fn keep_open(object: &mut Value, changed: &Value, fields: &[&str]) {
    for field in fields {
        match changed.meta().and_then(|meta| meta.get(*field)) {
            Some(value) => object.set_meta(field, value.clone()),
            None => drop(object.remove_meta(field)),
        }
    }
}

/// What of the metadata a write of the status leaves as it is. It may set all else, as kubelets and operators do.
pub(crate) fn kept_by_status(resource: &Resource) -> &'static [&'static str] {
    const ALL: &[&str] = &["labels", "annotations", "finalizers", "ownerReferences"];
    match (resource.group, resource.plural) {
        // old kubelets wrote them broken
        ("", "pods") => &["ownerReferences"],
        ("apps", "deployments") => &["labels"],
        (
            "admissionregistration.k8s.io"
            | "apiregistration.k8s.io"
            | "flowcontrol.apiserver.k8s.io"
            | "internal.apiserver.k8s.io"
            | "resource.k8s.io"
            | "scheduling.k8s.io"
            | "storagemigration.k8s.io",
            _,
        )
        | ("certificates.k8s.io", "podcertificaterequests")
        | ("networking.k8s.io", "servicecidrs")
        | ("storage.k8s.io", "volumeattachments") => ALL,
        _ => &[],
    }
}

fn keep_all_but_status(resource: &Resource, new: &mut Value, old: &Value) {
    let status = new.get("status").cloned();
    let changed = std::mem::replace(new, old.clone());
    let kept = kept_by_status(resource);
    let fields = [
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "managedFields",
    ];
    let open: Vec<&str> = fields.into_iter().filter(|field| !kept.contains(field)).collect();
    keep_open(new, &changed, &open);
    match status {
        Some(status) => new["status"] = status,
        None => drop(new.as_object_mut().and_then(|map| map.remove("status"))),
    }
}

//! Defaults that depend on other fields.

use serde_json::{Map, Value, json};

use crate::quantity::Quantity;

type Object = Map<String, Value>;

/// Runs the rule of the type, its name without `io.k8s.api.`, if it has one.
pub(super) fn apply(ty: &str, object: &mut Object) {
    match ty {
        "core.v1.Pod" => pod(object),
        "core.v1.Container" | "core.v1.EphemeralContainer" => container(object),
        "core.v1.Volume" => volume(object),
        "core.v1.Service" => service(object),
        "core.v1.Namespace" => namespace(object),
        "core.v1.NodeSpec" => node_spec(object),
        "core.v1.NodeStatus" => node_status(object),
        "core.v1.PersistentVolume" | "core.v1.PersistentVolumeClaim" => pending(object),
        "core.v1.PersistentVolumeSpec" => unset_then(object, "volumeMode", "Filesystem"),
        "core.v1.LimitRangeItem" => limit_range_item(object),
        "core.v1.ReplicationController" => replication_controller(object),
        "apps.v1.DeploymentStrategy" => {
            rolling(object, &[("maxUnavailable", json!("25%")), ("maxSurge", json!("25%"))]);
        }
        "apps.v1.DaemonSetUpdateStrategy" => rolling(object, &[("maxUnavailable", json!(1)), ("maxSurge", json!(0))]),
        "apps.v1.StatefulSetUpdateStrategy" => stateful_set_strategy(object),
        "batch.v1.Job" => job(object),
        "networking.v1.NetworkPolicySpec" => network_policy(object),
        "rbac.v1.Subject" => subject(object),
        "autoscaling.v2.HorizontalPodAutoscalerBehavior" => behavior(object),
        "resource.v1.ExactDeviceRequest" | "resource.v1.DeviceSubRequest" => device_request(object),
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition" => crd(object),
        _ => {}
    }
}

/// Quantities of a resource list are rounded up to thousandths.
pub(super) fn round(value: &mut Value) {
    if let Some(mut quantity) = value.as_str().and_then(|text| text.parse::<Quantity>().ok()) {
        quantity.round_up_to_milli();
        *value = quantity.to_string().into();
    }
}

fn is_unset(object: &Object, field: &str) -> bool {
    object.get(field).is_none_or(|value| value.is_null() || value == "")
}

fn unset_then(object: &mut Object, field: &str, value: impl Into<Value>) {
    if is_unset(object, field) {
        object.insert(field.to_owned(), value.into());
    }
}

fn child<'a>(object: &'a mut Object, field: &str) -> Option<&'a mut Object> {
    object.get_mut(field)?.as_object_mut()
}

fn child_or_new<'a>(object: &'a mut Object, field: &str) -> Option<&'a mut Object> {
    if is_unset(object, field) {
        object.insert(field.to_owned(), Value::Object(Map::new()));
    }
    child(object, field)
}

fn items<'a>(object: &'a mut Object, field: &str) -> impl Iterator<Item = &'a mut Object> {
    object
        .get_mut(field)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

fn text<'a>(object: &'a Object, field: &str) -> &'a str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn pod(object: &mut Object) {
    let Some(spec) = child(object, "spec") else { return };
    for list in ["containers", "initContainers"] {
        for container in items(spec, list) {
            requests_from_limits(container);
        }
    }
    pod_level_resources(spec);
    unset_then(spec, "enableServiceLinks", true);
    if spec.get("hostNetwork") == Some(&Value::Bool(true)) {
        for list in ["containers", "initContainers"] {
            for container in items(spec, list) {
                for port in items(container, "ports") {
                    let same = port.get("containerPort").cloned().unwrap_or(Value::Null);
                    if port.get("hostPort").is_none_or(|port| port.as_i64() == Some(0)) {
                        port.insert("hostPort".to_owned(), same);
                    }
                }
            }
        }
    }
}

fn requests_from_limits(container: &mut Object) {
    let Some(resources) = child(container, "resources") else {
        return;
    };
    let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() else {
        return;
    };
    let Some(requests) = child_or_new(resources, "requests") else {
        return;
    };
    for (name, amount) in limits {
        requests.entry(name).or_insert(amount);
    }
}

/// Requests of the pod as a whole: what its containers ask for together, else its limits.
fn pod_level_resources(spec: &mut Object) {
    let limits = spec
        .get("resources")
        .and_then(|r| r.get("limits"))
        .and_then(Value::as_object)
        .cloned();
    let Some(limits) = limits.filter(|limits| !limits.is_empty()) else {
        return;
    };
    let supported = |name: &str| matches!(name, "cpu" | "memory") || name.starts_with("hugepages-");
    let mut sums: std::collections::BTreeMap<String, Quantity> = Default::default();
    let containers = spec.get("containers").and_then(Value::as_array);
    for container in containers.into_iter().flatten() {
        let requests = container.pointer("/resources/requests").and_then(Value::as_object);
        for (name, amount) in requests
            .into_iter()
            .flatten()
            .filter(|(name, _)| matches!(name.as_str(), "cpu" | "memory"))
        {
            if let Some(amount) = amount.as_str().and_then(|amount| amount.parse::<Quantity>().ok()) {
                sums.entry(name.clone())
                    .and_modify(|sum| sum.add(&amount))
                    .or_insert(amount);
            }
        }
    }
    let Some(resources) = child(spec, "resources") else {
        return;
    };
    let Some(requests) = child_or_new(resources, "requests") else {
        return;
    };
    for (name, amount) in sums {
        requests.entry(name).or_insert_with(|| amount.to_string().into());
    }
    for (name, amount) in limits.into_iter().filter(|(name, _)| supported(name)) {
        requests.entry(name).or_insert(amount);
    }
    if requests.is_empty() {
        resources.remove("requests");
    }
}

fn container(object: &mut Object) {
    let policy = pull_policy(text(object, "image"));
    unset_then(object, "imagePullPolicy", policy);
}

/// `latest`, named or meant, is pulled always.
fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image
        .split_once('@')
        .map_or((image, None), |(name, digest)| (name, Some(digest)));
    let last = name.rsplit('/').next().unwrap_or(name);
    let latest = match last.split_once(':') {
        Some((_, tag)) => tag == "latest",
        None => digest.is_none() && !image.is_empty(),
    };
    if latest { "Always" } else { "IfNotPresent" }
}

fn volume(object: &mut Object) {
    if object.keys().all(|key| key == "name") {
        object.insert("emptyDir".to_owned(), Value::Object(Map::new()));
    }
    if let Some(image) = child(object, "image") {
        let policy = pull_policy(text(image, "reference"));
        unset_then(image, "pullPolicy", policy);
    }
}

fn service(object: &mut Object) {
    let Some(spec) = child(object, "spec") else { return };
    unset_then(spec, "sessionAffinity", "None");
    if text(spec, "sessionAffinity") == "None" {
        spec.remove("sessionAffinityConfig");
    }
    if text(spec, "sessionAffinity") == "ClientIP" {
        let timeout = spec
            .get("sessionAffinityConfig")
            .and_then(|config| config.pointer("/clientIP/timeoutSeconds"));
        if timeout.is_none() {
            spec.insert(
                "sessionAffinityConfig".to_owned(),
                json!({"clientIP": {"timeoutSeconds": 10800}}),
            );
        }
    }
    unset_then(spec, "type", "ClusterIP");
    for port in items(spec, "ports") {
        unset_then(port, "protocol", "TCP");
        let target = port.get("targetPort");
        if target.is_none_or(|target| target.is_null() || target == "" || target.as_i64() == Some(0)) {
            let same = port.get("port").cloned().unwrap_or(Value::from(0));
            port.insert("targetPort".to_owned(), same);
        }
    }
    let kind = text(spec, "type").to_owned();
    let external_ips = spec
        .get("externalIPs")
        .and_then(Value::as_array)
        .is_some_and(|ips| !ips.is_empty());
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") || kind == "ClusterIP" && external_ips {
        unset_then(spec, "externalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer" | "ClusterIP") {
        unset_then(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        unset_then(spec, "allocateLoadBalancerNodePorts", true);
        let balancer = child(object, "status").and_then(|status| child(status, "loadBalancer"));
        for ingress in balancer.into_iter().flat_map(|balancer| items(balancer, "ingress")) {
            if !is_unset(ingress, "ip") {
                unset_then(ingress, "ipMode", "VIP");
            }
        }
    }
}

fn namespace(object: &mut Object) {
    let Some(metadata) = child(object, "metadata") else {
        return;
    };
    let name = text(metadata, "name").to_owned();
    if !name.is_empty()
        && let Some(labels) = child_or_new(metadata, "labels")
    {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
    }
}

/// `podCIDR` and `podCIDRs` say the same; the older one decides.
fn node_spec(object: &mut Object) {
    let first = object.get("podCIDRs").and_then(|all| all.get(0)).cloned();
    match first {
        Some(first) if is_unset(object, "podCIDR") => drop(object.insert("podCIDR".to_owned(), first)),
        first if !is_unset(object, "podCIDR") && first.as_ref() != object.get("podCIDR") => {
            let all = json!([object.get("podCIDR")]);
            object.insert("podCIDRs".to_owned(), all);
        }
        _ => {}
    }
}

fn node_status(object: &mut Object) {
    if is_unset(object, "allocatable")
        && let Some(capacity) = object.get("capacity").cloned()
    {
        object.insert("allocatable".to_owned(), capacity);
    }
}

fn pending(object: &mut Object) {
    if let Some(status) = child_or_new(object, "status") {
        unset_then(status, "phase", "Pending");
    }
}

fn limit_range_item(object: &mut Object) {
    if text(object, "type") != "Container" {
        return;
    }
    let list = |object: &Object, name: &str| object.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let mut default = list(object, "default");
    for (name, amount) in list(object, "max") {
        default.entry(name).or_insert(amount);
    }
    let mut request = list(object, "defaultRequest");
    for (name, amount) in default.clone().into_iter().chain(list(object, "min")) {
        request.entry(name).or_insert(amount);
    }
    for (name, list) in [("default", default), ("defaultRequest", request)] {
        if !list.is_empty() {
            object.insert(name.to_owned(), Value::Object(list));
        }
    }
}

fn template_labels(object: &Object) -> Option<Value> {
    let labels = object.get("spec")?.pointer("/template/metadata/labels")?;
    labels
        .as_object()
        .filter(|labels| !labels.is_empty())
        .map(|labels| Value::Object(labels.clone()))
}

fn labels_from_template(object: &mut Object) {
    let Some(labels) = template_labels(object) else { return };
    if let Some(metadata) = child_or_new(object, "metadata")
        && metadata
            .get("labels")
            .and_then(Value::as_object)
            .is_none_or(Map::is_empty)
    {
        metadata.insert("labels".to_owned(), labels);
    }
}

fn replication_controller(object: &mut Object) {
    if let (Some(labels), Some(spec)) = (template_labels(object), child(object, "spec"))
        && spec
            .get("selector")
            .and_then(Value::as_object)
            .is_none_or(Map::is_empty)
    {
        spec.insert("selector".to_owned(), labels);
    }
    labels_from_template(object);
}

fn rolling(strategy: &mut Object, defaults: &[(&str, Value)]) {
    unset_then(strategy, "type", "RollingUpdate");
    if text(strategy, "type") == "RollingUpdate"
        && let Some(rolling) = child_or_new(strategy, "rollingUpdate")
    {
        for (name, value) in defaults {
            unset_then(rolling, name, value.clone());
        }
    }
}

fn stateful_set_strategy(strategy: &mut Object) {
    if is_unset(strategy, "type") {
        strategy.insert("type".to_owned(), "RollingUpdate".into());
        child_or_new(strategy, "rollingUpdate");
    }
    if text(strategy, "type") == "RollingUpdate"
        && let Some(rolling) = child(strategy, "rollingUpdate")
    {
        unset_then(rolling, "partition", 0);
    }
}

fn job(object: &mut Object) {
    labels_from_template(object);
    let Some(spec) = child(object, "spec") else { return };
    if is_unset(spec, "completions") && is_unset(spec, "parallelism") {
        spec.insert("completions".to_owned(), 1.into());
    }
    unset_then(spec, "parallelism", 1);
    let backoff = if is_unset(spec, "backoffLimitPerIndex") {
        6
    } else {
        i32::MAX
    };
    unset_then(spec, "backoffLimit", backoff);
    unset_then(spec, "completionMode", "NonIndexed");
    unset_then(spec, "suspend", false);
    let replacement = if is_unset(spec, "podFailurePolicy") {
        "TerminatingOrFailed"
    } else {
        "Failed"
    };
    unset_then(spec, "podReplacementPolicy", replacement);
    unset_then(spec, "manualSelector", false);
}

fn network_policy(spec: &mut Object) {
    let empty = |name: &str, spec: &Object| spec.get(name).and_then(Value::as_array).is_none_or(Vec::is_empty);
    if empty("policyTypes", spec) {
        let types = if empty("egress", spec) {
            json!(["Ingress"])
        } else {
            json!(["Ingress", "Egress"])
        };
        spec.insert("policyTypes".to_owned(), types);
    }
}

fn subject(object: &mut Object) {
    if matches!(text(object, "kind"), "User" | "Group") {
        unset_then(object, "apiGroup", "rbac.authorization.k8s.io");
    }
}

fn behavior(object: &mut Object) {
    let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
    for (name, policies) in [("scaleUp", json!([pods, percent])), ("scaleDown", json!([percent]))] {
        if let Some(rules) = child(object, name) {
            unset_then(rules, "selectPolicy", "Max");
            unset_then(rules, "policies", policies);
            if name == "scaleUp" {
                unset_then(rules, "stabilizationWindowSeconds", 0);
            }
        }
    }
}

fn device_request(object: &mut Object) {
    unset_then(object, "allocationMode", "ExactCount");
    if text(object, "allocationMode") == "ExactCount"
        && object.get("count").is_none_or(|count| count.as_i64() == Some(0))
    {
        object.insert("count".to_owned(), 1.into());
    }
}

fn crd(object: &mut Object) {
    let mut stored = None;
    if let Some(spec) = child(object, "spec") {
        for version in items(spec, "versions") {
            if stored.is_none() && version.get("storage") == Some(&Value::Bool(true)) {
                stored = version.get("name").cloned();
            }
        }
        if let Some(names) = child(spec, "names") {
            let kind = text(names, "kind").to_owned();
            unset_then(names, "singular", kind.to_lowercase());
            if !kind.is_empty() {
                unset_then(names, "listKind", format!("{kind}List"));
            }
        }
    }
    if let (Some(stored), Some(status)) = (stored, child_or_new(object, "status"))
        && status
            .get("storedVersions")
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
    {
        status.insert("storedVersions".to_owned(), Value::Array(vec![stored]));
    }
}

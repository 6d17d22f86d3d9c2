//! How much of each resource an object uses.

use serde_json::Value;

use crate::quantity::{Format, Quantity};
use crate::resources::{self, ResourceList};

/// Group and plural name of an object's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectKind<'a> {
    /// Empty for the core group.
    pub group: &'a str,
    /// E.g. `pods`.
    pub plural: &'a str,
}

impl ObjectKind<'_> {
    pub(super) fn is(self, group: &str, plural: &str) -> bool {
        self.group == group && self.plural == plural
    }

    fn count(self) -> String {
        if self.group.is_empty() {
            format!("count/{}", self.plural)
        } else {
            format!("count/{}.{}", self.plural, self.group)
        }
    }
}

/// Kinds that are also counted by their plain name.
const COUNTED: &[&str] = &["configmaps", "replicationcontrollers", "resourcequotas", "secrets"];
/// What a container has to say if a quota bounds it.
const DEMANDED: &[(&str, &str, &str)] = &[
    ("cpu", "requests", "cpu"),
    ("memory", "requests", "memory"),
    ("requests.cpu", "requests", "cpu"),
    ("requests.memory", "requests", "memory"),
    ("limits.cpu", "limits", "cpu"),
    ("limits.memory", "limits", "memory"),
];
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";

/// Whether objects of the kind use the named resource of quotas.
pub fn tracked(kind: ObjectKind<'_>, name: &str) -> bool {
    if name == kind.count() {
        return true;
    }
    if !kind.group.is_empty() {
        return false;
    }
    match kind.plural {
        "pods" => is_compute(name),
        "services" => matches!(name, "services" | "services.nodeports" | "services.loadbalancers"),
        "persistentvolumeclaims" => {
            matches!(name, "persistentvolumeclaims" | "requests.storage") || name.contains(OF_CLASS)
        }
        plural => COUNTED.contains(&plural) && name == plural,
    }
}

fn is_compute(name: &str) -> bool {
    if name == "pods" {
        return true;
    }
    let (kind, resource) = match name.split_once('.') {
        Some((kind @ ("requests" | "limits"), resource)) => (kind, resource),
        _ => ("", name),
    };
    match resource {
        "cpu" | "memory" | "ephemeral-storage" => true,
        huge if huge.starts_with("hugepages-") => kind != "limits",
        other => kind == "requests" && is_extended(other),
    }
}

/// Resources that only a device plugin or an administrator knows.
fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/")
}

/// What the object uses. Of pods, only those that still run or may (`alive`) use more than their place in the store.
pub fn usage(kind: ObjectKind<'_>, object: &Value, alive: bool) -> ResourceList {
    let mut used = ResourceList::from([(kind.count(), count(1))]);
    if !kind.group.is_empty() {
        return used;
    }
    match kind.plural {
        "pods" if alive => pod(&mut used, object),
        "services" => service(&mut used, &object["spec"]),
        "persistentvolumeclaims" => claim(&mut used, object),
        plural if COUNTED.contains(&plural) => drop(used.insert(plural.to_owned(), count(1))),
        _ => {}
    }
    used
}

fn count(number: usize) -> Quantity {
    Quantity::new(i64::try_from(number).unwrap_or(i64::MAX), Format::DecimalSi)
}

fn pod(used: &mut ResourceList, pod: &Value) {
    used.insert("pods".to_owned(), count(1));
    let spec = &pod["spec"];
    for field in ["requests", "limits"] {
        let mut sum = resources::of_pod(spec, field);
        let overhead = resources::list(&spec["overhead"]);
        let applies = |name: &String| field == "requests" || sum.contains_key(name);
        let overhead = overhead.into_iter().filter(|(name, _)| applies(name)).collect();
        resources::add(&mut sum, &overhead);
        for (name, amount) in sum {
            let native = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage");
            let huge = name.starts_with("hugepages-");
            if native || (field == "requests" && (huge || is_extended(&name))) {
                used.insert(format!("{field}.{name}"), amount.clone());
            }
            if field == "requests" && (native || huge) {
                used.insert(name, amount);
            }
        }
    }
}

fn service(used: &mut ResourceList, spec: &Value) {
    let ports = spec["ports"].as_array().map_or(&[][..], Vec::as_slice);
    let explicit = || {
        ports
            .iter()
            .filter(|port| port["nodePort"].as_i64().is_some_and(|port| port != 0))
            .count()
    };
    let (balancers, node_ports) = match spec["type"].as_str().unwrap_or_default() {
        "NodePort" => (0, ports.len()),
        "LoadBalancer" if spec["allocateLoadBalancerNodePorts"] == false => (1, explicit()),
        "LoadBalancer" => (1, ports.len()),
        _ => (0, 0),
    };
    used.insert("services".to_owned(), count(1));
    used.insert("services.loadbalancers".to_owned(), count(balancers));
    used.insert("services.nodeports".to_owned(), count(node_ports));
}

fn claim(used: &mut ResourceList, claim: &Value) {
    let class = claim
        .pointer("/metadata/annotations/volume.beta.kubernetes.io~1storage-class")
        .or_else(|| claim.pointer("/spec/storageClassName"))
        .and_then(Value::as_str)
        .filter(|class| !class.is_empty());
    let asked = resources::list(&claim["spec"]["resources"]["requests"]).remove("storage");
    let granted = resources::list(&claim["status"]["allocatedResources"]).remove("storage");
    let storage = asked.map(|asked| granted.filter(|granted| *granted > asked).unwrap_or(asked));
    let rows = [
        ("persistentvolumeclaims", Some(count(1))),
        ("requests.storage", storage),
    ];
    for (name, amount) in rows.into_iter().filter_map(|(name, amount)| Some((name, amount?))) {
        if let Some(class) = class {
            used.insert(format!("{class}{OF_CLASS}{name}"), amount.clone());
        }
        used.insert(name.to_owned(), amount);
    }
}

/// What the pod's containers must say because one of the resources is bounded, as upstream words it.
pub fn missing(pod: &Value, bounded: &ResourceList) -> Option<String> {
    if pod["spec"]["resources"].as_object().is_some_and(|own| !own.is_empty()) {
        return None;
    }
    let mut said = Vec::new();
    for (name, field, resource) in DEMANDED.iter().filter(|row| bounded.contains_key(row.0)) {
        let all = ["containers", "initContainers"]
            .into_iter()
            .flat_map(|list| pod["spec"][list].as_array().into_iter().flatten());
        let mut silent: Vec<&str> = all
            .filter(|container| container["resources"][field][resource].is_null())
            .map(|container| container["name"].as_str().unwrap_or_default())
            .collect();
        silent.sort_unstable();
        if !silent.is_empty() {
            said.push(format!("{name} for: {}", silent.join(",")));
        }
    }
    said.sort();
    (!said.is_empty()).then(|| format!("must specify {}", said.join("; ")))
}

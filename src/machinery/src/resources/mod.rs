//! Lists of resource amounts, and what a pod asks for in all.

mod qos;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

pub use qos::qos_class;

use crate::quantity::Quantity;

/// Amounts by resource name.
pub type ResourceList = BTreeMap<String, Quantity>;

/// Reads a list as it stands in an object; what is no quantity is left out.
pub fn list(value: &Value) -> ResourceList {
    let entries = value.as_object().into_iter().flatten();
    entries
        .filter_map(|(name, amount)| {
            let quantity = match amount {
                Value::String(text) => text.parse().ok()?,
                Value::Number(number) => number.to_string().parse().ok()?,
                _ => return None,
            };
            Some((name.clone(), quantity))
        })
        .collect()
}

/// Writes a list as it stands in an object.
pub fn to_value(list: &ResourceList) -> Value {
    let entries = list
        .iter()
        .map(|(name, amount)| (name.clone(), amount.to_string().into()));
    Value::Object(entries.collect())
}

/// Adds resource by resource.
pub fn add(sum: &mut ResourceList, more: &ResourceList) {
    for (name, amount) in more {
        match sum.get_mut(name) {
            Some(own) => own.add(amount),
            None => drop(sum.insert(name.clone(), amount.clone())),
        }
    }
}

/// Takes the larger amount of each resource.
pub fn raise(most: &mut ResourceList, other: &ResourceList) {
    for (name, amount) in other {
        match most.get_mut(name) {
            Some(own) if *own >= *amount => {}
            _ => drop(most.insert(name.clone(), amount.clone())),
        }
    }
}

/// What a pod's `requests` or `limits` (`field`) come to at its peak: containers and sidecars together, or an init
/// container beside the sidecars before it. What the pod sets for itself as a whole counts instead. Without overhead.
pub fn of_pod(spec: &Value, field: &str) -> ResourceList {
    let containers = |name: &str| spec[name].as_array().into_iter().flatten();
    let own = |container: &Value| list(&container["resources"][field]);
    let mut running = ResourceList::new();
    containers("containers").for_each(|container| add(&mut running, &own(container)));
    let (mut sidecars, mut peak) = (ResourceList::new(), ResourceList::new());
    for container in containers("initContainers") {
        if container["restartPolicy"] == "Always" {
            add(&mut sidecars, &own(container));
            raise(&mut peak, &sidecars);
        } else {
            let mut beside = own(container);
            add(&mut beside, &sidecars);
            raise(&mut peak, &beside);
        }
    }
    add(&mut running, &sidecars);
    raise(&mut peak, &running);
    let whole = list(&spec["resources"][field]).into_iter();
    peak.extend(whole.filter(|(name, _)| matches!(name.as_str(), "cpu" | "memory") || name.starts_with("hugepages-")));
    peak
}

//! Resources that are views of another one: the same stored objects under another group or version.

mod autoscaler;

use schema::Resource;
use serde_json::Value;

/// True if served objects differ from the stored ones.
pub(crate) fn differs(resource: &Resource) -> bool {
    matches!(
        (resource.group, resource.version, resource.plural),
        ("events.k8s.io", ..) | ("autoscaling", "v1", "horizontalpodautoscalers")
    )
}

/// Fields of core events by their names in events.k8s.io: (core, events).
const EVENT_FIELDS: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("count", "deprecatedCount"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("source", "deprecatedSource"),
];

/// A stored object as this resource shows it.
pub(crate) fn to_served(resource: &Resource, mut object: Value) -> Value {
    if !differs(resource) {
        return object;
    }
    if resource.plural == "events" {
        rename(&mut object, EVENT_FIELDS.iter().copied());
    } else {
        autoscaler::to_v1(&mut object);
    }
    object["apiVersion"] = resource.api_version().into();
    object
}

/// An object of this resource as it is stored.
pub(crate) fn to_stored(resource: &Resource, mut object: Value) -> Value {
    if !differs(resource) {
        return object;
    }
    if resource.plural == "events" {
        rename(&mut object, EVENT_FIELDS.iter().map(|&(core, events)| (events, core)));
        object["apiVersion"] = "v1".into();
    } else {
        autoscaler::to_v2(&mut object);
        object["apiVersion"] = "autoscaling/v2".into();
    }
    object
}

fn rename<'a>(object: &mut Value, fields: impl Iterator<Item = (&'a str, &'a str)>) {
    let Some(map) = object.as_object_mut() else { return };
    for (from, to) in fields {
        if let Some(value) = map.remove(from) {
            map.insert(to.to_owned(), value);
        }
    }
}

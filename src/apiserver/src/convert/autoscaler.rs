//! HorizontalPodAutoscalers of version 1, which knows processor utilization alone. What version 2 says besides travels in
//! annotations, so that a client of version 1 loses nothing when it writes back what it has read.

use serde_json::{Map, Value, json};

use crate::object::{Object as _, child};

/// Annotations with the parts of version 2 that version 1 has no field for: where the part is, and its annotation.
const PARTS: [(&str, &str, &str); 4] = [
    ("spec", "metrics", "autoscaling.alpha.kubernetes.io/metrics"),
    ("spec", "behavior", "autoscaling.alpha.kubernetes.io/behavior"),
    (
        "status",
        "currentMetrics",
        "autoscaling.alpha.kubernetes.io/current-metrics",
    ),
    ("status", "conditions", "autoscaling.alpha.kubernetes.io/conditions"),
];

/// Fields of version 1: the part, the list of version 2, the field within its entries, and the field of version 1.
const CPU: [(&str, &str, &str, &str); 2] = [
    ("spec", "metrics", "target", "targetCPUUtilizationPercentage"),
    ("status", "currentMetrics", "current", "currentCPUUtilizationPercentage"),
];

pub(super) fn to_v1(object: &mut Value) {
    for (part, list, within, field) in CPU {
        let Some(part) = object.get_mut(part).and_then(Value::as_object_mut) else {
            continue;
        };
        let Some(metrics) = part.get_mut(list).and_then(Value::as_array_mut) else {
            continue;
        };
        let utilization = |metric: &Value| {
            let is_cpu = metric["type"] == "Resource" && metric["resource"]["name"] == "cpu";
            metric["resource"][within]["averageUtilization"]
                .as_i64()
                .filter(|_| is_cpu)
        };
        let found = metrics
            .iter()
            .enumerate()
            .find_map(|(at, metric)| Some((at, utilization(metric)?)));
        if let Some((at, percent)) = found {
            metrics.remove(at);
            part.insert(field.to_owned(), percent.into());
        }
    }
    for (part, field, annotation) in PARTS {
        let taken = object
            .get_mut(part)
            .and_then(|part| part.as_object_mut()?.remove(field));
        let taken = taken.filter(|value| value.as_array().is_none_or(|list| !list.is_empty()) && !value.is_null());
        if let Some(value) = taken {
            annotations(object).insert(annotation.to_owned(), value.to_string().into());
        }
    }
}

pub(super) fn to_v2(object: &mut Value) {
    for (part, field, annotation) in PARTS {
        let present = object
            .pointer("/metadata/annotations")
            .and_then(|all| all.get(annotation));
        let Some(text) = present.and_then(Value::as_str).map(str::to_owned) else {
            continue;
        };
        annotations(object).remove(annotation);
        // what nobody can read says nothing
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            child(object, part).insert(field.to_owned(), value);
        }
    }
    if annotations(object).is_empty() {
        object.remove_meta("annotations");
    }
    for (part, list, within, field) in CPU {
        let Some(part) = object.get_mut(part).and_then(Value::as_object_mut) else {
            continue;
        };
        let Some(percent) = part.remove(field).filter(|percent| !percent.is_null()) else {
            continue;
        };
        let value = if within == "target" {
            json!({"type": "Utilization", "averageUtilization": percent})
        } else {
            json!({"averageUtilization": percent})
        };
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", within: value}});
        let metrics = part.entry(list).or_insert_with(|| json!([]));
        if let Some(metrics) = metrics.as_array_mut() {
            metrics.insert(0, metric);
        }
    }
}

fn annotations(object: &mut Value) -> &mut Map<String, Value> {
    child(&mut object["metadata"], "annotations")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_version_1_loses_nothing() {
        let metric = |name: &str| json!({"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", "averageUtilization": 70}}});
        let whole = json!({
            "metadata": {"name": "a"},
            "spec": {"maxReplicas": 3, "metrics": [metric("cpu"), metric("memory")], "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}},
            "status": {"desiredReplicas": 1, "conditions": [{"type": "AbleToScale", "status": "True"}],
                "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 12}}}]},
        });
        let mut object = whole.clone();
        to_v1(&mut object);
        assert_eq!(object["spec"]["targetCPUUtilizationPercentage"], 70);
        assert_eq!(object["status"]["currentCPUUtilizationPercentage"], 12);
        assert_eq!(object["spec"].as_object().map(Map::len), Some(2), "{object}");
        assert_eq!(object["status"].as_object().map(Map::len), Some(2), "{object}");
        to_v2(&mut object);
        assert_eq!(object, whole);
    }

    #[test]
    fn a_plain_autoscaler_has_no_annotations() {
        let mut object =
            json!({"metadata": {"name": "a"}, "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 50}});
        to_v2(&mut object);
        assert_eq!(
            object["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"],
            50
        );
        assert!(object["metadata"].get("annotations").is_none(), "{object}");
        to_v1(&mut object);
        assert_eq!(
            object,
            json!({"metadata": {"name": "a"}, "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 50}})
        );
    }
}

//! The table that `kubectl get` prints.

use machinery::quantity::Quantity;
use serde_json::{Value, json};

/// A row for each object; memory and processor of a pod are those of all its containers.
pub(crate) fn of(items: &[Value]) -> Value {
    let column = |name: &str, kind: &str, format: &str| json!({"name": name, "type": kind, "format": format, "description": "", "priority": 0});
    let rows: Vec<Value> = items
        .iter()
        .map(|item| {
            let cells = json!([
                item["metadata"]["name"],
                sum(item, "cpu"),
                sum(item, "memory"),
                item["window"]
            ]);
            let metadata = &item["metadata"];
            let object = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
            json!({"cells": cells, "object": object})
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": [
            column("Name", "string", "name"), column("cpu", "string", "quantity"),
            column("memory", "string", "quantity"), column("Window", "string", "duration"),
        ],
        "rows": rows,
    })
}

fn sum(item: &Value, resource: &str) -> String {
    let containers = item["containers"].as_array().into_iter().flatten();
    let parts = containers.chain([item]).map(|part| &part["usage"][resource]);
    let amounts = parts.filter_map(|amount| amount.as_str()?.parse::<Quantity>().ok());
    let mut all = Quantity::zero();
    amounts.for_each(|amount| all.add(&amount));
    all.to_string()
}

//! A pod's quality-of-service class, from its containers' requests and limits of cpu and memory.

use serde_json::Value;

use crate::quantity::Quantity;

/// `Guaranteed`, `Burstable` or `BestEffort`.
pub fn qos_class(pod: &Value) -> &'static str {
    let containers = |list: &str| pod.pointer(list).and_then(Value::as_array).into_iter().flatten();
    let all = containers("/spec/containers").chain(containers("/spec/initContainers"));
    let (mut any, mut guaranteed) = (false, true);
    for container in all {
        for resource in ["cpu", "memory"] {
            let amount = |kind: &str| {
                let text = container.pointer(&format!("/resources/{kind}/{resource}"))?;
                let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
                text.parse::<Quantity>().ok().filter(|quantity| !quantity.is_zero())
            };
            let (request, limit) = (amount("requests"), amount("limits"));
            any |= request.is_some() || limit.is_some();
            guaranteed &= limit.is_some() && (request.is_none() || request == limit);
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

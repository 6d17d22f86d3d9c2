//! Priority and DefaultTolerationSeconds.

use serde_json::{Value, json};

use crate::object::{Object as _, child, text_at};
use crate::registry::Call;
use crate::{ApiError, Subject, storage};

/// How long a pod tolerates a node that went away, if it does not say.
const TOLERATION_SECONDS: i64 = 300;

pub(super) async fn admit(call: &Call<'_>, pod: &mut Value) -> Result<(), ApiError> {
    tolerate(pod);
    prioritize(call, pod).await
}

/// Also for changed pods: a client that replaces the tolerations does not mean these two.
pub(super) fn tolerate(pod: &mut Value) {
    let spec = child(pod, "spec");
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    let Some(list) = tolerations.as_array_mut() else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let covered = list.iter().any(|own| {
            let (own_key, effect) = (text_at(own, "key"), text_at(own, "effect"));
            (own_key == key || own_key.is_empty()) && (effect == "NoExecute" || effect.is_empty())
        });
        if !covered {
            list.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_SECONDS}));
        }
    }
}

async fn prioritize(call: &Call<'_>, pod: &mut Value) -> Result<(), ApiError> {
    let name = text_at(pod, "spec.priorityClassName");
    let class = if name.is_empty() {
        default_class(call).await?
    } else {
        let class = call.api.peek("scheduling.k8s.io", "priorityclasses", "", &name).await?;
        Some(class.ok_or_else(|| {
            let why = format!("no PriorityClass with name {name} was found");
            ApiError::forbidden(
                Subject {
                    group: "",
                    resource: "pods",
                },
                pod.name(),
                why,
            )
        })?)
    };
    let value = class
        .as_ref()
        .and_then(|class| class["value"].as_i64())
        .unwrap_or_default();
    let policy = class
        .as_ref()
        .map(|class| text_at(class, "preemptionPolicy"))
        .filter(|policy| !policy.is_empty());
    let spec = child(pod, "spec");
    if let Some(given) = spec.get("priority").and_then(Value::as_i64)
        && given != value
    {
        let why = format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {value} from the given PriorityClass name"
        );
        return Err(ApiError::forbidden(
            Subject {
                group: "",
                resource: "pods",
            },
            "",
            why,
        ));
    }
    if let Some(class) = &class {
        spec.insert("priorityClassName".to_owned(), class.name().into());
    }
    spec.insert("priority".to_owned(), value.into());
    spec.entry("preemptionPolicy")
        .or_insert_with(|| policy.unwrap_or_else(|| "PreemptLowerPriority".to_owned()).into());
    Ok(())
}

async fn default_class(call: &Call<'_>) -> Result<Option<Value>, ApiError> {
    let prefix = storage::collection("scheduling.k8s.io", "priorityclasses");
    let range = call.api.store.range(store::RangeQuery::all(&prefix)).await?;
    let mut found: Option<Value> = None;
    for entry in &range.entries {
        let class = storage::parse(entry)?;
        let lower = found
            .as_ref()
            .is_none_or(|best| class["value"].as_i64() < best["value"].as_i64());
        if class["globalDefault"] == true && lower {
            found = Some(class);
        }
    }
    Ok(found)
}

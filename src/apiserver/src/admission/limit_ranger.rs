//! LimitRanger: a namespace's LimitRanges give containers their defaults and bound what pods and claims ask for.

use machinery::quantity::Quantity;
use machinery::resources::{self, ResourceList};
use serde_json::{Value, json};

use crate::object::{Object as _, text_at};
use crate::registry::Call;
use crate::{ApiError, storage};

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// All limits of the namespace.
async fn limits(call: &Call<'_>) -> Result<Vec<Value>, ApiError> {
    let prefix = format!("{}{}/", storage::collection("", "limitranges"), call.namespace());
    let query = store::RangeQuery::all(&prefix);
    let mut all = Vec::new();
    for entry in &call.api.store.range(query).await?.entries {
        let range = storage::parse(entry)?;
        all.extend(range["spec"]["limits"].as_array().into_iter().flatten().cloned());
    }
    Ok(all)
}

/// Gives containers what they do not say.
pub(super) async fn admit(call: &Call<'_>, pod: &mut Value) -> Result<(), ApiError> {
    let mut said = Vec::new();
    for limit in limits(call).await?.iter().filter(|limit| limit["type"] == "Container") {
        for (list, what) in [("containers", "container"), ("initContainers", "init container")] {
            let containers = pod.pointer_mut(&format!("/spec/{list}")).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                for (from, to) in [("defaultRequest", "requests"), ("default", "limits")] {
                    let set = fill(container, to, &limit[from]);
                    if !set.is_empty() {
                        let to = to.trim_end_matches('s');
                        said.push(format!(
                            "{} {to} for {what} {}",
                            set.join(", "),
                            text_at(container, "name")
                        ));
                    }
                }
            }
        }
    }
    if !said.is_empty() {
        let annotations = pod.meta_mut().entry("annotations").or_insert_with(|| json!({}));
        annotations[ANNOTATION] = format!("LimitRanger plugin set: {}", said.join("; ")).into();
    }
    Ok(())
}

/// Names of the resources that the container did not have before.
fn fill(container: &mut Value, field: &str, defaults: &Value) -> Vec<String> {
    let Some(defaults) = defaults.as_object() else {
        return Vec::new();
    };
    let own = &container["resources"][field];
    let missing = defaults.iter().filter(|(name, _)| own.get(name).is_none());
    let missing: Vec<(String, Value)> = missing.map(|(name, amount)| (name.clone(), amount.clone())).collect();
    let mut names: Vec<String> = missing.iter().map(|(name, _)| name.clone()).collect();
    for (name, amount) in missing {
        container["resources"][field][name] = amount;
    }
    names.sort();
    names
}

/// Refuses what is outside the bounds.
pub(super) async fn check(call: &Call<'_>, object: &Value) -> Result<(), ApiError> {
    let mut wrong = Vec::new();
    for limit in limits(call).await? {
        let of_container = |container: &Value| Asked {
            kind: "Container",
            requests: resources::list(&container["resources"]["requests"]),
            limits: Some(resources::list(&container["resources"]["limits"])),
        };
        let asked: Vec<Asked> = match (call.resource.plural, limit["type"].as_str().unwrap_or_default()) {
            ("pods", "Container") => ["containers", "initContainers"]
                .into_iter()
                .flat_map(|list| object["spec"][list].as_array().into_iter().flatten())
                .map(of_container)
                .collect(),
            ("pods", "Pod") => vec![Asked {
                kind: "Pod",
                requests: resources::of_pod(&object["spec"], "requests"),
                limits: Some(resources::of_pod(&object["spec"], "limits")),
            }],
            ("persistentvolumeclaims", "PersistentVolumeClaim") => vec![Asked {
                kind: "PersistentVolumeClaim",
                requests: resources::list(&object["spec"]["resources"]["requests"]),
                limits: None,
            }],
            _ => continue,
        };
        for asked in asked {
            for (name, bound) in resources::list(&limit["min"]) {
                wrong.extend(asked.below(&name, &bound));
            }
            for (name, bound) in resources::list(&limit["max"]) {
                wrong.extend(asked.above(&name, &bound));
            }
            for (name, bound) in resources::list(&limit["maxLimitRequestRatio"]) {
                wrong.extend(asked.stretched(&name, &bound));
            }
        }
    }
    match wrong.as_slice() {
        [] => Ok(()),
        [one] => Err(ApiError::forbidden(call.subject(), object.name(), one.clone())),
        several => Err(ApiError::forbidden(
            call.subject(),
            object.name(),
            format!("[{}]", several.join(", ")),
        )),
    }
}

/// What one thing that a limit is about asks for.
struct Asked {
    kind: &'static str,
    requests: ResourceList,
    /// Claims have none.
    limits: Option<ResourceList>,
}

impl Asked {
    fn limit(&self, name: &str) -> Option<&Quantity> {
        self.limits.as_ref().and_then(|limits| limits.get(name))
    }

    fn below(&self, name: &str, bound: &Quantity) -> Option<String> {
        let least = format!("minimum {name} usage per {} is {bound}", self.kind);
        match (self.requests.get(name), self.limit(name)) {
            (None, _) => Some(format!("{least}.  No request is specified")),
            (Some(request), _) if request < bound => Some(format!("{least}, but request is {request}")),
            (_, Some(limit)) if limit < bound => Some(format!("{least}, but limit is {limit}")),
            _ => None,
        }
    }

    fn above(&self, name: &str, bound: &Quantity) -> Option<String> {
        let most = format!("maximum {name} usage per {} is {bound}", self.kind);
        match (self.requests.get(name), self.limit(name)) {
            (None, _) if self.limits.is_none() => Some(format!("{most}.  No request is specified")),
            (_, None) if self.limits.is_some() => Some(format!("{most}.  No limit is specified")),
            (_, Some(limit)) if limit > bound => Some(format!("{most}, but limit is {limit}")),
            (Some(request), _) if request > bound => Some(format!("{most}, but request is {request}")),
            _ => None,
        }
    }

    fn stretched(&self, name: &str, bound: &Quantity) -> Option<String> {
        let most = format!("{name} max limit to request ratio per {} is {bound}", self.kind);
        let some = |quantity: Option<&Quantity>| quantity.filter(|quantity| !quantity.is_zero()).map(Quantity::as_f64);
        let Some(request) = some(self.requests.get(name)) else {
            return Some(format!("{most}, but no request is specified or request is 0"));
        };
        let Some(limit) = some(self.limit(name)) else {
            return Some(format!("{most}, but no limit is specified or limit is 0"));
        };
        let ratio = limit / request;
        (ratio > bound.as_f64()).then(|| format!("{most}, but provided ratio is {ratio:.6}"))
    }
}

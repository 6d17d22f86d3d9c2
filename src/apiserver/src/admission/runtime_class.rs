//! RuntimeClass: a pod of a class gets the class's overhead and is scheduled where the class runs.

use serde_json::{Value, json};

use crate::ApiError;
use crate::object::{Object as _, child, text_at};
use crate::registry::Call;

pub(super) async fn admit(call: &Call<'_>, pod: &mut Value) -> Result<(), ApiError> {
    let name = text_at(pod, "spec.runtimeClassName");
    let given = pod
        .pointer("/spec/overhead")
        .cloned()
        .filter(|overhead| !overhead.is_null());
    let refuse = |why: String| Err(ApiError::forbidden(call.subject(), pod.name(), why));
    if name.is_empty() {
        return match given {
            Some(_) => {
                refuse("pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead".to_owned())
            }
            None => Ok(()),
        };
    }
    let Some(class) = call.api.peek("node.k8s.io", "runtimeclasses", "", &name).await? else {
        return refuse(format!("pod rejected: RuntimeClass \"{name}\" not found"));
    };
    let overhead = class
        .pointer("/overhead/podFixed")
        .filter(|overhead| !overhead.is_null());
    if given.is_some() && given.as_ref() != overhead {
        return refuse("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead".to_owned());
    }
    let selector = class.pointer("/scheduling/nodeSelector").and_then(Value::as_object);
    for (key, value) in selector.into_iter().flatten() {
        let own = pod.pointer("/spec/nodeSelector").and_then(|own| own.get(key));
        if own.is_some_and(|own| own != value) {
            return refuse(format!(
                "pod rejected: conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}"
            ));
        }
    }
    let spec = child(pod, "spec");
    if let Some(overhead) = overhead {
        spec.insert("overhead".to_owned(), overhead.clone());
    }
    if let Some(selector) = selector {
        let own = spec.entry("nodeSelector").or_insert_with(|| json!({}));
        for (key, value) in selector {
            own[key] = value.clone();
        }
    }
    let tolerations = class.pointer("/scheduling/tolerations").and_then(Value::as_array);
    if let (Some(more), Some(own)) = (
        tolerations,
        spec.entry("tolerations").or_insert_with(|| json!([])).as_array_mut(),
    ) {
        own.extend(
            more.iter()
                .filter(|toleration| !own.contains(toleration))
                .cloned()
                .collect::<Vec<_>>(),
        );
    }
    Ok(())
}

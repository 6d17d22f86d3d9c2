//! `pods/binding`: the scheduler's decision, written once.

use http::{Request, Response, StatusCode};
use serde_json::json;

use crate::object::{Object as _, child, text_at};
use crate::registry::{Call, Part, now, update_object};
use crate::{ApiError, Body, RequestInfo, body, codec, respond};

pub(crate) async fn binding(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let (parts, incoming) = request.into_parts();
    let bytes = body::read(incoming).await?;
    let binding = codec::decode_options(&parts.headers, &bytes, "Binding")?;
    let name = if call.info.name.is_empty() {
        binding.name().to_owned()
    } else {
        call.info.name.clone()
    };
    let node = text_at(&binding, "target.name");
    let kind = text_at(&binding, "target.kind");
    if !matches!(kind.as_str(), "" | "Node") {
        return Err(ApiError::bad_request(format!(
            "target.kind: Unsupported value: \"{kind}\": supported values: \"Node\", \"<empty>\""
        )));
    }
    if node.is_empty() {
        return Err(ApiError::bad_request("target.name: Required value"));
    }
    let pods = schema::resource("", "v1", "pods").ok_or_else(|| ApiError::internal("no pods in the table"))?;
    let info = RequestInfo {
        name: name.clone(),
        subresource: "binding".to_owned(),
        ..call.info.clone()
    };
    let call = Call {
        info: &info,
        ..call.on(pods)
    };
    update_object(call, Part::Other, |pod| {
        let refuse = |why: String| Err(ApiError::conflict(call.subject(), &name, why));
        if !binding.uid().is_empty() && binding.uid() != pod.uid() {
            return refuse(format!(
                "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                binding.uid(),
                pod.uid()
            ));
        }
        if pod.is_deleting() {
            return refuse(format!("pod {name} is being deleted, cannot be assigned to a host"));
        }
        let current = text_at(pod, "spec.nodeName");
        if !current.is_empty() {
            return refuse(format!("pod {name} is already assigned to node \"{current}\""));
        }
        if pod
            .pointer("/spec/schedulingGates")
            .and_then(|gates| gates.as_array())
            .is_some_and(|gates| !gates.is_empty())
        {
            return refuse(format!("pod {name} has non-empty .spec.schedulingGates"));
        }
        let mut pod = pod.clone();
        child(&mut pod, "spec").insert("nodeName".to_owned(), node.as_str().into());
        let generation = pod.generation();
        let status = child(&mut pod, "status");
        // it has served its purpose
        status.remove("nominatedNodeName");
        let conditions = status.entry("conditions").or_insert_with(|| json!([]));
        let condition = json!({
            "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now(),
            "observedGeneration": generation,
        });
        if let Some(list) = conditions.as_array_mut() {
            list.retain(|own| own["type"] != "PodScheduled");
            list.push(condition);
        }
        for (key, value) in binding
            .meta()
            .and_then(|meta| meta.get("annotations"))
            .and_then(|map| map.as_object())
            .into_iter()
            .flatten()
        {
            let annotations = pod.meta_mut().entry("annotations").or_insert_with(|| json!({}));
            annotations[key] = value.clone();
        }
        Ok(pod)
    })
    .await?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    respond::plain(call.negotiated, StatusCode::CREATED, &status)
}

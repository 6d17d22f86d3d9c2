//! `pods/eviction`: a deletion that disruption budgets may refuse.

use http::{Request, Response, StatusCode};
use machinery::selector::LabelSelector;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::object::{Object as _, child, text_at};
use crate::registry::{self, Call, DeleteOptions, Part, now, update_object};
use crate::{ApiError, Body, RequestInfo, admission, body, codec, respond, storage};

/// A budget's memory of pods it let go is bounded, as upstream's.
const DISRUPTED_PODS: usize = 2000;

pub(crate) async fn eviction(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let (parts, incoming) = request.into_parts();
    let bytes = body::read(incoming).await?;
    let mut eviction = codec::decode_options(&parts.headers, &bytes, "Eviction")?;
    let options = eviction["deleteOptions"].take();
    let options = if options.is_null() {
        DeleteOptions::default()
    } else {
        DeleteOptions::deserialize(options).map_err(|error| ApiError::bad_request(error.to_string()))?
    };
    let name = &call.info.name;
    let pod = call.object(name).await?;
    admission::node_eviction(&call, &pod)?;
    let phase = text_at(&pod, "status.phase");
    let protected = !matches!(phase.as_str(), "Pending" | "Succeeded" | "Failed") && !pod.is_deleting();
    if protected {
        let dry_run = call.info.is_dry_run() || options.is_dry_run();
        spend_budget(call, &pod, dry_run).await?;
    }
    // a caller that pins the pod's version means it to be deleted as it is
    let met = options.preconditions.as_ref().is_none_or(|wanted| {
        wanted.resource_version.is_none() && wanted.uid.as_deref().is_none_or(|uid| uid == pod.uid())
    });
    if met && !call.info.is_dry_run() && !options.is_dry_run() {
        tell(call).await?;
    }
    registry::delete_object(call, name, &options).await?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    respond::plain(call.negotiated, StatusCode::CREATED, &status)
}

/// Says on the pod why it goes: jobs tell such failures from others.
async fn tell(call: Call<'_>) -> Result<(), ApiError> {
    let info = RequestInfo {
        subresource: "status".to_owned(),
        verb: "patch",
        ..call.info.clone()
    };
    let on_status = Call { info: &info, ..call };
    let condition = json!({"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting", "lastTransitionTime": now()});
    let told = |pod: &Value| {
        let mut told = pod.clone();
        let conditions = child(&mut told, "status")
            .entry("conditions")
            .or_insert_with(|| json!([]));
        if let Some(list) = conditions.as_array_mut() {
            list.retain(|own| own["type"] != condition["type"]);
            list.push(condition.clone());
        }
        told.remove_meta("resourceVersion");
        Ok(told)
    };
    update_object(on_status, Part::Status, told).await.map(drop)
}

/// Takes one disruption from the budget that covers the pod, if there is one. A dry run only asks whether it could.
async fn spend_budget(call: Call<'_>, pod: &Value, dry_run: bool) -> Result<(), ApiError> {
    let resource = schema::resource("policy", "v1", "poddisruptionbudgets")
        .ok_or_else(|| ApiError::internal("no budgets in the table"))?;
    let prefix = storage::prefix(resource, call.namespace());
    let range = call.api.store.range(store::RangeQuery::all(&prefix)).await?;
    let mut covering = Vec::new();
    for entry in &range.entries {
        let budget = storage::parse(entry)?;
        let selector = LabelSelector::from_object(&budget["spec"]["selector"]).map_err(ApiError::internal)?;
        if selector.matches(&pod["metadata"]["labels"]) {
            covering.push(budget);
        }
    }
    if covering.len() > 1 {
        return Err(ApiError::internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        ));
    }
    let Some(budget) = covering.first() else { return Ok(()) };
    if !is_ready(pod) && unhealthy_may_go(budget) {
        return Ok(());
    }
    let info = RequestInfo {
        name: budget.name().to_owned(),
        subresource: "status".to_owned(),
        verb: "patch",
        ..call.info.clone()
    };
    let budget_call = Call {
        info: &info,
        ..call.on(resource)
    };
    update_object(budget_call, Part::Status, |live| {
        let status = &live["status"];
        let refuse = |message: &str| {
            let mut error =
                ApiError::too_many_requests("Cannot evict pod as it would violate the pod's disruption budget.");
            error.details = Some(Box::new(
                json!({"causes": [{"reason": "DisruptionBudget", "message": message}]}),
            ));
            Err(error)
        };
        if status["observedGeneration"].as_i64().unwrap_or_default() < live.generation() {
            return refuse(&format!(
                "The disruption budget {} is still being processed by the server.",
                live.name()
            ));
        }
        let allowed = status["disruptionsAllowed"].as_i64().unwrap_or_default();
        if allowed <= 0 {
            return refuse(&format!(
                "The disruption budget {} needs {} healthy pods and has {} currently",
                live.name(),
                status["desiredHealthy"].as_i64().unwrap_or_default(),
                status["currentHealthy"].as_i64().unwrap_or_default()
            ));
        }
        if dry_run {
            return Ok(live.clone());
        }
        let mut next = live.clone();
        let status = child(&mut next, "status");
        status.insert("disruptionsAllowed".to_owned(), (allowed - 1).into());
        let disrupted = status.entry("disruptedPods").or_insert_with(|| json!({}));
        if disrupted.as_object().is_some_and(|pods| pods.len() >= DISRUPTED_PODS) {
            return refuse("DisruptedPods map too big - too many evictions not confirmed by PDB controller");
        }
        disrupted[pod.name()] = now().into();
        Ok(next)
    })
    .await?;
    Ok(())
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    conditions
        .into_iter()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn unhealthy_may_go(budget: &Value) -> bool {
    let status = &budget["status"];
    let count = |field: &str| status[field].as_i64().unwrap_or_default();
    budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        || (count("currentHealthy") >= count("desiredHealthy") && count("desiredHealthy") > 0)
}

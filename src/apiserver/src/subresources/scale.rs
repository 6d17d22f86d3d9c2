//! `scale`: the replica count of workloads as `autoscaling/v1.Scale`.

use http::{Request, Response, StatusCode, header};
use machinery::selector::LabelSelector;
use serde_json::{Value, json};

use crate::object::{Object as _, child};
use crate::registry::{Call, Part, update_object};
use crate::{ApiError, Body, body, codec, respond, storage};

pub(crate) async fn scale(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let name = &call.info.name;
    if call.info.verb == "get" {
        let object = call.object(name).await?;
        return respond::plain(call.negotiated, StatusCode::OK, &of(&object));
    }
    let (parts, incoming) = request.into_parts();
    let bytes = body::read(incoming).await?;
    let media = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_owned();
    let scale_type = schema::kind("autoscaling", "v1", "Scale")
        .ok_or_else(|| ApiError::internal("Scale is not in the table"))?
        .ty;
    let patch = match call.info.verb {
        "patch" if !call.applying => Some(codec::Patch::parse(&media, &bytes)?),
        _ => None,
    };
    let given = match &patch {
        Some(_) => Value::Null,
        None if call.applying => {
            let given = applied(&call, &bytes)?;
            typed(given.clone(), scale_type)?;
            given
        }
        None => codec::decode_options(&parts.headers, &bytes, "Scale")?,
    };
    let entry = update_object(call, Part::Other, |live| {
        let current = of(live);
        let wanted = match &patch {
            Some(patch) => typed(patch.apply(&current, scale_type)?, scale_type)?,
            None => given.clone(),
        };
        if !wanted.resource_version().is_empty() && wanted.resource_version() != live.resource_version() {
            return Err(ApiError::modified(call.subject(), name));
        }
        let replicas = wanted
            .pointer("/spec/replicas")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        if replicas < 0 {
            let message = format!("spec.replicas: Invalid value: {replicas}: must be greater than or equal to 0");
            let cause = json!({"reason": "FieldValueInvalid", "field": "spec.replicas", "message": message});
            return Err(ApiError::invalid(
                crate::Subject {
                    group: "autoscaling",
                    resource: "Scale",
                },
                name,
                &message,
                vec![cause],
            ));
        }
        let mut next = if call.applying {
            codec::apply_fields(&call, Some(live), &on_parent(live, &wanted))?
        } else {
            let mut next = live.clone();
            child(&mut next, "spec").insert("replicas".to_owned(), replicas.into());
            next
        };
        if wanted.resource_version().is_empty() || patch.as_ref().is_some_and(|patch| !patch.pins_version()) {
            next.remove_meta("resourceVersion");
        }
        Ok(next)
    })
    .await?;
    respond::plain(call.negotiated, StatusCode::OK, &of(&storage::parse(&entry)?))
}

/// A scale whose fields are of their types: what is no number is not none.
fn typed(scale: Value, ty: &'static schema::Type) -> Result<Value, ApiError> {
    let decoded = machinery::decode::convert(scale, ty).map_err(|error| ApiError::bad_request(error.to_string()))?;
    Ok(decoded.value)
}

/// A configuration to be applied, which says for whom and of whom it is.
fn applied(call: &Call<'_>, bytes: &[u8]) -> Result<Value, ApiError> {
    codec::check_manager(call)?;
    let given = codec::parse_yaml(bytes)?;
    for (field, wanted) in [("apiVersion", "autoscaling/v1"), ("kind", "Scale")] {
        if given[field] != wanted {
            let why = format!("the object provided has not the {field} {wanted:?}");
            return Err(ApiError::bad_request(why));
        }
    }
    let name = &call.info.name;
    if !given.name().is_empty() && given.name() != name {
        return Err(ApiError::bad_request(format!(
            "name in URL does not match name in object metadata: \"{name}\" != \"{}\"",
            given.name()
        )));
    }
    if given.meta().is_some_and(|meta| meta.contains_key("managedFields")) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    Ok(given)
}

/// The applied scale as a configuration of the object, whose managers the owners of its replicas are.
fn on_parent(live: &Value, scale: &Value) -> Value {
    let spec = match scale.pointer("/spec/replicas").and_then(Value::as_i64) {
        Some(replicas) => json!({"replicas": replicas}),
        None => json!({}),
    };
    json!({"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": {"name": live.name()}, "spec": spec})
}

fn of(object: &Value) -> Value {
    let meta = |field: &str| {
        object
            .meta()
            .and_then(|meta| meta.get(field))
            .cloned()
            .unwrap_or_default()
    };
    let mut scale = json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": meta("name"), "namespace": meta("namespace"), "uid": meta("uid"),
            "resourceVersion": meta("resourceVersion"), "creationTimestamp": meta("creationTimestamp"),
        },
        "spec": {"replicas": object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or_default()},
        "status": {"replicas": object.pointer("/status/replicas").and_then(Value::as_i64).unwrap_or_default()},
    });
    let selector = &object["spec"]["selector"];
    let text = if object["kind"] == "ReplicationController" {
        let pairs = selector.as_object().into_iter().flatten();
        pairs
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(",")
    } else {
        LabelSelector::from_object(selector)
            .map(|selector| selector.to_string())
            .unwrap_or_default()
    };
    if !text.is_empty() {
        scale["status"]["selector"] = text.into();
    }
    scale
}

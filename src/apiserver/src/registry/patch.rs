//! `PATCH`: the four patch types on the live object, through the same path as updates.

use http::{Request, Response, StatusCode, header};
use serde_json::Value;

use super::{Call, Part, create_missing, update_object};
use crate::object::Object as _;
use crate::{ApiError, Body, body, codec, respond};

pub(crate) async fn patch(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let (parts, incoming) = request.into_parts();
    let media = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_owned();
    let bytes = body::read(incoming).await?;
    let part = Part::of(&call.info.subresource);
    let mut warnings = Vec::new();
    let mut code = StatusCode::OK;
    let entry = if call.applying {
        let applied = codec::parse_yaml(&bytes)?;
        warnings = codec::check_applied(&applied, call.info, call.resource)?;
        let (entry, created) = apply(call, part, &applied).await?;
        if created {
            code = StatusCode::CREATED;
        }
        entry
    } else {
        let document = codec::Patch::parse(&media, &bytes)?;
        update_object(call, part, |live| {
            let patched = document.apply(live, call.resource.ty)?;
            let (mut patched, said) = codec::check_fields(patched, call.info, call.resource)?;
            warnings = said;
            if !document.pins_version() {
                patched.remove_meta("resourceVersion");
            }
            Ok(patched)
        })
        .await?
    };
    let mut response = call.respond(code, &entry)?;
    respond::warn(&mut response, &warnings);
    Ok(response)
}

/// Server-side apply; creates the object if it is missing. True if it did.
async fn apply(call: Call<'_>, part: Part, applied: &Value) -> Result<(std::sync::Arc<store::Entry>, bool), ApiError> {
    codec::check_manager(&call)?;
    if applied.meta().is_some_and(|meta| meta.contains_key("managedFields")) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let name = &call.info.name;
    let own = applied.name();
    if !own.is_empty() && own != name {
        return Err(ApiError::bad_request(format!(
            "name in URL does not match name in object metadata: \"{name}\" != \"{own}\""
        )));
    }
    for _ in 0..3 {
        if call.api.store.get(&call.key(name)).await?.is_none() {
            if part != Part::Main {
                return Err(ApiError::not_found(call.subject(), name));
            }
            if !applied.uid().is_empty() || !applied.resource_version().is_empty() {
                return Err(ApiError::modified(call.subject(), name));
            }
            let mut object = codec::apply_fields(&call, None, applied)?;
            object.set_meta("name", name.as_str());
            match create_missing(call, object).await {
                Ok(entry) => return Ok((entry, true)),
                Err(error) if error.reason == "AlreadyExists" => continue,
                Err(error) => return Err(error),
            }
        }
        let updated = update_object(call, part, |live| {
            let mut object = codec::apply_fields(&call, Some(live), applied)?;
            if applied.resource_version().is_empty() {
                object.remove_meta("resourceVersion");
            }
            Ok(object)
        })
        .await;
        match updated {
            Err(error) if error.code == StatusCode::NOT_FOUND => {}
            other => return other.map(|entry| (entry, false)),
        }
    }
    Err(ApiError::modified(call.subject(), name))
}

//! `PUT` of an object or of a part of it, and the read-change-write loop that every change goes through.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use store::Entry;

use super::{Call, create_missing, meta, strategy, write};
use crate::object::Object as _;
use crate::{ApiError, Body, admission, body, codec, convert, respond, storage};

/// How often a change is tried again on a newer object, when the caller did not pin a version.
const ATTEMPTS: usize = 10;

/// Which part of an object a request may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything but the status of kinds that have a status subresource.
    Main,
    /// The status, and nothing else.
    Status,
    /// Another subresource whose body is the object: the caller changes just what it may.
    Other,
}

impl Part {
    pub(crate) fn of(subresource: &str) -> Self {
        match subresource {
            "" => Self::Main,
            "status" => Self::Status,
            _ => Self::Other,
        }
    }
}

pub(crate) async fn update(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let (parts, incoming) = request.into_parts();
    let bytes = body::read(incoming).await?;
    let (object, warnings) = codec::decode(&parts.headers, &bytes, call.info, call.resource)?;
    let name = &call.info.name;
    let mut code = StatusCode::OK;
    let entry = match call.api.store.get(&call.key(name)).await? {
        None if strategy::creates_on_update(call.resource) && object.resource_version().is_empty() => {
            code = StatusCode::CREATED;
            create_missing(call, object).await?
        }
        Some(_) if strategy::needs_version(call.resource) && object.resource_version().is_empty() => {
            return Err(unversioned(&call));
        }
        _ => {
            let part = Part::of(&call.info.subresource);
            update_object(call, part, |_| Ok(object.clone())).await?
        }
    };
    let mut response = call.respond(code, &entry)?;
    respond::warn(&mut response, &warnings);
    Ok(response)
}

fn unversioned(call: &Call<'_>) -> ApiError {
    let (field, why) = (
        "metadata.resourceVersion",
        "Invalid value: 0x0: must be specified for an update",
    );
    let cause = json!({"reason": "FieldValueInvalid", "message": why, "field": field});
    ApiError::invalid(call.subject(), &call.info.name, &format!("{field}: {why}"), vec![cause])
}

/// Changes the named object. `change` maps the live object (in the served version) to the wanted one; a
/// `resourceVersion` in its result must still be the live one.
pub(crate) async fn update_object<F>(call: Call<'_>, part: Part, mut change: F) -> Result<Arc<Entry>, ApiError>
where
    F: FnMut(&Value) -> Result<Value, ApiError>,
{
    let name = &call.info.name;
    for _ in 0..ATTEMPTS {
        let entry = call.entry(name).await?;
        let old = storage::parse(&entry)?;
        let wanted = change(&convert::to_served(call.resource, old.clone()))?;
        let pinned = wanted.resource_version().to_owned();
        if !pinned.is_empty() && pinned != old.resource_version() {
            return Err(ApiError::modified(call.subject(), name));
        }
        let new = convert::to_stored(call.resource, wanted);
        match attempt(call, part, &entry, &old, new).await? {
            Some(written) => return Ok(written),
            None if !pinned.is_empty() && !call.info.verb.eq("patch") => {
                return Err(ApiError::modified(call.subject(), name));
            }
            None => {}
        }
    }
    Err(ApiError::modified(call.subject(), name))
}

/// One try. `None` if the object changed meanwhile.
async fn attempt(
    call: Call<'_>,
    part: Part,
    entry: &Arc<Entry>,
    old: &Value,
    mut new: Value,
) -> Result<Option<Arc<Entry>>, ApiError> {
    if let Some(span) = call.span {
        span.about(call.resource, old);
    }
    meta::before_update(&call, &mut new, old)?;
    admission::mutate(&call, admission::Operation::Update, &mut new, Some(old)).await?;
    let taken = strategy::prepare_update(&call, part, &mut new, old).await?;
    codec::validate(&call, &new, Some(old))?;
    if let Some(span) = call.span {
        span.phase("validation", traces::Outcome::Passed, "");
    }
    admission::validate(&call, admission::Operation::Update, &new, Some(old)).await?;
    codec::track_fields(&call, &mut new, Some(old));
    let mut charge = admission::charge(&call, admission::Operation::Update, &new, Some(old)).await?;
    charge.writes.extend(taken.writes());
    let written = match write::put(&call, entry, old, &new, charge).await {
        Err(error) if error.code.is_server_error() => {
            taken.leave();
            return Err(error);
        }
        written => written?,
    };
    if written.is_some() {
        taken.keep();
    }
    Ok(written)
}

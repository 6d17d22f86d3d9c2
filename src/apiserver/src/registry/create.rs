//! `POST` of a new object.

use http::{Request, Response, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use store::{Entry, Expect, Op, StoreError, Write};

use super::{Call, meta, strategy, unsaved};
use crate::object::Object as _;
use crate::{ApiError, Body, admission, body, codec, convert, respond, storage};

pub(crate) async fn create(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let (parts, incoming) = request.into_parts();
    let bytes = body::read(incoming).await?;
    let (object, warnings) = codec::decode(&parts.headers, &bytes, call.info, call.resource)?;
    let entry = create_object(call, object).await?;
    let mut response = call.respond(StatusCode::CREATED, &entry)?;
    respond::warn(&mut response, &warnings);
    Ok(response)
}

/// Creates a decoded, defaulted object of the served version.
pub(crate) async fn create_object(call: Call<'_>, object: Value) -> Result<Arc<Entry>, ApiError> {
    let mut object = convert::to_stored(call.resource, object);
    meta::before_create(&call, &mut object)?;
    admission::mutate(&call, admission::Operation::Create, &mut object, None).await?;
    let taken = strategy::prepare_create(&call, &mut object)?;
    codec::validate(&call, &object, None)?;
    admission::validate(&call, admission::Operation::Create, &object, None).await?;
    codec::track_fields(&call, &mut object, None);
    if call.info.is_dry_run() {
        return Ok(Arc::new(unsaved(&call, &object, store::Revision(0))?));
    }
    let name = object.name();
    let key = call.key(name);
    let payload = storage::payload(call.resource.group, call.resource.plural, &object)?;
    let written = call
        .api
        .store
        .commit(vec![Write {
            key,
            expect: Expect::Absent,
            op: Op::Put(payload),
        }])
        .await;
    match written {
        Ok(entries) => {
            taken.keep();
            entries
                .into_iter()
                .next()
                .ok_or_else(|| ApiError::internal("nothing was written"))
        }
        Err(StoreError::Conflict { actual, .. }) => Err(exists(&call, name, actual.as_deref())),
        Err(error) => Err(error.into()),
    }
}

fn exists(call: &Call<'_>, name: &str, actual: Option<&Entry>) -> ApiError {
    let deleting = actual
        .and_then(|entry| storage::parse(entry).ok())
        .is_some_and(|object| object.is_deleting());
    let mut error = ApiError::already_exists(call.subject(), name);
    if deleting {
        error.message = format!("object is being deleted: {}", error.message);
    }
    error
}

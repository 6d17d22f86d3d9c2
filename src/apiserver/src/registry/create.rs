//! `POST` of a new object.

use http::{Request, Response, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use store::{Entry, Expect, Op, StoreError, Write};

use super::{Call, meta, strategy, unsaved};
use crate::object::Object as _;
use crate::{ApiError, Body, admission, body, codec, convert, respond, storage};

/// How often a creation is tried again because a quota of its namespace or an address changed.
const ATTEMPTS: usize = 10;

pub(crate) async fn create(call: Call<'_>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    let (parts, incoming) = request.into_parts();
    let bytes = body::read(incoming).await?;
    let (object, warnings) = codec::decode(&parts.headers, &bytes, call.info, call.resource)?;
    if let Some(span) = call.span {
        span.defaults(&bytes, &object);
    }
    let entry = create_object(call, object).await?;
    let mut response = call.respond(StatusCode::CREATED, &entry)?;
    respond::warn(&mut response, &warnings);
    Ok(response)
}

/// Creates a decoded, defaulted object of the served version.
pub(crate) async fn create_object(call: Call<'_>, object: Value) -> Result<Arc<Entry>, ApiError> {
    let mut object = convert::to_stored(call.resource, object);
    if let Some(span) = call.span {
        span.about(call.resource, &object);
    }
    meta::before_create(&call, &mut object)?;
    admission::mutate(&call, admission::Operation::Create, &mut object, None).await?;
    let taken = strategy::prepare_create(&call, &mut object).await?;
    codec::validate(&call, &object, None)?;
    if let Some(span) = call.span {
        span.phase("validation", traces::Outcome::Passed, "");
    }
    admission::validate(&call, admission::Operation::Create, &object, None).await?;
    codec::track_fields(&call, &mut object, None);
    let name = object.name();
    let key = call.key(name);
    let payload = storage::payload(call.resource.group, call.resource.plural, &object)?;
    for _ in 0..ATTEMPTS {
        let charge = admission::charge(&call, admission::Operation::Create, &object, None).await?;
        if call.info.is_dry_run() {
            return Ok(Arc::new(unsaved(&call, &object, store::Revision(0))?));
        }
        let own = Write {
            key: key.clone(),
            expect: Expect::Absent,
            op: Op::Put(payload.clone()),
        };
        let writes = std::iter::once(own)
            .chain(charge.writes)
            .chain(taken.writes())
            .collect();
        match call.api.store.commit(writes).await {
            Ok(entries) => {
                taken.keep();
                let made = entries.into_iter().next();
                let made = made.ok_or_else(|| ApiError::internal("nothing was written"))?;
                if let Some(span) = call.span {
                    span.wrote(call.resource, &object, traces::Change::Created, made.mod_revision.0);
                }
                return Ok(made);
            }
            Err(StoreError::Conflict { key: other, actual }) if other == key => {
                return Err(exists(&call, name, actual.as_deref()));
            }
            // a quota or an address changed meanwhile
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::modified(call.subject(), name))
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

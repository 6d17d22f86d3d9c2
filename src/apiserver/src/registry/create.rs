//! `POST` of a new object.

use http::{Request, Response, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use store::{Entry, Expect, Op, StoreError, Write};

use super::{Call, meta, strategy, unsaved};
use crate::authz::{self, Attributes};
use crate::object::Object as _;
use crate::{ApiError, Body, admission, body, codec, convert, respond, storage};

/// How many names are generated for an object at most, as upstream.
const NAMES: usize = 8;
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

/// Creates an object for a request that was allowed to change it, if it may create it, too.
pub(super) async fn create_missing(call: Call<'_>, object: Value) -> Result<Arc<Entry>, ApiError> {
    let asked = Attributes {
        verb: "create".to_owned(),
        ..Attributes::of(call.info)
    };
    authz::authorize(call.api, call.user, &asked).await?;
    create_object(call, object).await
}

/// Creates a decoded, defaulted object of the served version.
pub(crate) async fn create_object(call: Call<'_>, object: Value) -> Result<Arc<Entry>, ApiError> {
    if !object.name().is_empty() || object.meta_str("generateName").is_empty() {
        return create_once(call, object).await;
    }
    retried(NAMES, || create_once(call, object.clone())).await
}

/// Tries again with another generated name while the last one is somebody's.
async fn retried<T, F>(times: usize, mut attempt: impl FnMut() -> F) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    for _ in 1..times {
        match attempt().await {
            Err(error) if error.reason == "AlreadyExists" => {}
            other => return other,
        }
    }
    attempt().await
}

async fn create_once(call: Call<'_>, object: Value) -> Result<Arc<Entry>, ApiError> {
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
            Err(error) => {
                taken.leave();
                return Err(error.into());
            }
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn other_names_are_generated_while_they_are_taken_up_to_a_limit() {
        let subject = crate::Subject {
            group: "",
            resource: "pods",
        };
        let after = async |free: usize| {
            let tried = Cell::new(0);
            let made = retried(NAMES, || {
                tried.set(tried.get() + 1);
                let taken = tried.get() <= free;
                async move {
                    if taken {
                        Err(ApiError::already_exists(subject, "a"))
                    } else {
                        Ok(())
                    }
                }
            });
            (made.await.is_ok(), tried.get())
        };
        assert_eq!(after(0).await, (true, 1));
        assert_eq!(after(7).await, (true, 8));
        assert_eq!(after(100).await, (false, 8));
    }
}

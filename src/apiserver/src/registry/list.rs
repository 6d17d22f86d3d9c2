//! `GET` of a collection: selectors, pages, and reads at a resource version.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Response;
use serde::{Deserialize, Serialize};
use store::{Entry, RangeQuery, Revision, StoreError};

use super::{Call, selection::Selection};
use crate::{ApiError, Body, RequestInfo, respond, storage};

/// What a `continue` token holds.
#[derive(Debug, Serialize, Deserialize)]
struct Continue {
    v: String,
    rv: u64,
    start: String,
}

const TOKEN_VERSION: &str = "meta.k8s.io/v1";

/// Reads a `resourceVersion` parameter. `None` if unset.
pub(super) fn revision_param(info: &RequestInfo) -> Result<Option<Revision>, ApiError> {
    match info.param("resourceVersion") {
        None | Some("") => Ok(None),
        Some(text) => match text.parse() {
            Ok(revision) => Ok(Some(Revision(revision))),
            Err(_) => Err(ApiError::bad_request(format!(
                "Invalid value: \"{text}\": invalid resource version \"{text}\""
            ))),
        },
    }
}

pub(crate) async fn list(call: Call<'_>) -> Result<Response<Body>, ApiError> {
    let info = call.info;
    let selection = Selection::of(info, call.resource)?;
    let prefix = storage::prefix(call.resource, call.namespace());
    let limit = match info.param("limit") {
        None | Some("") => 0,
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| ApiError::bad_request(format!("invalid limit: {text:?}")))?,
    };
    let (at, after) = position(&call, &prefix)?;
    let mut page: Vec<Arc<Entry>> = Vec::new();
    let mut after = after;
    let mut revision = at;
    let remaining = loop {
        let wanted = if limit == 0 || !selection.is_everything() {
            0
        } else {
            limit - page.len()
        };
        let query = RangeQuery {
            prefix: &prefix,
            after: after.as_deref(),
            limit: wanted,
            at: revision,
        };
        let range = call.api.store.range(query).await.map_err(|error| gone(error, info))?;
        revision = Some(range.revision);
        let mut left = range.remaining;
        let mut matching = range.entries.into_iter().filter(|entry| selection.matches(entry));
        if limit == 0 {
            page.extend(matching);
        } else {
            page.extend(matching.by_ref().take(limit - page.len()));
            left += matching.count();
        }
        if left == 0 || page.len() >= limit || limit == 0 {
            break left;
        }
        after = page.last().map(|entry| entry.key.to_string());
    };
    let revision = revision.unwrap_or_default();
    let mut meta = respond::ListMeta {
        revision,
        ..respond::ListMeta::default()
    };
    if remaining > 0
        && let Some(last) = page.last()
    {
        let start = last.key.strip_prefix(prefix.as_str()).unwrap_or_default().to_owned();
        let token = Continue {
            v: TOKEN_VERSION.to_owned(),
            rv: revision.0,
            start,
        };
        meta.continue_token = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).map_err(ApiError::internal)?);
        meta.remaining = selection.is_everything().then_some(remaining);
    }
    respond::list(call.negotiated, call.resource, &meta, &page)
}

/// Where to read: the revision, if the past is asked for, and the key to continue behind.
fn position(call: &Call<'_>, prefix: &str) -> Result<(Option<Revision>, Option<String>), ApiError> {
    let asked = revision_param(call.info)?;
    let matching = call.info.param("resourceVersionMatch").unwrap_or_default();
    if let Some(token) = call.info.param("continue").filter(|token| !token.is_empty()) {
        let broken = || ApiError::bad_request("continue key is not valid");
        let json = URL_SAFE_NO_PAD
            .decode(token.trim_end_matches('='))
            .map_err(|_| broken())?;
        let token: Continue = serde_json::from_slice(&json).map_err(|_| broken())?;
        if token.v != TOKEN_VERSION || token.start.contains("..") {
            return Err(broken());
        }
        if asked.is_some_and(|revision| revision.0 != 0) {
            return Err(ApiError::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        // -1 in upstream's tokens: continue at whatever is newest
        let at = (token.rv != 0).then_some(Revision(token.rv));
        return Ok((at, Some(format!("{prefix}{}", token.start))));
    }
    let newest = call.api.store.revision();
    match (asked, matching) {
        (None, "") => Ok((None, None)),
        (None, _) => Err(ApiError::bad_request(
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        )),
        (Some(Revision(0)), "Exact") => Err(ApiError::bad_request(
            "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"",
        )),
        (Some(revision), "Exact") => Ok((Some(revision), None)),
        (Some(revision), "" | "NotOlderThan") if revision > newest => Err(StoreError::Future {
            asked: revision,
            newest,
        }
        .into()),
        (Some(_), "" | "NotOlderThan") => Ok((None, None)),
        (Some(_), other) => Err(ApiError::bad_request(format!(
            "resourceVersionMatch: Unsupported value: \"{other}\": supported values: \"Exact\", \"NotOlderThan\""
        ))),
    }
}

/// A page whose revision is forgotten carries a token to go on at the newest one, as upstream's does.
fn gone(error: StoreError, info: &RequestInfo) -> ApiError {
    let StoreError::Compacted { .. } = error else {
        return error.into();
    };
    let Some(token) = info.param("continue").filter(|token| !token.is_empty()) else {
        return error.into();
    };
    let mut expired = ApiError::expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
         results. Continuing with the provided token results in an inconsistent list - objects that were created, \
         modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    );
    let fresh = URL_SAFE_NO_PAD
        .decode(token.trim_end_matches('='))
        .ok()
        .and_then(|json| serde_json::from_slice::<Continue>(&json).ok())
        .and_then(|token| serde_json::to_vec(&Continue { rv: 0, ..token }).ok());
    if let Some(json) = fresh {
        expired.continue_token = Some(URL_SAFE_NO_PAD.encode(json));
    }
    expired
}

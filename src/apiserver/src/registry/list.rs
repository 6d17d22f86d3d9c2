//! `GET` of a collection: selectors, pages, and reads at a resource version.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Response;
use jiff::Timestamp;
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
    /// When the first page was read, in seconds.
    #[serde(default)]
    since: i64,
}

/// How long a list can be read page by page as it was, as long as upstream keeps the past.
const PAGES_LAST: i64 = 5 * 60;

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
    let (at, after, since) = position(&call, &prefix, Timestamp::now().as_second())?;
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
            since,
        };
        meta.continue_token = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).map_err(ApiError::internal)?);
        meta.remaining = selection.is_everything().then_some(remaining);
    }
    respond::list(call.negotiated, call.resource, &meta, &page)
}

/// Where to read: the revision, if the past is asked for, the key to continue behind, and when the first page was read.
fn position(call: &Call<'_>, prefix: &str, now: i64) -> Result<(Option<Revision>, Option<String>, i64), ApiError> {
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
        if at.is_some() && now - token.since > PAGES_LAST {
            return Err(expired(&token));
        }
        let since = if at.is_some() { token.since } else { now };
        return Ok((at, Some(format!("{prefix}{}", token.start)), since));
    }
    let newest = call.api.store.revision();
    match (asked, matching) {
        (None, "") => Ok((None, None, now)),
        (None, _) => Err(ApiError::bad_request(
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        )),
        (Some(Revision(0)), "Exact") => Err(ApiError::bad_request(
            "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"",
        )),
        (Some(revision), "Exact") => Ok((Some(revision), None, now)),
        // pages begin where the caller says
        (Some(revision), "") if revision.0 != 0 && is_limited(call.info) => Ok((Some(revision), None, now)),
        (Some(revision), "" | "NotOlderThan") if revision > newest => Err(StoreError::Future {
            asked: revision,
            newest,
        }
        .into()),
        (Some(_), "" | "NotOlderThan") => Ok((None, None, now)),
        (Some(_), other) => Err(ApiError::bad_request(format!(
            "resourceVersionMatch: Unsupported value: \"{other}\": supported values: \"Exact\", \"NotOlderThan\""
        ))),
    }
}

fn is_limited(info: &RequestInfo) -> bool {
    let limit = info.param("limit").and_then(|limit| limit.parse::<u64>().ok());
    limit.is_some_and(|limit| limit > 0)
}

/// A page whose revision is forgotten carries a token to go on at the newest one, as upstream's does.
fn gone(error: StoreError, info: &RequestInfo) -> ApiError {
    let StoreError::Compacted { .. } = error else {
        return error.into();
    };
    let token = info.param("continue").filter(|token| !token.is_empty());
    let json = token.and_then(|token| URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok());
    match json.and_then(|json| serde_json::from_slice::<Continue>(&json).ok()) {
        Some(token) => expired(&token),
        None => error.into(),
    }
}

/// The rest of the list as it was cannot be read any more; as it is now it can.
fn expired(token: &Continue) -> ApiError {
    let mut expired = ApiError::expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
         results. Continuing with the provided token results in an inconsistent list - objects that were created, \
         modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    );
    let fresh = Continue {
        v: token.v.clone(),
        rv: 0,
        start: token.start.clone(),
        since: 0,
    };
    if let Ok(json) = serde_json::to_vec(&fresh) {
        expired.continue_token = Some(URL_SAFE_NO_PAD.encode(json));
    }
    expired
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_page_offers_to_go_on_with_what_is_there_now() {
        let token = Continue {
            v: TOKEN_VERSION.to_owned(),
            rv: 7,
            start: "a".to_owned(),
            since: 1,
        };
        let offered = expired(&token).continue_token.unwrap();
        let fresh: Continue = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(offered).unwrap()).unwrap();
        assert_eq!(
            (fresh.rv, fresh.start.as_str(), fresh.v.as_str()),
            (0, "a", TOKEN_VERSION)
        );
    }
}

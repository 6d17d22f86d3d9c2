//! Answers: content negotiation, and objects, lists and errors in the form that the client asked for.

mod list;
mod negotiate;
mod transform;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

pub(crate) use list::{ListMeta, list, parsed};
pub(crate) use negotiate::{Media, Negotiated, View, ranges};
pub(crate) use transform::{event_frame, one, one_parsed, watch_frame};

use crate::{ApiError, Body, body};

/// A response of known bytes.
pub(crate) fn raw(code: StatusCode, media: &'static str, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(body::full(bytes));
    *response.status_mut() = code;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// A JSON document that has no other form (discovery, OpenAPI, version).
pub(crate) fn json(value: &Value) -> Response<Body> {
    raw(StatusCode::OK, "application/json", value.to_string())
}

/// Plain text, as the health endpoints answer.
pub(crate) fn text(code: StatusCode, text: impl Into<String>) -> Response<Body> {
    raw(code, "text/plain; charset=utf-8", text.into())
}

/// An object in the negotiated encoding, never transformed (options, reviews, Status).
pub(crate) fn plain(negotiated: Negotiated, code: StatusCode, object: &Value) -> Result<Response<Body>, ApiError> {
    let (media, bytes) = negotiate::encode(negotiated.media, object)?;
    Ok(raw(code, media, bytes))
}

/// Any error as a Status.
pub(crate) fn error(error: &ApiError, negotiated: Negotiated) -> Response<Body> {
    let status = error.status();
    let mut response = plain(negotiated, error.code, &status)
        .unwrap_or_else(|_| raw(error.code, "application/json", status.to_string()));
    if let Some(seconds) = error.retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if error.code == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"kubernetes\""),
        );
    }
    response
}

/// Adds `Warning` headers, which kubectl prints.
pub(crate) fn warn(response: &mut Response<Body>, warnings: &[String]) {
    for warning in warnings {
        let text: String = warning.chars().filter(|c| !c.is_control()).collect();
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
}

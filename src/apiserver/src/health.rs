//! `/healthz`, `/livez`, `/readyz` and `/metrics`.

use std::fmt::Write as _;

use http::{Response, StatusCode};

use crate::{Api, ApiError, Body, RequestInfo, respond};

/// Checks by name. The store is read from memory, so what can fail is being shut.
const CHECKS: [&str; 3] = ["ping", "log", "etcd"];

pub(crate) fn answer(_api: &Api, info: &RequestInfo, segments: &[&str]) -> Result<Response<Body>, ApiError> {
    let name = segments.first().copied().unwrap_or_default();
    if let Some(check) = segments.get(1) {
        return if CHECKS.contains(check) {
            Ok(respond::text(StatusCode::OK, "ok"))
        } else {
            Err(ApiError::no_such_path())
        };
    }
    if !info.query.iter().any(|(key, _)| key == "verbose") {
        return Ok(respond::text(StatusCode::OK, "ok"));
    }
    let mut text = String::new();
    for check in CHECKS {
        writeln!(text, "[+]{check} ok").map_err(ApiError::internal)?;
    }
    writeln!(text, "{name} check passed").map_err(ApiError::internal)?;
    Ok(respond::text(StatusCode::OK, text))
}

/// Few, but true: what the server itself knows.
pub(crate) fn metrics(api: &Api) -> Response<Body> {
    let text = format!(
        "# HELP apiserver_storage_revision Newest revision of the store.\n\
         # TYPE apiserver_storage_revision gauge\n\
         apiserver_storage_revision {}\n\
         # HELP process_uptime_seconds Seconds since the API server started.\n\
         # TYPE process_uptime_seconds gauge\n\
         process_uptime_seconds {}\n",
        api.store.revision(),
        api.started.elapsed().as_secs(),
    );
    respond::raw(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
}

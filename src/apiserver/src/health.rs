//! `/healthz`, `/livez`, `/readyz` and `/metrics`.

use std::fmt::Write as _;

use http::{Response, StatusCode};
use machinery::exposition::{self, Exposition, Kind};

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
    let mut out = Exposition::default();
    out.family(
        "apiserver_storage_revision",
        Kind::Gauge,
        "Newest revision of the store.",
    )
    .sample(&[], api.store.revision().0 as f64, None);
    out.family(
        "process_uptime_seconds",
        Kind::Gauge,
        "Seconds since the API server started.",
    )
    .sample(&[], api.started.elapsed().as_secs_f64(), None);
    out.family(
        "kubernetes_build_info",
        Kind::Gauge,
        "The version that is served. The value is always 1.",
    )
    .sample(&[("git_version", &api.config.version)], 1.0, None);
    respond::raw(StatusCode::OK, exposition::MEDIA_TYPE, out.finish())
}

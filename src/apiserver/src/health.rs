//! `/healthz`, `/livez`, `/readyz` and `/metrics`.

use std::fmt::Write as _;

use http::{Response, StatusCode};
use machinery::exposition::{self, Exposition, Kind};

use crate::{Api, ApiError, Body, RequestInfo, respond};

/// Checks by name. Reads of the store come from memory; what can fail is a write.
const CHECKS: [&str; 3] = ["ping", "log", "etcd"];

pub(crate) fn answer(api: &Api, info: &RequestInfo, segments: &[&str]) -> Result<Response<Body>, ApiError> {
    let name = segments.first().copied().unwrap_or_default();
    let mut checks = CHECKS.to_vec();
    match segments.get(1) {
        Some(check) => checks.retain(|known| known == check),
        None => checks.retain(|known| !info.query.iter().any(|(key, value)| key == "exclude" && value == known)),
    }
    if checks.is_empty() && segments.len() > 1 {
        return Err(ApiError::no_such_path());
    }
    let failing = |check: &str| check == "etcd" && api.store.ailment().is_some();
    let is_fine = !checks.iter().any(|check| failing(check));
    let is_verbose = info.query.iter().any(|(key, _)| key == "verbose");
    if is_fine && (!is_verbose || segments.len() > 1) {
        return Ok(respond::text(StatusCode::OK, "ok"));
    }
    let mut text = String::new();
    for check in checks {
        // as upstream: the reason is in the log, and in the answer to whoever may write
        let (sign, outcome) = if failing(check) {
            ('-', "failed: reason withheld")
        } else {
            ('+', "ok")
        };
        writeln!(text, "[{sign}]{check} {outcome}").map_err(ApiError::internal)?;
    }
    let (status, outcome) = if is_fine {
        (StatusCode::OK, "passed")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "failed")
    };
    writeln!(text, "{name} check {outcome}").map_err(ApiError::internal)?;
    Ok(respond::text(status, text))
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

//! How long requests are kept.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;

use super::{certificate, condition};

/// Once it was decided.
const DECIDED: Duration = Duration::from_hours(1);
/// While nobody decides.
const PENDING: Duration = Duration::from_hours(24);

/// Time until the request is to be removed; zero if it is now.
pub(super) fn left(request: &CertificateSigningRequest, now: Timestamp) -> Option<Duration> {
    let since = |since: Timestamp, kept: Duration| {
        let age = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        kept.saturating_sub(age)
    };
    let decided = |type_: &str| {
        let condition = condition(request, type_)?;
        Some(since(condition.last_update_time.as_ref()?.0, DECIDED))
    };
    let made = request.metadata.creation_timestamp.as_ref().map(|time| time.0)?;
    if let Some(left) = decided("Denied").or_else(|| decided("Failed")) {
        return Some(left);
    }
    match decided("Approved") {
        Some(left) if certificate(request).is_some() => Some(left),
        _ => Some(since(made, PENDING)),
    }
}

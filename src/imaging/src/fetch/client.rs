//! The HTTP client and how its errors read.

use std::error::Error as _;
use std::time::Duration;

use crate::ImagingError;

/// A source that does not even accept a connection in this time is passed over.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest silence in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(15);

/// A client with deadlines; apt's proxy, if there is one, goes before the environment's.
pub(super) fn build(proxy: Option<&str>) -> Result<reqwest::Client, ImagingError> {
    // without a provider reqwest panics; a second installation is refused and changes nothing
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let malformed = |error: reqwest::Error| ImagingError::Malformed {
        what: "proxy".into(),
        reason: explain(error),
    };
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .pool_max_idle_per_host(8)
        .user_agent(concat!("rkube/", env!("CARGO_PKG_VERSION")));
    if let Some(proxy) = proxy {
        builder = builder.proxy(reqwest::Proxy::http(proxy).map_err(malformed)?);
    }
    builder.build().map_err(malformed)
}

/// The innermost cause: reqwest's own message mostly repeats the address.
pub(super) fn explain(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    match error.source() {
        Some(_) => cause.to_string(),
        None => error.to_string(),
    }
}

//! How long a certificate is valid, and whether it is time for a new one.

use std::time::{Duration, SystemTime};

use x509_parser::pem::parse_x509_pem;

use crate::PkiError;

/// The time span of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First moment.
    pub not_before: SystemTime,
    /// Last moment.
    pub not_after: SystemTime,
}

/// Reads a PEM certificate's validity.
pub fn validity(pem: &str) -> Result<Validity, PkiError> {
    let (_, block) = parse_x509_pem(pem.as_bytes()).map_err(|error| PkiError::Parse(error.to_string()))?;
    let cert = block.parse_x509().map_err(|error| PkiError::Parse(error.to_string()))?;
    let validity = cert.validity();
    Ok(Validity {
        not_before: at(validity.not_before.timestamp()),
        not_after: at(validity.not_after.timestamp()),
    })
}

/// True once two thirds of the certificate's life are over: time to renew, and time enough to fail at it.
pub fn due(pem: &str, now: SystemTime) -> Result<bool, PkiError> {
    let Validity { not_before, not_after } = validity(pem)?;
    let life = not_after.duration_since(not_before).unwrap_or(Duration::ZERO);
    Ok(now >= not_before + life * 2 / 3)
}

fn at(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

//! Canonical text of times, quantities and bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::DecodeError;
use crate::field::go_quote;
use crate::quantity::Quantity;

/// A time as RFC 3339 writes it.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    // The parser also takes forms that RFC 3339 does not have; the separators tell them apart.
    let rfc3339 = text.len() >= 20 && text.as_bytes()[10] == b'T';
    if rfc3339 { text.parse().ok() } else { None }
}

/// As `metav1.Time`: whole seconds, UTC.
pub fn format_time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// As `metav1.MicroTime`: microseconds, UTC.
pub fn format_micro_time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        .to_string()
}

pub(super) fn time(text: &str) -> Result<String, DecodeError> {
    parse_time(text)
        .map(format_time)
        .ok_or_else(|| not_a_time(text, "2006-01-02T15:04:05Z07:00"))
}

pub(super) fn micro_time(text: &str) -> Result<String, DecodeError> {
    parse_time(text)
        .map(format_micro_time)
        .ok_or_else(|| not_a_time(text, "2006-01-02T15:04:05.000000Z07:00"))
}

fn not_a_time(text: &str, layout: &str) -> DecodeError {
    let text = go_quote(text);
    DecodeError::Value(format!(
        "parsing time {text} as \"{layout}\": cannot parse {text} as \"2006\""
    ))
}

pub(super) fn quantity(text: &str) -> Result<String, DecodeError> {
    let quantity: Quantity = text
        .trim()
        .parse()
        .map_err(|error: crate::quantity::ParseError| DecodeError::Value(error.to_string()))?;
    Ok(quantity.to_string())
}

/// Line breaks inside are allowed, as upstream's decoder does.
pub(super) fn bytes(text: &str) -> Result<String, DecodeError> {
    let broken = text.contains(['\n', '\r']);
    let joined = if broken {
        text.replace(['\n', '\r'], "")
    } else {
        text.to_owned()
    };
    match STANDARD.decode(&joined) {
        Ok(_) => Ok(joined),
        Err(error) => {
            let at = match error {
                base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
                _ => joined.len(),
            };
            Err(DecodeError::Value(format!("illegal base64 data at input byte {at}")))
        }
    }
}

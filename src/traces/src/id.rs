//! A trace's identity: W3C Trace Context's `traceparent`, in which rkube names itself by `tracestate`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The header that carries the identity.
pub const TRACEPARENT: &str = "traceparent";
/// The header that asks us, and not just any tracing system, to remember.
pub const TRACESTATE: &str = "tracestate";
/// Our key in `tracestate`.
pub const VENDOR: &str = "rkube";

/// 32 hexadecimal digits, not all zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(String);

/// What is no trace's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoId;

impl Id {
    /// The identity in the two headers, if they ask for a trace of ours.
    pub fn of_headers(traceparent: &str, tracestate: &str) -> Option<Self> {
        let asks = |member: &str| member.trim().split_once('=').is_some_and(|(key, _)| key == VENDOR);
        if !tracestate.split(',').any(asks) {
            return None;
        }
        let mut parts = traceparent.trim().split('-');
        let (version, id, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        (version != "ff" && version.len() == 2 && parent.len() == 16 && sampled).then_some(())?;
        id.parse().ok()
    }

    /// The headers' values for a request of this trace.
    pub fn headers(&self) -> [(&'static str, String); 2] {
        let span = self.0.get(16..).unwrap_or_default();
        [
            (TRACEPARENT, format!("00-{}-{span}-01", self.0)),
            (TRACESTATE, format!("{VENDOR}=1")),
        ]
    }
}

impl FromStr for Id {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let fits = text.len() == 32 && text.bytes().all(hex) && text.bytes().any(|byte| byte != b'0');
        fits.then(|| Self(text.to_owned())).ok_or(NoId)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn headers_are_read_as_they_are_written() {
        let id: Id = ONE.parse().unwrap();
        let [(_, parent), (_, state)] = id.headers();
        assert_eq!(Id::of_headers(&parent, &state), Some(id));
    }

    #[test]
    fn only_a_sampled_request_that_names_us_is_ours() {
        let parent = format!("00-{ONE}-b7ad6b7169203331-01");
        assert!(Id::of_headers(&parent, "other=2, rkube=1").is_some());
        for (parent, state) in [
            (parent.as_str(), ""),
            (parent.as_str(), "congo=t61rcWkgMzE"),
            (&parent.replace("-01", "-00"), "rkube=1"),
            (&format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)), "rkube=1"),
            ("00-xyz", "rkube=1"),
            ("", "rkube=1"),
        ] {
            assert_eq!(Id::of_headers(parent, state), None, "{parent} {state}");
        }
    }
}

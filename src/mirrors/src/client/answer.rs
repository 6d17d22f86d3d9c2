//! What a source said instead of giving what was wanted.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use reqwest::{Response, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

/// Bound on the text of one answer: several have to fit into an event.
const LONGEST: usize = 160;
/// Bound on an error's body.
const BODY_LIMIT: usize = 8 << 10;

/// What kind of answer it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// It has no such image.
    Missing,
    /// It wants a login, or another one.
    Denied,
    /// It has answered too many requests already.
    Limited,
    /// No answer at all: name, connection, certificate or time.
    Unreachable,
    /// It gave something else than was asked for.
    Corrupt,
    /// Anything else.
    Refused,
}

/// A source's answer, as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Kind.
    pub kind: Kind,
    /// Its words.
    pub text: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Answer {
    pub(super) fn new(kind: Kind, text: impl Into<String>) -> Self {
        let mut text: String = text.into().replace(['\n', '\r'], " ");
        if text.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            text.truncate(end);
            text.push('…');
        }
        Self { kind, text }
    }

    pub(super) fn late(after: Duration) -> Self {
        Self::new(Kind::Unreachable, format!("no answer in {} s", after.as_secs()))
    }

    pub(super) fn corrupt(text: impl Into<String>) -> Self {
        Self::new(Kind::Corrupt, text)
    }

    /// A request that got no answer.
    pub(super) fn of_error(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::new(Kind::Unreachable, "no answer in time");
        }
        // the innermost cause: reqwest's own message mostly repeats the address
        let mut cause: &dyn Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Self::new(Kind::Unreachable, cause.to_string())
    }

    /// An answer that is an error, with the registry's own words if it has any.
    pub(super) async fn of_response(response: Response) -> Self {
        let status = response.status();
        let wait = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .map(|value| format!(", retry after {value} s"))
            .unwrap_or_default();
        let words = body(response).await;
        let kind = match status {
            StatusCode::NOT_FOUND => Kind::Missing,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Kind::Denied,
            StatusCode::TOO_MANY_REQUESTS => Kind::Limited,
            _ => Kind::Refused,
        };
        let colon = if words.is_empty() { "" } else { ": " };
        Self::new(kind, format!("{status}{colon}{words}{wait}"))
    }
}

/// The distribution API's errors: `{"errors": [{"code": …, "message": …}]}`.
async fn body(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > BODY_LIMIT {
            break;
        }
    }
    let document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let first = &document["errors"][0];
    let words = [
        &first["message"],
        &first["code"],
        &document["details"],
        &document["message"],
    ];
    words.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
}

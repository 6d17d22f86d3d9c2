//! An admission plugin at work: whether it changed the object, and how long it took.

use serde_json::Value;
use traces::Outcome;

use super::Span;
use crate::ApiError;

/// What was before the plugin; nothing unless the request is traced.
pub(crate) struct Plugin<'a>(Option<(&'a Span, Value)>);

impl<'a> Plugin<'a> {
    pub(crate) fn begin(span: Option<&'a Span>, object: &Value) -> Self {
        Self(span.filter(|span| span.is_traced()).map(|span| (span, object.clone())))
    }

    pub(crate) fn end(self, name: &str, object: &Value, result: &Result<(), ApiError>) {
        let Some((span, before)) = self.0 else { return };
        let outcome = match result {
            Err(_) => Outcome::Refused,
            Ok(()) if before != *object => Outcome::Changed,
            Ok(()) => Outcome::Passed,
        };
        span.phase("admission", outcome, name);
    }
}

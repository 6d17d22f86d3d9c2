//! JSON patch, JSON merge patch and strategic merge patch. Server-side apply is in [`crate::ssa`].

mod json;
mod order;
mod strategic;

#[cfg(test)]
mod tests;

pub use json::{MOST_OPERATIONS, json_patch, merge_patch};
pub use strategic::strategic_merge_patch;

/// Why a patch does not apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The patch is malformed: status 400.
    #[error("{0}")]
    BadRequest(String),
    /// It has too many operations: status 413.
    #[error("{0}")]
    TooLarge(String),
    /// It does not fit the object: status 422.
    #[error("{0}")]
    Unprocessable(String),
    /// Upstream answers with status 500.
    #[error("{0}")]
    Internal(String),
}

//! Label selectors, from strings and from LabelSelector objects, and field selectors.
//!
//! Semantics: `k8s.io/apimachinery/pkg/labels`, `…/fields` and `metav1.LabelSelectorAsSelector`.

mod fields;
mod labels;
mod parse;

#[cfg(test)]
mod tests;

pub use fields::{FieldSelector, FieldTerm};
pub use labels::{LabelSelector, Labels, Operator, Requirement};

/// Why a selector is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// The text is malformed, in upstream's words.
    #[error("{0}")]
    Parse(String),
    /// An operator that label selectors do not have.
    #[error("{} is not a valid label selector operator", crate::field::go_quote(.0))]
    Operator(String),
}

//! Conflicts between managers, worded as upstream words them.

use std::collections::BTreeMap;

use super::managed::ManagerId;
use super::path::{FieldPath, path_text};
use crate::field::go_quote;

/// A field that another manager owns with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The other manager, as messages show it.
    pub manager: String,
    /// The field, as messages show it.
    pub field: String,
    pub(super) path: FieldPath,
    pub(super) order: ManagerId,
}

impl Conflict {
    pub(super) fn new(id: &ManagerId, api_version: &str, path: FieldPath) -> Self {
        let mut manager = go_quote(&id.manager);
        if !id.subresource.is_empty() {
            manager = format!("{manager} with subresource {}", go_quote(&id.subresource));
        }
        if !id.apply {
            manager = format!("{manager} using {api_version}");
        }
        Self {
            manager,
            field: path_text(&path),
            path,
            order: id.clone(),
        }
    }

    /// Message of the `StatusCause`, whose type is `FieldManagerConflict`.
    pub fn cause(&self) -> String {
        format!("conflict with {}", self.manager)
    }
}

/// The message of the whole.
pub(super) fn message(conflicts: &[Conflict]) -> String {
    if let [one] = conflicts {
        return format!(
            "Apply failed with 1 conflict: conflict with {}: {}",
            one.manager, one.field
        );
    }
    let mut by_manager: BTreeMap<&ManagerId, Vec<&Conflict>> = BTreeMap::new();
    for conflict in conflicts {
        by_manager.entry(&conflict.order).or_default().push(conflict);
    }
    let mut lines = Vec::new();
    for conflicts in by_manager.values() {
        lines.extend(
            conflicts
                .first()
                .map(|conflict| format!("conflicts with {}:", conflict.manager)),
        );
        lines.extend(conflicts.iter().map(|conflict| format!("- {}", conflict.field)));
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

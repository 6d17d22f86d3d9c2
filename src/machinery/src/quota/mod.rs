//! What objects count towards ResourceQuotas.
//!
//! Semantics: `k8s.io/kubernetes/pkg/quota/v1`. Shared by admission, which refuses what would exceed a quota, and by the
//! controller, which counts afresh.

mod scope;
mod usage;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub use usage::{ObjectKind, missing, tracked, usage};

use crate::resources::{self, ResourceList};

/// Whether the quota is about this object: it bounds something that the kind uses, and all its scopes hold.
pub fn matches(quota: &Value, kind: ObjectKind<'_>, object: &Value) -> bool {
    let hard = resources::list(&quota["spec"]["hard"]);
    hard.keys().any(|name| tracked(kind, name)) && scope::all(&quota["spec"], kind, object)
}

/// The amounts that the list also names.
pub fn mask(amounts: &ResourceList, names: &ResourceList) -> ResourceList {
    let kept = amounts.iter().filter(|(name, _)| names.contains_key(*name));
    kept.map(|(name, amount)| (name.clone(), amount.clone())).collect()
}

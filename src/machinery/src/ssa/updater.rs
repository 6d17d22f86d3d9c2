//! Who owns what after an update or an apply.

use std::collections::BTreeMap;

use serde_json::Value;

use super::compare::{Comparison, compare, equal};
use super::conflict::Conflict;
use super::fieldset::{field_set, with_named_fields};
use super::managed::{Managed, ManagerId, Owned};
use super::merge::{merge, remove};
use super::node::Node;
use super::set::Set;

/// Who acts, and on what terms.
pub(super) struct Actor<'a> {
    pub id: ManagerId,
    pub api_version: &'a str,
    /// Fields that this endpoint resets and nobody can own through it.
    pub ignored: &'a Set,
}

/// Takes what changed away from everyone else. Without `force`, a change of a field that another owns is a conflict.
fn reassign(
    old: &Value,
    new: &Value,
    node: Node<'_>,
    managed: &mut Managed,
    actor: &Actor<'_>,
    force: bool,
) -> Result<Comparison, Vec<Conflict>> {
    let comparison = compare(old, new, node).without(actor.ignored);
    let changed = comparison.modified.union(&comparison.added);
    let others = || managed.0.iter().filter(|(id, _)| **id != actor.id);
    let same_version = |owned: &Owned| owned.api_version == actor.api_version;
    let contested: BTreeMap<ManagerId, Set> = others()
        .filter(|(_, owned)| same_version(owned))
        .map(|(id, owned)| (id.clone(), owned.set.intersection(&changed)))
        .filter(|(_, set)| !set.is_empty())
        .collect();
    if !force && !contested.is_empty() {
        let of = |(id, set): (&ManagerId, &Set)| {
            let version = managed
                .0
                .get(id)
                .map(|owned| owned.api_version.clone())
                .unwrap_or_default();
            let id = id.clone();
            set.paths()
                .into_iter()
                .map(move |path| Conflict::new(&id, &version, path))
                .collect::<Vec<_>>()
        };
        return Err(contested.iter().flat_map(of).collect());
    }
    for (id, owned) in &mut managed.0 {
        if *id == actor.id || owned.api_version != actor.api_version {
            continue;
        }
        if let Some(lost) = contested.get(id) {
            owned.set = owned.set.difference(lost);
        }
        owned.set = owned.set.difference(&comparison.removed);
    }
    managed.0.retain(|_, owned| !owned.set.is_empty());
    Ok(comparison)
}

/// After a plain write. True if the actor came to own something by it.
pub(super) fn update(
    old: &Value,
    new: &Value,
    node: Node<'_>,
    managed: &mut Managed,
    actor: &Actor<'_>,
) -> Option<Set> {
    // The actor of this very operation is nobody yet, so that even its own earlier fields are taken anew.
    let Ok(comparison) = reassign(old, new, node, managed, actor, true) else {
        return None;
    };
    let set = comparison
        .modified
        .union(&comparison.added)
        .recursive_difference(actor.ignored);
    (!set.is_empty()).then_some(set)
}

/// The object after an apply; none if it is as before.
pub(super) fn apply(
    live: &Value,
    config: &Value,
    node: Node<'_>,
    managed: &mut Managed,
    actor: &Actor<'_>,
    force: bool,
) -> Result<Option<Value>, Vec<Conflict>> {
    let merged = merge(Some(live), Some(config), node).unwrap_or_default();
    let set = field_set(config, node).recursive_difference(actor.ignored);
    let last = managed
        .0
        .get(&actor.id)
        .map(|owned| owned.set.clone())
        .unwrap_or_default();
    let time = managed.0.get(&actor.id).and_then(|owned| owned.time);
    let owned = Owned {
        set,
        api_version: actor.api_version.to_owned(),
        time,
    };
    managed.0.insert(actor.id.clone(), owned);
    let new = prune(merged, &last, node, managed);
    reassign(live, &new, node, managed, actor, force)?;
    Ok((!equal(live, &new)).then_some(new))
}

/// Removes what the applier had in its last configuration and nobody has now.
fn prune(merged: Value, last: &Set, node: Node<'_>, managed: &Managed) -> Value {
    if last.is_empty() {
        return merged;
    }
    let named = |set: &Set| with_named_fields(set, node);
    let last = named(last);
    let merged_set = named(&field_set(&merged, node));
    let pruned = remove(&merged, &last, node);
    let everyone = managed
        .0
        .values()
        .fold(Set::default(), |all, owned| all.union(&owned.set));
    let keep = named(&field_set(&pruned, node)).union(&named(&everyone));
    let pruned = remove(&merged, &merged_set.difference(&keep), node);
    // Fields that were never the applier's stay, even if removing their parent would have taken them along.
    let pruned_set = named(&field_set(&pruned, node));
    remove(&merged, &merged_set.difference(&pruned_set).intersection(&last), node)
}

//! The fields in which two objects differ.

use std::collections::BTreeMap;

use serde_json::Value;

use super::node::{Atom, Keys, Node, identity};
use super::path::{FieldPath, PathElement};
use super::set::Set;

/// Fields by what became of them.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub added: Set,
    pub modified: Set,
    pub removed: Set,
}

impl Comparison {
    /// Leaves out what must not be owned.
    pub(super) fn without(self, ignored: &Set) -> Self {
        let without = |set: Set| set.recursive_difference(ignored);
        Self {
            added: without(self.added),
            modified: without(self.modified),
            removed: without(self.removed),
        }
    }
}

/// From `old` to `new`.
pub(super) fn compare(old: &Value, new: &Value, node: Node<'_>) -> Comparison {
    let mut out = Comparison::default();
    walk(Some(old), Some(new), node, &mut Vec::new(), &mut out);
    out
}

fn walk(old: Option<&Value>, new: Option<&Value>, node: Node<'_>, path: &mut FieldPath, out: &mut Comparison) {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).is_some_and(|items| !items.is_empty());
    let map = |value: Option<&Value>| {
        value
            .and_then(Value::as_object)
            .is_some_and(|entries| !entries.is_empty())
    };
    // Where the schema leaves the type open, values of different types differ as a whole.
    let changed_type = matches!(node, Node::Deduced)
        && old
            .zip(new)
            .is_some_and(|(old, new)| std::mem::discriminant(old) != std::mem::discriminant(new));
    match node.atom(new.or(old)) {
        Atom::List { keys: Some(keys), item } if !changed_type && (list(old) || list(new)) => {
            items(old, new, keys, item, path, out);
        }
        Atom::Map { atomic: false, node } if !changed_type && (map(old) || map(new)) => {
            entries(old, new, node, path, out);
        }
        _ => {
            if let (Some(old), Some(new)) = (old, new)
                && !equal(old, new)
            {
                out.modified.insert(path);
            }
        }
    }
    match (old, new) {
        (None, Some(_)) => out.added.insert(path),
        (Some(_), None) => out.removed.insert(path),
        _ => {}
    }
}

fn entries(old: Option<&Value>, new: Option<&Value>, node: Node<'_>, path: &mut FieldPath, out: &mut Comparison) {
    let of = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let (old, new) = (of(old), of(new));
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        path.push(PathElement::Field(name.clone()));
        walk(old.get(name), new.get(name), node.entry(name), path, out);
        path.pop();
    }
}

fn items(
    old: Option<&Value>,
    new: Option<&Value>,
    keys: Keys<'_>,
    item: Node<'_>,
    path: &mut FieldPath,
    out: &mut Comparison,
) {
    let old = by_identity(old, keys, item);
    let new = by_identity(new, keys, item);
    let elements: std::collections::BTreeSet<&PathElement> = old.keys().chain(new.keys()).collect();
    let none = Vec::new();
    for element in elements {
        let (old, new) = (old.get(element).unwrap_or(&none), new.get(element).unwrap_or(&none));
        path.push(element.clone());
        match (old.len(), new.len()) {
            (0 | 1, 0 | 1) => walk(old.first().copied(), new.first().copied(), item, path, out),
            (2.., 2..) => {
                if old.len() != new.len() || old.iter().zip(new).any(|(old, new)| !equal(old, new)) {
                    out.modified.insert(path);
                }
            }
            (2.., _) => {
                if let Some(new) = new.first() {
                    walk(None, Some(new), item, path, out);
                }
                out.removed.insert(path);
            }
            (_, 2..) => {
                if let Some(old) = old.first() {
                    walk(Some(old), None, item, path, out);
                }
                out.added.insert(path);
            }
        }
        path.pop();
    }
}

fn by_identity<'v>(list: Option<&'v Value>, keys: Keys<'_>, item: Node<'_>) -> BTreeMap<PathElement, Vec<&'v Value>> {
    let mut out: BTreeMap<PathElement, Vec<&Value>> = BTreeMap::new();
    for value in list.and_then(Value::as_array).into_iter().flatten() {
        if let Ok(element) = identity(keys, item, value) {
            out.entry(element).or_default().push(value);
        }
    }
    out
}

/// Equal as JSON, with `1` and `1.0` the same.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| equal(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(name, x)| y.get(name).is_some_and(|y| equal(x, y)))
        }
        _ => a == b,
    }
}

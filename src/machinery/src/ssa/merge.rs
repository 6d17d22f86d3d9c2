//! Laying a configuration over an object, and taking fields out of one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::node::{Atom, Keys, Node, identity};
use super::path::PathElement;
use super::set::Set;

/// The object with the configuration's fields over it; what the configuration leaves out stays.
pub(super) fn merge(live: Option<&Value>, config: Option<&Value>, node: Node<'_>) -> Option<Value> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).is_some_and(|items| !items.is_empty());
    let map = |value: Option<&Value>| {
        value
            .and_then(Value::as_object)
            .is_some_and(|entries| !entries.is_empty())
    };
    let changed_type = matches!(node, Node::Deduced)
        && live
            .zip(config)
            .is_some_and(|(a, b)| std::mem::discriminant(a) != std::mem::discriminant(b));
    match node.atom(config.or(live)) {
        Atom::List { keys: Some(keys), item } if !changed_type && (list(live) || list(config)) => {
            let none = Vec::new();
            let of = |value: Option<&'_ Value>| value.and_then(Value::as_array).cloned();
            let (live, config) = (of(live), of(config));
            let merged = merge_items(
                live.as_ref().unwrap_or(&none),
                config.as_ref().unwrap_or(&none),
                keys,
                item,
            );
            (!merged.is_empty()).then_some(Value::Array(merged))
        }
        Atom::Map { atomic: false, node } if !changed_type && (map(live) || map(config)) => {
            let none = Map::new();
            let live = live.and_then(Value::as_object).unwrap_or(&none);
            let config = config.and_then(Value::as_object).unwrap_or(&none);
            let names: BTreeSet<&String> = live.keys().chain(config.keys()).collect();
            let merged = names.into_iter().filter_map(|name| {
                let merged = merge(live.get(name), config.get(name), node.entry(name))?;
                Some((name.clone(), merged))
            });
            let merged: Map<String, Value> = merged.collect();
            (!merged.is_empty()).then_some(Value::Object(merged))
        }
        _ => config.or(live).cloned(),
    }
}

/// Items of both, in the configuration's order, with the live object's own items where they stood.
fn merge_items(live: &[Value], config: &[Value], keys: Keys<'_>, item: Node<'_>) -> Vec<Value> {
    let identified = |list: &[Value]| -> Vec<(PathElement, Value)> {
        list.iter()
            .filter_map(|value| Some((identity(keys, item, value).ok()?, value.clone())))
            .collect()
    };
    let (live, config) = (identified(live), identified(config));
    let count = live.iter().fold(BTreeMap::new(), |mut count, (element, _)| {
        *count.entry(element).or_insert(0) += 1;
        count
    });
    let live_of = |element: &PathElement| {
        // Of an item that the live object has more than once, none can be merged with.
        let once = count.get(element) == Some(&1);
        live.iter()
            .find(|(found, _)| once && found == element)
            .map(|(_, value)| value)
    };
    let in_config: BTreeSet<&PathElement> = config.iter().map(|(element, _)| element).collect();
    let in_live: BTreeSet<&PathElement> = live.iter().map(|(element, _)| element).collect();
    let mut shared = config
        .iter()
        .map(|(element, _)| element)
        .filter(|element| in_live.contains(element))
        .peekable();
    let mut merged: BTreeSet<&PathElement> = BTreeSet::new();
    let mut out = Vec::new();
    let (mut l, mut r) = (0, 0);
    while l < live.len() || r < config.len() {
        if let (Some((element, _)), Some((other, value))) = (live.get(l), config.get(r)) {
            if element == other {
                merged.insert(element);
                out.extend(merge(live_of(element), Some(value), item));
                l += 1;
                r += 1;
                shared.next();
                continue;
            }
            if in_config.contains(element) && shared.peek().is_some_and(|next| *next != element) {
                l += 1;
                continue;
            }
        }
        if let Some((element, value)) = live.get(l) {
            if !in_config.contains(element) {
                out.extend(merge(Some(value), None, item));
                l += 1;
                continue;
            }
            if merged.contains(element) {
                l += 1;
            }
        }
        if let Some((element, value)) = config.get(r) {
            merged.insert(element);
            out.extend(merge(live_of(element), Some(value), item));
            r += 1;
            if shared.peek() == Some(&element) {
                shared.next();
            }
        }
    }
    out
}

/// The value without the fields of the set; null if nothing is left of it.
pub(super) fn remove(value: &Value, set: &Set, node: Node<'_>) -> Value {
    match (node.atom(Some(value)), value) {
        (Atom::Scalar, _) => value.clone(),
        (Atom::List { keys: Some(keys), item }, Value::Array(items)) => {
            let kept = items.iter().filter_map(|value| {
                let Ok(element) = identity(keys, item, value) else {
                    return Some(value.clone());
                };
                if set.members.contains(&element) {
                    return None;
                }
                let below = set.children.get(&element).filter(|below| !below.is_empty());
                Some(below.map_or_else(|| value.clone(), |below| remove(value, below, item)))
            });
            let kept: Vec<Value> = kept.collect();
            if kept.is_empty() {
                Value::Null
            } else {
                Value::Array(kept)
            }
        }
        (Atom::Map { atomic: false, node }, Value::Object(entries)) => {
            let kept = entries.iter().filter_map(|(name, value)| {
                let element = PathElement::Field(name.clone());
                if set.members.contains(&element) {
                    return None;
                }
                let below = set.children.get(&element).filter(|below| !below.is_empty());
                let value = below.map_or_else(|| value.clone(), |below| remove(value, below, node.entry(name)));
                Some((name.clone(), value))
            });
            let kept: Map<String, Value> = kept.collect();
            if kept.is_empty() {
                Value::Null
            } else {
                Value::Object(kept)
            }
        }
        // What merges as a whole leaves as a whole: its parent names it.
        _ => Value::Null,
    }
}

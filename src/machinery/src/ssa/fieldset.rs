//! The set of all fields of an object, and the checks of an applied configuration.

use std::collections::BTreeSet;

use serde_json::Value;

use super::node::{Atom, Node, identity};
use super::path::{FieldPath, PathElement, path_text};
use super::set::Set;

/// All paths that the value sets.
pub(super) fn field_set(value: &Value, node: Node<'_>) -> Set {
    let mut out = Set::default();
    walk(value, node, &mut Vec::new(), &mut out);
    out
}

fn walk(value: &Value, node: Node<'_>, path: &mut FieldPath, out: &mut Set) {
    match node.atom(Some(value)) {
        Atom::Scalar | Atom::List { keys: None, .. } | Atom::Map { atomic: true, .. } => out.insert(path),
        Atom::List { keys: Some(keys), item } => {
            let items = value.as_array().into_iter().flatten();
            let items: Vec<_> = items
                .filter_map(|value| Some((identity(keys, item, value).ok()?, value)))
                .collect();
            let (mut seen, mut duplicates) = (BTreeSet::new(), BTreeSet::new());
            for (element, _) in &items {
                if !seen.insert(element) {
                    duplicates.insert(element);
                }
            }
            for (element, value) in &items {
                path.push(element.clone());
                if !duplicates.contains(element) {
                    walk(value, item, path, out);
                }
                out.insert(path);
                path.pop();
            }
        }
        Atom::Map { node, .. } => {
            for (name, value) in value.as_object().into_iter().flatten() {
                path.push(PathElement::Field(name.clone()));
                walk(value, node.entry(name), path, out);
                let empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
                if empty || node.field(name).is_none() {
                    out.insert(path);
                }
                path.pop();
            }
        }
    }
}

/// Adds the parents of paths as members where they are declared fields.
pub(super) fn with_named_fields(set: &Set, node: Node<'_>) -> Set {
    let mut out = Set {
        members: set.members.clone(),
        children: Default::default(),
    };
    for (element, child) in &set.children {
        let below = match (element, node.atom(Some(&Value::Null))) {
            (PathElement::Field(name), Atom::Map { node, .. }) => {
                if node.field(name).is_some() {
                    out.members.insert(element.clone());
                }
                node.entry(name)
            }
            (PathElement::Field(_), _) => Node::Deduced,
            (_, Atom::List { item, .. }) => item,
            _ => Node::Deduced,
        };
        out.children.insert(element.clone(), with_named_fields(child, below));
    }
    out
}

/// What is wrong with a configuration, in upstream's words.
pub(super) fn check(value: &Value, node: Node<'_>) -> Vec<String> {
    let mut out = Vec::new();
    check_at(value, node, &mut Vec::new(), &mut out);
    out
}

fn check_at(value: &Value, node: Node<'_>, path: &mut FieldPath, out: &mut Vec<String>) {
    let mut wrong = |path: &FieldPath, what: &str| out.push(format!("{}: {what}", path_text(path)));
    match (node.atom(Some(value)), value) {
        (Atom::Scalar, Value::Array(_) | Value::Object(_)) => {
            wrong(path, &format!("expected scalar, got {}", shorten(value)));
        }
        (_, Value::Null) | (Atom::Scalar, _) => {}
        (Atom::List { keys, item }, Value::Array(items)) => {
            let mut seen = BTreeSet::new();
            for (index, value) in items.iter().enumerate() {
                let element = match keys.map(|keys| identity(keys, item, value)) {
                    Some(Err(error)) => {
                        out.push(format!("{}: element {index}: {error}", path_text(path)));
                        continue;
                    }
                    Some(Ok(element)) => element,
                    None => PathElement::Index(index),
                };
                if !seen.insert(element.clone()) {
                    out.push(format!("{}: duplicate entries for key {element}", path_text(path)));
                }
                path.push(element);
                check_at(value, item, path, out);
                path.pop();
            }
        }
        (Atom::List { .. }, _) => wrong(path, &format!("expected list, got {}", shorten(value))),
        (Atom::Map { node, .. }, Value::Object(entries)) => {
            for (name, value) in entries {
                path.push(PathElement::Field(name.clone()));
                match node.field(name).or_else(|| node.element()) {
                    Some(node) => check_at(value, node, path, out),
                    None => out.push(format!("{}: field not declared in schema", path_text(path))),
                }
                path.pop();
            }
        }
        (Atom::Map { .. }, _) => wrong(path, &format!("expected map, got {}", shorten(value))),
    }
}

/// `&{value}` as Go prints what it found.
fn shorten(value: &Value) -> String {
    match value {
        Value::String(text) => format!("&{{{text}}}"),
        other => format!("&{{{other}}}"),
    }
}

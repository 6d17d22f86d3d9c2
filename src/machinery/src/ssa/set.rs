//! Sets of field paths as tries, and their `FieldsV1` form.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::path::{FieldPath, PathElement};

/// A set of field paths. A path and paths below it are members independently.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Set {
    pub(super) members: BTreeSet<PathElement>,
    pub(super) children: BTreeMap<PathElement, Set>,
}

impl Set {
    /// A set of paths of plain fields, such as `[["metadata", "name"]]`.
    pub fn of_fields(paths: &[&[&str]]) -> Self {
        let mut out = Self::default();
        for path in paths {
            let path: FieldPath = path.iter().map(|name| PathElement::Field((*name).to_owned())).collect();
            out.insert(&path);
        }
        out
    }

    /// Whether it has no path.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(Self::is_empty)
    }

    /// Adds a path; the empty path is none.
    pub fn insert(&mut self, path: &[PathElement]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// Whether the path itself is a member.
    pub fn has(&self, path: &[PathElement]) -> bool {
        match path {
            [] => false,
            [last] => self.members.contains(last),
            [first, rest @ ..] => self.children.get(first).is_some_and(|child| child.has(rest)),
        }
    }

    /// Paths in either.
    pub fn union(&self, other: &Self) -> Self {
        let mut out = self.clone();
        out.members.extend(other.members.iter().cloned());
        for (element, child) in &other.children {
            let merged = out
                .children
                .get(element)
                .map_or_else(|| child.clone(), |own| own.union(child));
            out.children.insert(element.clone(), merged);
        }
        out
    }

    /// Paths in both.
    pub fn intersection(&self, other: &Self) -> Self {
        let members = self.members.intersection(&other.members).cloned().collect();
        let children = self.children.iter().filter_map(|(element, child)| {
            let both = child.intersection(other.children.get(element)?);
            (!both.is_empty()).then(|| (element.clone(), both))
        });
        Self {
            members,
            children: children.collect(),
        }
    }

    /// Paths that are not in the other.
    pub fn difference(&self, other: &Self) -> Self {
        self.without(other, false)
    }

    /// Paths that neither are in the other nor lie below one of its paths.
    pub fn recursive_difference(&self, other: &Self) -> Self {
        self.without(other, true)
    }

    fn without(&self, other: &Self, recursive: bool) -> Self {
        let members = self.members.difference(&other.members).cloned().collect();
        let children = self.children.iter().filter_map(|(element, child)| {
            if recursive && other.members.contains(element) {
                return None;
            }
            let rest = match other.children.get(element) {
                Some(other) => child.without(other, recursive),
                None => child.clone(),
            };
            (!rest.is_empty()).then(|| (element.clone(), rest))
        });
        Self {
            members,
            children: children.collect(),
        }
    }

    /// All paths.
    pub fn paths(&self) -> Vec<FieldPath> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, prefix: &mut FieldPath, out: &mut Vec<FieldPath>) {
        for element in &self.members {
            out.push(prefix.iter().chain([element]).cloned().collect());
        }
        for (element, child) in &self.children {
            prefix.push(element.clone());
            child.collect(prefix, out);
            prefix.pop();
        }
    }

    /// `fieldsV1` of a managed fields entry.
    pub fn to_fields(&self) -> Value {
        let mut out = Map::new();
        for element in &self.members {
            out.insert(element.encode(), Value::Object(Map::new()));
        }
        for (element, child) in self.children.iter().filter(|(_, child)| !child.is_empty()) {
            let mut fields = child.to_fields();
            if let (true, Some(fields)) = (self.members.contains(element), fields.as_object_mut()) {
                fields.insert(".".to_owned(), Value::Object(Map::new()));
            }
            out.insert(element.encode(), fields);
        }
        Value::Object(out)
    }

    /// From `fieldsV1`; elements of kinds not known here are passed over, as upstream does. None if it is malformed.
    pub fn from_fields(fields: &Value) -> Option<Self> {
        let mut out = Self::default();
        for (text, below) in fields.as_object()? {
            if text == "." {
                continue;
            }
            let below = below.as_object()?;
            let Some(element) = PathElement::decode(text) else {
                if text.contains(':') {
                    continue;
                }
                return None;
            };
            if below.is_empty() || below.contains_key(".") {
                out.members.insert(element.clone());
            }
            if below.keys().any(|key| key != ".") {
                out.children
                    .insert(element, Self::from_fields(&Value::Object(below.clone()))?);
            }
        }
        Some(out)
    }
}

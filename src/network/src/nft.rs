//! A ruleset as data, and the script that turns one into another in a single transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What changes: maps' elements, chains and their rules, and sets that remember clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ruleset {
    /// Elements by map (or set) name; a set's elements have an empty value.
    pub(crate) elements: BTreeMap<String, BTreeMap<String, String>>,
    /// Rules by chain name.
    pub(crate) chains: BTreeMap<String, Vec<String>>,
    /// Declarations of sets that come and go, by name.
    pub(crate) sets: BTreeMap<String, String>,
}

impl Ruleset {
    pub(crate) fn element(&mut self, map: &str, key: String, value: impl Into<String>) {
        if !self.elements.contains_key(map) {
            self.elements.insert(map.to_owned(), BTreeMap::new());
        }
        if let Some(elements) = self.elements.get_mut(map) {
            elements.insert(key, value.into());
        }
    }

    /// The script that makes everything anew: `base` declares what never changes.
    pub(crate) fn whole(&self, table: &str, base: &str) -> String {
        let mut script = format!("table {table}\ndelete table {table}\ntable {table} {{\n{base}}}\n");
        script.push_str(&self.from(table, &Self::default()));
        script
    }

    /// The script that brings `old` to this; empty if there is nothing to do. New chains come before what refers
    /// to them, old ones go after.
    pub(crate) fn from(&self, table: &str, old: &Self) -> String {
        let mut script = String::new();
        let mut line = |text: std::fmt::Arguments<'_>| {
            // writing to a string cannot fail
            let _ = writeln!(script, "{text}");
        };
        for (name, declaration) in self.sets.iter().filter(|(name, _)| !old.sets.contains_key(*name)) {
            line(format_args!("add set {table} {name} {{ {declaration} }}"));
        }
        for name in self.chains.keys().filter(|name| !old.chains.contains_key(*name)) {
            line(format_args!("add chain {table} {name}"));
        }
        for (name, rules) in self
            .chains
            .iter()
            .filter(|(name, rules)| old.chains.get(*name) != Some(rules))
        {
            if old.chains.contains_key(name) {
                line(format_args!("flush chain {table} {name}"));
            }
            for rule in rules {
                line(format_args!("add rule {table} {name} {rule}"));
            }
        }
        let empty = BTreeMap::new();
        let maps: BTreeSet<&String> = self.elements.keys().chain(old.elements.keys()).collect();
        // a set that goes takes its elements with it
        let going = |map: &String| old.sets.contains_key(map) && !self.sets.contains_key(map);
        for map in maps.into_iter().filter(|map| !going(map)) {
            let (new, old) = (
                self.elements.get(map).unwrap_or(&empty),
                old.elements.get(map).unwrap_or(&empty),
            );
            let gone: Vec<String> = old
                .iter()
                .filter(|(key, value)| new.get(*key) != Some(value))
                .map(|(key, value)| element(key, value))
                .collect();
            if !gone.is_empty() {
                line(format_args!("delete element {table} {map} {{ {} }}", gone.join(", ")));
            }
            let come: Vec<String> = new
                .iter()
                .filter(|(key, value)| old.get(*key) != Some(value))
                .map(|(key, value)| element(key, value))
                .collect();
            if !come.is_empty() {
                line(format_args!("add element {table} {map} {{ {} }}", come.join(", ")));
            }
        }
        let gone: Vec<&String> = old
            .chains
            .keys()
            .filter(|name| !self.chains.contains_key(*name))
            .collect();
        for name in &gone {
            line(format_args!("flush chain {table} {name}"));
        }
        for name in &gone {
            line(format_args!("delete chain {table} {name}"));
        }
        for name in old.sets.keys().filter(|name| !self.sets.contains_key(*name)) {
            line(format_args!("delete set {table} {name}"));
        }
        script
    }
}

fn element(key: &str, value: &str) -> String {
    if value.is_empty() {
        key.to_owned()
    } else {
        format!("{key} : {value}")
    }
}

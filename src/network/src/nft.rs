//! A ruleset as data, and the script that turns one into another in a single transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The table that is ours alone.
pub(crate) const TABLE: &str = "ip rkube";

/// What changes: maps' elements, chains and their rules, and sets that remember clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ruleset {
    /// Elements by map (or set) name; a set's elements have an empty value.
    pub(crate) elements: BTreeMap<&'static str, BTreeMap<String, String>>,
    /// Rules by chain name.
    pub(crate) chains: BTreeMap<String, Vec<String>>,
    /// Declarations of sets whose content the kernel fills, by name.
    pub(crate) sets: BTreeMap<String, String>,
}

impl Ruleset {
    pub(crate) fn element(&mut self, map: &'static str, key: String, value: impl Into<String>) {
        self.elements.entry(map).or_default().insert(key, value.into());
    }

    /// The script that makes everything anew: `base` declares what never changes.
    pub(crate) fn whole(&self, base: &str) -> String {
        let mut script = format!("table {TABLE}\ndelete table {TABLE}\ntable {TABLE} {{\n{base}}}\n");
        script.push_str(&self.from(&Self::default()));
        script
    }

    /// The script that brings `old` to this; empty if there is nothing to do. New chains come before what refers
    /// to them, old ones go after.
    pub(crate) fn from(&self, old: &Self) -> String {
        let mut script = String::new();
        let mut line = |text: std::fmt::Arguments<'_>| {
            // writing to a string cannot fail
            let _ = writeln!(script, "{text}");
        };
        for (name, declaration) in self.sets.iter().filter(|(name, _)| !old.sets.contains_key(*name)) {
            line(format_args!("add set {TABLE} {name} {{ {declaration} }}"));
        }
        for name in self.chains.keys().filter(|name| !old.chains.contains_key(*name)) {
            line(format_args!("add chain {TABLE} {name}"));
        }
        for (name, rules) in self
            .chains
            .iter()
            .filter(|(name, rules)| old.chains.get(*name) != Some(rules))
        {
            if old.chains.contains_key(name) {
                line(format_args!("flush chain {TABLE} {name}"));
            }
            for rule in rules {
                line(format_args!("add rule {TABLE} {name} {rule}"));
            }
        }
        let empty = BTreeMap::new();
        let maps: BTreeSet<&&str> = self.elements.keys().chain(old.elements.keys()).collect();
        for map in maps {
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
                line(format_args!("delete element {TABLE} {map} {{ {} }}", gone.join(", ")));
            }
            let come: Vec<String> = new
                .iter()
                .filter(|(key, value)| old.get(*key) != Some(value))
                .map(|(key, value)| element(key, value))
                .collect();
            if !come.is_empty() {
                line(format_args!("add element {TABLE} {map} {{ {} }}", come.join(", ")));
            }
        }
        let gone: Vec<&String> = old
            .chains
            .keys()
            .filter(|name| !self.chains.contains_key(*name))
            .collect();
        for name in &gone {
            line(format_args!("flush chain {TABLE} {name}"));
        }
        for name in &gone {
            line(format_args!("delete chain {TABLE} {name}"));
        }
        for name in old.sets.keys().filter(|name| !self.sets.contains_key(*name)) {
            line(format_args!("delete set {TABLE} {name}"));
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

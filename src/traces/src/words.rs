//! What steps and components are called and what they are for, in a few words for learners. One table for the command line
//! and the dashboard: `words.json`, by section and key; each text in English and Chinese.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// The table as the dashboard's page reads it.
pub const WORDS: &str = include_str!("../words.json");

/// A text in English and Chinese.
pub type Text = [String; 2];

#[derive(Debug, Default, Deserialize)]
struct Table {
    phases: HashMap<String, Row>,
    plugins: HashMap<String, Row>,
    steps: HashMap<String, Row>,
    actors: HashMap<String, Row>,
    words: HashMap<String, Text>,
}

/// What a thing is called, if it has a name of its own here, and what it is for.
#[derive(Debug, Default, Deserialize)]
pub struct Row {
    /// Its name.
    pub title: Option<Text>,
    /// What it is for.
    pub why: Text,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| serde_json::from_str(WORDS).unwrap_or_default());

/// A step inside the API server.
pub fn phase(name: &str) -> Option<&'static Row> {
    TABLE.phases.get(name)
}

/// An admission plugin.
pub fn plugin(name: &str) -> Option<&'static Row> {
    TABLE.plugins.get(name)
}

/// A kubelet's step.
pub fn step(name: &str) -> Option<&'static Row> {
    TABLE.steps.get(name)
}

/// A component, by the first word of [`crate::Actor::title`].
pub fn actor(title: &str) -> Option<&'static Row> {
    TABLE.actors.get(title.split(' ').next().unwrap_or_default())
}

/// A text between them.
pub fn word(name: &str) -> Option<&'static Text> {
    TABLE.words.get(name)
}

/// A text with a number in place of `{}`: of `{} node | {} nodes`, the form that goes with it.
pub fn counted(text: &str, count: usize) -> String {
    let (one, many) = text.split_once(" | ").unwrap_or((text, text));
    let form = if count == 1 { one } else { many };
    form.replace("{}", &count.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_says_everything_in_both_languages() {
        let table: Table = serde_json::from_str(WORDS).unwrap();
        let rows = [&table.phases, &table.plugins, &table.steps, &table.actors];
        let rows = rows.into_iter().flat_map(HashMap::values);
        let texts = rows.flat_map(|row| row.title.iter().chain([&row.why]));
        for [english, chinese] in texts.chain(table.words.values()) {
            assert!(english.is_ascii() && !chinese.is_ascii(), "{english} {chinese}");
        }
    }

    #[test]
    fn one_is_counted_in_the_singular() {
        let nodes = word("nodes").unwrap();
        let said = |language: usize| [0, 1, 2].map(|count| counted(&nodes[language], count));
        assert_eq!(said(0), ["0 nodes", "1 node", "2 nodes"]);
        assert_eq!(said(1), ["0 个节点", "1 个节点", "2 个节点"]);
    }
}

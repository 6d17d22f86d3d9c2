//! Why images could not be had, and what is wrong with a document about mirrors.

use std::fmt::Write as _;

use crate::client::{Answer, Kind};

/// Every source failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot get {what}; every source failed:{}", quote(.answers))]
pub struct SourcesError {
    /// Image or blob that was wanted.
    pub what: String,
    /// Source and its answer, in the order asked.
    pub answers: Vec<(String, Answer)>,
    /// What the registry itself answered, not one of its mirrors; nothing if it was not asked.
    pub registry: Option<Kind>,
}

impl SourcesError {
    /// All answers in one line, for an event or a condition, which have no room for more.
    pub fn line(&self) -> String {
        let answers: Vec<String> = self
            .answers
            .iter()
            .map(|(source, answer)| format!("{source}: {answer}"))
            .collect();
        format!("cannot get {} from any source: {}", self.what, answers.join("; "))
    }

    /// Whether every source says that there is no such thing.
    pub fn missing(&self) -> bool {
        self.answers.iter().all(|(_, answer)| answer.kind == Kind::Missing)
    }

    /// Whether the registry itself may have it all the same: it was not asked, or gave no answer that is about the image.
    pub fn undecided(&self) -> bool {
        !matches!(self.registry, Some(Kind::Missing | Kind::Denied))
    }

    /// Whether a login might help.
    pub fn denied(&self) -> bool {
        self.answers.iter().any(|(_, answer)| answer.kind == Kind::Denied)
    }
}

fn quote(answers: &[(String, Answer)]) -> String {
    let mut text = String::new();
    for (source, answer) in answers {
        let _ = write!(text, "\n  {source}: {answer}");
    }
    if answers.is_empty() {
        text.push_str("\n  (no source is configured)");
    }
    text
}

/// A document about mirrors that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It does not parse.
    #[error("{file}: {reason}")]
    Malformed {
        /// Its path.
        file: String,
        /// Parser's words, with line and column.
        reason: String,
    },
    /// An endpoint that is no address of a registry.
    #[error("{text:?} is no address of a registry: {reason}")]
    Endpoint {
        /// As written.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// A rewriting rule that is no regular expression.
    #[error("rewrite rule {rule:?}: {reason}")]
    Rewrite {
        /// As written.
        rule: String,
        /// Parser's words.
        reason: String,
    },
    /// No mirrors are known for that country.
    #[error("no mirrors are known for country {country:?}; known are {}, and auto", .known.join(", "))]
    Country {
        /// As written.
        country: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// A certificate or key that is none.
    #[error("{file}: {reason}")]
    Certificate {
        /// Its path.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A file that cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

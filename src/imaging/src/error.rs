//! Why an image could not be composed.

use std::fmt::Write as _;

/// A composition that failed.
#[derive(Debug, thiserror::Error)]
pub enum ImagingError {
    /// A recipe that does not parse or makes no sense.
    #[error("recipe {name}: {reason}")]
    Recipe {
        /// File or built-in name.
        name: String,
        /// Parser's words, with line and column.
        reason: String,
    },
    /// Every source failed.
    #[error("cannot get {what}; every source failed:{}", quote(.answers))]
    Sources {
        /// File or suite that was wanted.
        what: String,
        /// Source and its answer, in the order asked.
        answers: Vec<(String, String)>,
    },
    /// No source of a registry has the image.
    #[error(transparent)]
    Registry(#[from] mirrors::SourcesError),
    /// An image that is not as images are.
    #[error("image {reference}: {reason}")]
    Image {
        /// Reference.
        reference: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A release or package index that cannot be read.
    #[error("malformed {what}: {reason}")]
    Malformed {
        /// File.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that is no bundle, or a damaged one.
    #[error("{file}: {reason}")]
    Bundle {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A package or dependency that no archive offers.
    #[error("package {wanted} (wanted by {by}) is in none of the archives")]
    Unresolved {
        /// The dependency as written.
        wanted: String,
        /// Package or recipe.
        by: String,
    },
    /// Reading or writing a local file failed: a full disk, most often.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Another process kept the cache locked for too long.
    #[error("another rkube has kept {0} for too long")]
    Locked(String),
    /// A worker thread was lost.
    #[error("a worker ended unexpectedly: {0}")]
    Worker(String),
}

fn quote(answers: &[(String, String)]) -> String {
    let mut text = String::new();
    for (source, answer) in answers {
        let _ = write!(text, "\n  {source}: {answer}");
    }
    if answers.is_empty() {
        text.push_str("\n  (no source is configured)");
    }
    text
}

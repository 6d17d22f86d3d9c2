//! Why something about an addon failed.

use std::fmt::Write as _;

/// A failure.
#[derive(Debug, thiserror::Error)]
pub enum AddonError {
    /// There is no addon of that name.
    #[error("there is no addon {name:?}{}", suggestion(.near))]
    Unknown {
        /// As it was typed.
        name: String,
        /// Names that are like it, the most alike first.
        near: Vec<String>,
    },
    /// Files of an addon that make no sense.
    #[error("addon {addon}: {reason}")]
    Malformed {
        /// The addon.
        addon: String,
        /// What is wrong.
        reason: String,
    },
    /// A setting that the addon does not have, or not so.
    #[error("addon {addon}, setting {key}: {reason}")]
    Setting {
        /// The addon.
        addon: String,
        /// The setting.
        key: String,
        /// What is wrong, and what there is.
        reason: String,
    },
    /// No cluster can be without it.
    #[error("every cluster needs the addon {0}; it cannot be disabled")]
    Required(String),
    /// Others need it.
    #[error("the addon {name} is needed by {}; disable that first", .by.join(", "))]
    Needed {
        /// The addon.
        name: String,
        /// Enabled addons that need it.
        by: Vec<String>,
    },
    /// An object of that name is there, and somebody else's.
    #[error("{kind} {name} is there already and is {whose}, not the addon {addon}'s; {advice}")]
    Taken {
        /// The addon.
        addon: String,
        /// Kind of the object.
        kind: String,
        /// Its name, behind its namespace.
        name: String,
        /// Who has it, as far as it tells.
        whose: String,
        /// What to type.
        advice: String,
    },
    /// An object was refused.
    #[error("{kind} {name}: {source}")]
    Object {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// The API's words.
        source: Box<kube::Error>,
    },
    /// It did not come up in time.
    #[error("{what} is not ready after {seconds} s; last seen: {seen}{}", list(.troubles))]
    NotReady {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// What was last seen.
        seen: String,
        /// Pods that are in the way.
        troubles: Vec<Trouble>,
    },
    /// A file of the user's own addons.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Something that does not run, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// `pod namespace/name`, or the workload if it has no pods.
    pub of: String,
    /// The container; empty if the pod has not come so far.
    pub container: String,
    /// Its image.
    pub image: String,
    /// Reason and message, with the answers of the image's sources where those are the cause.
    pub reason: String,
}

fn suggestion(near: &[String]) -> String {
    match near {
        [] => String::new(),
        [only] => format!("; did you mean {only}?"),
        several => format!("; did you mean one of {}?", several.join(", ")),
    }
}

fn list(troubles: &[Trouble]) -> String {
    let mut text = String::new();
    for trouble in troubles {
        let Trouble {
            of,
            container,
            image,
            reason,
        } = trouble;
        let _ = write!(text, "\n  {of}");
        if !container.is_empty() {
            let _ = write!(text, ", container {container}, image {image}");
        }
        for line in reason.lines() {
            let _ = write!(text, "\n    {line}");
        }
    }
    text
}

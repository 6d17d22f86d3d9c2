//! The words of a story in the user's language.

use traces::{Outcome, words};

use crate::ui::Messages;

fn pick(both: &'static words::Text, text: &Messages) -> &'static str {
    text.of_two(&both[0], &both[1])
}

fn why(row: Option<&'static words::Row>, text: &Messages) -> &'static str {
    row.map_or("", |row| pick(&row.why, text))
}

fn title(row: Option<&'static words::Row>, name: &str, text: &Messages) -> String {
    let own = row.and_then(|row| row.title.as_ref());
    own.map_or(name, |own| pick(own, text)).to_owned()
}

/// A text between the steps.
pub(super) fn word(name: &str, text: &Messages) -> &'static str {
    words::word(name).map_or("", |both| pick(both, text))
}

/// A text with a number in it.
pub(super) fn counted(name: &str, count: usize, text: &Messages) -> String {
    words::counted(word(name, text), count)
}

/// A step inside the API server: what it is called, with its detail, and what it is for.
pub(super) fn phase(name: &str, outcome: Outcome, detail: &str, text: &Messages) -> (String, &'static str) {
    let row = words::phase(name);
    let title = title(row, name, text);
    let meaning = words::plugin(detail).filter(|_| name == "admission").or(row);
    let (changed, refused) = (word("changed", text), word("refused", text));
    let title = match (name, outcome, detail) {
        ("defaults", Outcome::Passed, _) => format!("{title}: {}", word("nothing", text)),
        ("defaults", _, "") => title,
        ("defaults", ..) => format!(
            "{title}: {}",
            counted("filled", detail.parse().unwrap_or_default(), text)
        ),
        ("admission", Outcome::Changed, _) => format!("{title}: {detail} {changed}"),
        ("admission", Outcome::Refused, _) => format!("{title}: {detail} {refused}"),
        (_, Outcome::Refused, "") => format!("{title} {refused}"),
        (_, Outcome::Refused, _) => format!("{title} {refused}: {detail}"),
        (_, _, "") => title,
        _ => format!("{title}: {detail}"),
    };
    (title, why(meaning, text))
}

/// A kubelet's step; the reason of a warning stays as Kubernetes calls it.
pub(super) fn step(step: &str, text: &Messages) -> (String, &'static str) {
    let row = words::step(step);
    (title(row, step, text), why(row, text))
}

/// What a component is for.
pub(super) fn actor(actor: &str, text: &Messages) -> &'static str {
    why(words::actor(actor), text)
}

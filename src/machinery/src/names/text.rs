//! How upstream words a failed check.

pub(super) fn max_bytes(length: usize) -> String {
    format!("must be no more than {length} bytes")
}

pub(super) fn max_characters(length: usize) -> String {
    format!("must be no more than {length} characters")
}

/// The message with its examples and the regular expression it stands for.
pub(super) fn regex(message: &str, expression: &str, examples: &[&str]) -> String {
    if examples.is_empty() {
        return format!("{message} (regex used for validation is '{expression}')");
    }
    let examples: Vec<String> = examples.iter().map(|example| format!("'{example}', ")).collect();
    format!(
        "{message} (e.g. {}regex used for validation is '{expression}')",
        examples.join(" or ")
    )
}

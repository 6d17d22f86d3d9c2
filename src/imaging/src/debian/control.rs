//! The paragraph format of control files ("deb822").

/// One paragraph: fields in order, continuation lines joined by newlines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Paragraph<'a> {
    fields: Vec<(&'a str, String)>,
}

impl Paragraph<'_> {
    /// A field's value; names compare without case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A field's words.
    pub(crate) fn words(&self, name: &str) -> Vec<&str> {
        self.get(name)
            .map(|value| value.split_whitespace().collect())
            .unwrap_or_default()
    }
}

/// Splits a text into paragraphs. Comments and malformed lines are passed over, as apt does in lenient places.
pub(crate) fn paragraphs(text: &str) -> Vec<Paragraph<'_>> {
    let mut all = Vec::new();
    let mut now = Paragraph::default();
    for line in text.lines() {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            if !now.fields.is_empty() {
                all.push(std::mem::take(&mut now));
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = now.fields.last_mut() {
                value.push('\n');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            now.fields.push((name.trim(), value.trim().to_owned()));
        }
    }
    if !now.fields.is_empty() {
        all.push(now);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuation_lines_comments_and_case() {
        let text = "Types: deb\n# note\nURIs: http://a/ \n http://b/\n\n\nsuites: trixie\n";
        let all = paragraphs(text);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].words("uris"), ["http://a/", "http://b/"]);
        assert_eq!(all[1].get("Suites"), Some("trixie"));
    }
}

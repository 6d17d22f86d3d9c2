//! Reading samples, one line each; everything else is passed over.

/// A line that is no sample.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a sample: {0:?}")]
pub struct ReadError(String);

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    /// The metric's name.
    pub name: &'a str,
    /// Labels as written, escapes and all.
    labels: Vec<(&'a str, &'a str)>,
    /// The value.
    pub value: f64,
    /// Milliseconds since the epoch, if given.
    pub at: Option<i64>,
}

impl Sample<'_> {
    /// A label's value; empty if there is none.
    pub fn label(&self, name: &str) -> String {
        let raw = self.labels.iter().find(|(label, _)| *label == name);
        raw.map(|(_, value)| unescape(value)).unwrap_or_default()
    }
}

/// The samples of a document, in order.
pub fn samples(text: &str) -> impl Iterator<Item = Result<Sample<'_>, ReadError>> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| sample(line).ok_or_else(|| ReadError(line.chars().take(200).collect())))
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside.trim_start();
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once('=')?;
            let quoted = after.trim_start().strip_prefix('"')?;
            let close = closing(quoted)?;
            labels.push((label.trim(), &quoted[..close]));
            rest = quoted[close + 1..].trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
        rest = &rest[1..];
    }
    let mut words = rest.split_whitespace();
    let value = match words.next()? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        number => number.parse().ok()?,
    };
    let at = match words.next() {
        Some(word) => Some(word.parse().ok()?),
        None => None,
    };
    Some(Sample {
        name,
        labels,
        value,
        at,
    })
}

/// Where the quote that is not escaped stands.
fn closing(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_lines_are_errors_and_comments_are_not() {
        let text = "# HELP a b\n\na{x=\"1\",} 1\na{x=\"1} 1\nb\nc x\nd 1 y\ne NaN\n";
        let read: Vec<bool> = samples(text).map(|sample| sample.is_ok()).collect();
        assert_eq!(read, [true, false, false, false, false, true]);
    }
}

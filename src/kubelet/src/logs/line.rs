//! One line of the runtime's log format: `<time> <stream> <P|F> <content>`.

/// A parsed line; borrowed from the file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) time: &'a str,
    /// `stdout` or `stderr`.
    pub(crate) stream: &'a str,
    /// The container's own line goes on in the next one.
    pub(crate) partial: bool,
    pub(crate) content: &'a [u8],
}

impl<'a> Line<'a> {
    /// Parses one line with or without its newline; `None` if it is none (cut off by rotation or a crash).
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let mut parts = bytes.splitn(4, |byte| *byte == b' ');
        let mut text = || std::str::from_utf8(parts.next()?).ok();
        let (time, stream, tags) = (text()?, text()?, text()?);
        let content = parts.next()?;
        if !matches!(stream, "stdout" | "stderr") || time.len() < 20 {
            return None;
        }
        let partial = tags.split(':').next() == Some("P");
        Some(Self {
            time,
            stream,
            partial,
            content,
        })
    }

    /// The content with the newline that the container wrote, if it did.
    pub(crate) fn content_with_end(&self) -> impl Iterator<Item = u8> + 'a {
        let end: &'static [u8] = if self.partial { b"" } else { b"\n" };
        self.content.iter().chain(end).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_full_or_partial() {
        let line = Line::parse(b"2024-01-01T00:00:00.000000001Z stderr F a b\n").unwrap();
        assert_eq!(
            (line.stream, line.partial, line.content),
            ("stderr", false, &b"a b"[..])
        );
        let line = Line::parse(b"2024-01-01T00:00:00.000000001Z stdout P part\n").unwrap();
        assert_eq!(line.content_with_end().collect::<Vec<_>>(), b"part");
    }

    #[test]
    fn junk_is_no_line() {
        assert_eq!(Line::parse(b"half a li"), None);
        assert_eq!(Line::parse(b""), None);
    }
}

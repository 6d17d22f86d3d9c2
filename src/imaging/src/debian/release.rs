//! Release files: checksums of an archive's indexes.

use std::collections::HashMap;

use super::control::paragraphs;
use crate::ImagingError;

/// A verified release.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Release {
    /// Code name, e.g. `trixie`.
    pub(crate) codename: String,
    /// Whether indexes can be fetched by hash, safe against a mirror being updated meanwhile.
    pub(crate) by_hash: bool,
    files: HashMap<String, (String, u64)>,
}

impl Release {
    /// Reads a release whose signature has been checked.
    pub(crate) fn parse(text: &str) -> Result<Self, ImagingError> {
        let malformed = |reason: &str| ImagingError::Malformed {
            what: "release".into(),
            reason: reason.into(),
        };
        let all = paragraphs(text);
        let paragraph = all.first().ok_or_else(|| malformed("empty"))?;
        let sums = paragraph.get("SHA256").ok_or_else(|| malformed("no SHA256 section"))?;
        let mut files = HashMap::new();
        for line in sums.lines() {
            let mut words = line.split_whitespace();
            if let (Some(sum), Some(size), Some(path)) = (words.next(), words.next(), words.next())
                && let Ok(size) = size.parse()
            {
                files.insert(path.to_owned(), (sum.to_owned(), size));
            }
        }
        Ok(Self {
            codename: paragraph.get("Codename").unwrap_or_default().to_owned(),
            by_hash: paragraph.get("Acquire-By-Hash") == Some("yes"),
            files,
        })
    }

    /// SHA-256 and size of an index.
    pub(crate) fn file(&self, path: &str) -> Option<(&str, u64)> {
        self.files.get(path).map(|(sum, size)| (sum.as_str(), *size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_from_the_sha256_section_only() {
        let text = "Codename: trixie\nAcquire-By-Hash: yes\nMD5Sum:\n aa 1 main/a.xz\nSHA256:\n bb 2 main/a.xz\n";
        let release = Release::parse(text).unwrap();
        assert_eq!(release.file("main/a.xz"), Some(("bb", 2)));
        assert!(release.by_hash);
        assert!(Release::parse("Codename: x\n").is_err());
    }
}

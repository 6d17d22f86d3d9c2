//! What an image is for: Linux on one architecture.

use std::fmt;
use std::str::FromStr;

/// OCI's and Debian's names of the architectures that nodes run on; they are the same.
const KNOWN: [&str; 2] = ["amd64", "arm64"];

/// Linux on an architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Platform(&'static str);

impl Platform {
    /// That of this binary.
    pub fn own() -> Self {
        Self(match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        })
    }

    /// Whether this binary runs there.
    pub fn is_own(self) -> bool {
        self == Self::own()
    }

    pub(crate) fn architecture(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "linux/{}", self.0)
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = KNOWN.into_iter().map(Self);
        known.into_iter().find(|one| one.to_string() == text).ok_or_else(|| {
            let all: Vec<String> = KNOWN.iter().map(|one| format!("linux/{one}")).collect();
            format!("it must be one of {}", all.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_read_as_they_are_written() {
        let arm: Platform = "linux/arm64".parse().unwrap();
        assert_eq!(arm.to_string(), "linux/arm64");
        assert!(Platform::own().is_own());
        for wrong in ["arm64", "linux/arm", "windows/amd64", ""] {
            assert!(
                wrong.parse::<Platform>().unwrap_err().contains("linux/amd64"),
                "{wrong}"
            );
        }
    }
}

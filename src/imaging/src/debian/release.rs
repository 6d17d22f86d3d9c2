//! Release files: checksums of an archive's indexes.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

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
    valid_until: Option<String>,
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
            valid_until: paragraph.get("Valid-Until").map(str::to_owned),
        })
    }

    /// Refuses a release whose time is over: signed once, but by now without years of security fixes perhaps. Those of frozen
    /// archives are meant to be old, and are not asked.
    pub(crate) fn check_valid(&self, now: SystemTime) -> Result<(), String> {
        let Some(text) = &self.valid_until else {
            return Ok(());
        };
        let until = date(text).ok_or_else(|| format!("it is valid until {text:?}, which is no date"))?;
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if now <= until {
            return Ok(());
        }
        Err(format!(
            "it was valid until {text}: an old copy, or this machine's clock is wrong; for a frozen archive set RKUBE_DEBIAN_FROZEN=1"
        ))
    }

    /// SHA-256 and size of an index.
    pub(crate) fn file(&self, path: &str) -> Option<(&str, u64)> {
        self.files.get(path).map(|(sum, size)| (sum.as_str(), *size))
    }
}

/// Seconds since 1970 of `Sat, 21 Nov 2026 08:12:33 UTC`, as archives write dates.
fn date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let words: Vec<&str> = text.split_whitespace().collect();
    let [day, month, year, time, "UTC" | "GMT" | "+0000"] = words[..] else {
        return None;
    };
    let month = 1 + MONTHS.iter().position(|known| *known == month)? as u64;
    let (day, year): (u64, u64) = (day.parse().ok()?, year.parse().ok()?);
    let clock: Vec<u64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = clock[..] else {
        return None;
    };
    if !(1970..10000).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    // a year that begins in March has its leap day at its end
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let since = days.checked_sub(719_468)?;
    Some(since * 86_400 + hours * 3600 + minutes * 60 + seconds)
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

    #[test]
    fn dates_are_read_as_archives_write_them() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 UTC", Some(0)),
            ("Tue, 29 Feb 2000 12:00:01 UTC", Some(951_825_601)),
            ("Sat, 21 Nov 2026 08:12:33 UTC", Some(1_795_248_753)),
            ("Sat, 21 Nov 2026 08:12:33 CET", None),
            ("soon", None),
        ] {
            assert_eq!(date(text), seconds, "{text}");
        }
    }

    #[test]
    fn a_release_whose_time_is_over_is_refused() {
        let text = "Codename: x\nValid-Until: Sat, 21 Nov 2026 08:12:33 UTC\nSHA256:\n bb 2 main/a.xz\n";
        let release = Release::parse(text).unwrap();
        let at = |seconds| UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        release.check_valid(at(1_795_248_753)).unwrap();
        let refused = release.check_valid(at(1_795_248_754)).unwrap_err();
        assert!(refused.contains("valid until Sat, 21 Nov 2026"), "{refused}");
        let forever = Release::parse("Codename: x\nSHA256:\n bb 2 main/a.xz\n").unwrap();
        forever.check_valid(at(u64::from(u32::MAX))).unwrap();
    }
}

//! How long something may take, as people write it: Go's durations, as minikube's flags take them, or plain seconds.

use std::time::Duration;

/// Units and how many nanoseconds they have; `ms` stands before `m`, which it begins with.
const UNITS: [(&str, f64); 7] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];
/// Longer than anybody waits, and short enough for every clock.
const LONGEST: Duration = Duration::from_secs(1 << 31);

/// Reads `6m`, `90s`, `1m30s`, `1.5h` or a number of seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let refuse = || "must be a duration such as 6m, 90s or 1m30s, or a number of seconds".to_owned();
    let parsed = match text.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => parts(text),
    };
    match parsed {
        Some(duration) if duration <= LONGEST => Ok(duration),
        Some(_) => Err(format!("must be no more than {} hours", LONGEST.as_secs() / 3600)),
        None => Err(refuse()),
    }
}

fn parts(mut text: &str) -> Option<Duration> {
    let mut nanoseconds = 0.0;
    if text.is_empty() {
        return None;
    }
    while !text.is_empty() {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        // `.5s` and `1.s` are Go's too, a lone point is not
        let number: f64 = text[..end].parse().ok()?;
        let rest = &text[end..];
        let (unit, size) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        nanoseconds += number * size;
        text = &rest[unit.len()..];
    }
    Duration::try_from_secs_f64(nanoseconds / 1e9).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gos_durations_and_plain_seconds_are_taken() {
        for (text, milliseconds) in [
            ("6m", 360_000),
            ("90s", 90_000),
            ("90", 90_000),
            ("0", 0),
            ("1m30s", 90_000),
            ("1h2m3s4ms", 3_723_004),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("250ms", 250),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_an_example() {
        for text in [
            "", "m", "6 m", "6minutes", "6x", "-1s", "1m30", "1.2.3s", ".s", "NaN", "inf",
        ] {
            let error = duration(text).unwrap_err();
            assert!(error.contains("such as 6m"), "{text}: {error}");
        }
        assert!(duration("99999999999h").unwrap_err().contains("no more than"));
        assert!(duration("18446744073709551615").unwrap_err().contains("no more than"));
    }
}

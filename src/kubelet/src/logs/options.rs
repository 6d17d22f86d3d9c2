//! Options of a log request.

use jiff::{SignedDuration, Timestamp};

/// What is wanted of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) follow: bool,
    pub(crate) previous: bool,
    pub(crate) timestamps: bool,
    pub(crate) since: Option<Timestamp>,
    pub(crate) tail: Option<usize>,
    pub(crate) limit: Option<usize>,
    /// `stdout` or `stderr` only.
    pub(crate) stream: Option<&'static str>,
}

impl Options {
    /// Reads the request's query.
    pub(crate) fn parse(pairs: &[(String, String)]) -> Result<Self, String> {
        let mut options = Self::default();
        for (key, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
            let bad = || format!("invalid value {value:?} for {key}");
            match key.as_str() {
                "follow" => options.follow = flag(value),
                "previous" => options.previous = flag(value),
                "timestamps" => options.timestamps = flag(value),
                "sinceSeconds" => {
                    let seconds: i64 = value.parse().map_err(|_| bad())?;
                    options.since = Some(Timestamp::now() - SignedDuration::from_secs(seconds));
                }
                "sinceTime" => options.since = Some(value.parse().map_err(|_| bad())?),
                "tailLines" => options.tail = Some(value.parse().map_err(|_| bad())?),
                "limitBytes" => options.limit = Some(value.parse().map_err(|_| bad())?),
                "stream" if value == "Stdout" => options.stream = Some("stdout"),
                "stream" if value == "Stderr" => options.stream = Some("stderr"),
                _ => {}
            }
        }
        Ok(options)
    }
}

fn flag(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

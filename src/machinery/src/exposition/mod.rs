//! Prometheus' text format, version 0.0.4, written and read.

mod read;

use std::fmt::Write as _;

pub use read::{ReadError, Sample, samples};

/// `Content-Type` of the format.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a metric's values mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows, but for restarts.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// A document in the making: families one after the other, each with all its samples.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
    name: &'static str,
}

impl Exposition {
    /// Begins a family.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> &mut Self {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // writing to a text cannot fail
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self.name = name;
        self
    }

    /// Adds a sample to the family, taken at a time in milliseconds since the epoch if that is not now.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64, at: Option<i64>) -> &mut Self {
        self.text.push_str(self.name);
        for (index, (label, value)) in labels.iter().enumerate() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let start = if index == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{start}{label}=\"{value}\"");
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = write!(self.text, " {value}");
        if let Some(at) = at {
            let _ = write!(self.text, " {at}");
        }
        self.text.push('\n');
        self
    }

    /// The document.
    pub fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let mut out = Exposition::default();
        out.family("a_total", Kind::Counter, "All of\nit.")
            .sample(
                &[("x", "back\\slash \"quote\"\nline"), ("y", "")],
                1.5,
                Some(1_700_000_000_123),
            )
            .sample(&[], 2e9, None);
        out.family("b", Kind::Gauge, "B.").sample(&[("z", "}, {")], -0.25, None);
        let text = out.finish();
        let read: Vec<Sample> = samples(&text).collect::<Result<_, _>>().unwrap();
        assert_eq!(read.len(), 3, "{text}");
        assert_eq!(read[0].name, "a_total");
        assert_eq!(read[0].label("x"), "back\\slash \"quote\"\nline");
        assert_eq!(read[0].label("y"), "");
        assert_eq!((read[0].value, read[0].at), (1.5, Some(1_700_000_000_123)));
        assert_eq!((read[1].name, read[1].value, read[1].at), ("a_total", 2e9, None));
        assert_eq!((read[2].label("z").as_str(), read[2].value), ("}, {", -0.25));
    }
}

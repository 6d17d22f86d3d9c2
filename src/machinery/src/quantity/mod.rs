//! Resource quantities: parsing, canonical form, comparison, arithmetic.
//!
//! Semantics: `k8s.io/apimachinery/pkg/api/resource`. Amounts are counted in billionths in 128 bits, so that nothing a
//! node can have overflows; what is larger saturates, as upstream's binary amounts do.

mod format;
mod parse;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::str::FromStr;

pub use parse::ParseError;

/// Billionths in one.
const NANO: i128 = 1_000_000_000;

/// How a quantity is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `12e6`.
    DecimalExponent,
    /// `12Mi`.
    BinarySi,
    /// `12M`.
    DecimalSi,
}

/// An amount and how it is written.
#[derive(Debug, Clone)]
pub struct Quantity {
    nanos: i128,
    format: Format,
    /// Spelling that upstream keeps although it is not canonical.
    text: Option<String>,
}

impl Quantity {
    /// Nothing.
    pub fn zero() -> Self {
        Self::new(0, Format::DecimalSi)
    }

    /// A whole amount.
    pub fn new(value: i64, format: Format) -> Self {
        Self {
            nanos: i128::from(value) * NANO,
            format,
            text: None,
        }
    }

    /// Thousandths.
    pub fn from_milli(value: i64, format: Format) -> Self {
        Self {
            nanos: i128::from(value) * (NANO / 1000),
            format,
            text: None,
        }
    }

    /// The format it is written in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whole units, rounded up.
    pub fn value(&self) -> i64 {
        saturate(ceil_div(self.nanos, NANO))
    }

    /// Thousandths, rounded up.
    pub fn milli_value(&self) -> i64 {
        saturate(ceil_div(self.nanos, NANO / 1000))
    }

    /// Approximate value.
    pub fn as_f64(&self) -> f64 {
        self.nanos as f64 / NANO as f64
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        self.nanos == 0
    }

    /// Whether it is below nothing.
    pub fn is_negative(&self) -> bool {
        self.nanos < 0
    }

    /// Adds; an empty sum takes the format of what is added.
    pub fn add(&mut self, other: &Self) {
        self.combine(other, self.nanos.saturating_add(other.nanos));
    }

    /// Subtracts.
    pub fn sub(&mut self, other: &Self) {
        self.combine(other, self.nanos.saturating_sub(other.nanos));
    }

    /// Multiplies.
    pub fn mul(&mut self, factor: i64) {
        self.nanos = self.nanos.saturating_mul(i128::from(factor));
        self.text = None;
    }

    /// Drops what is below thousandths, upwards.
    pub fn round_up_to_milli(&mut self) {
        let unit = NANO / 1000;
        if self.nanos % unit != 0 {
            self.nanos = ceil_div(self.nanos, unit).saturating_mul(unit);
            self.text = None;
        }
    }

    fn combine(&mut self, other: &Self, nanos: i128) {
        if self.is_zero() {
            self.format = other.format;
        }
        self.nanos = nanos;
        self.text = None;
    }
}

impl FromStr for Quantity {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse::parse(text)
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

/// Division rounded away from zero, as upstream rounds.
fn ceil_div(value: i128, by: i128) -> i128 {
    let quotient = value / by;
    if value % by == 0 {
        quotient
    } else {
        quotient + value.signum()
    }
}

fn saturate(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

//! Text to amount.

use super::{Format, NANO, Quantity};

/// Why a text is no quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not of the form at all.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// No number before the suffix.
    #[error("unable to parse numeric part of quantity")]
    Numeric,
    /// Unknown suffix.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

/// Largest binary amount.
const MAX_BINARY: i128 = i64::MAX as i128 * NANO;

pub(super) fn parse(text: &str) -> Result<Quantity, ParseError> {
    if text.is_empty() {
        return Err(ParseError::Format);
    }
    let (negative, rest) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let digits_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (whole, mut rest) = rest.split_at(digits_end);
    let whole = whole.trim_start_matches('0');
    let mut fraction = "";
    let has_digits = digits_end > 0;
    if let Some(after) = rest.strip_prefix('.') {
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        (fraction, rest) = after.split_at(end);
    }
    check_suffix_form(rest)?;
    if !has_digits && fraction.is_empty() && !(rest.is_empty() && text.len() <= 1) {
        return Err(ParseError::Numeric);
    }
    let (base_ten, exponent, format) = suffix(rest).ok_or(ParseError::Suffix)?;
    let mut nanos = amount(whole, fraction, base_ten, exponent);
    let mut format = format;
    if format == Format::BinarySi {
        nanos = nanos.min(MAX_BINARY);
        if nanos > 0 && nanos < NANO {
            format = Format::DecimalSi;
        }
    }
    if negative {
        nanos = -nanos;
    }
    let kept = keeps_spelling(whole, fraction, exponent, format, nanos).then(|| text.to_owned());
    Ok(Quantity {
        nanos,
        format,
        text: kept,
    })
}

fn check_suffix_form(suffix: &str) -> Result<(), ParseError> {
    let rest = suffix.trim_start_matches(|c: char| "eEinumkKMGTP".contains(c));
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    if rest.bytes().all(|c| c.is_ascii_digit()) {
        Ok(())
    } else {
        Err(ParseError::Format)
    }
}

/// Whether the base is ten, the exponent of the base (two or ten), and the format.
fn suffix(text: &str) -> Option<(bool, i32, Format)> {
    let decimal = |exponent| Some((true, exponent, Format::DecimalSi));
    let binary = |exponent| Some((false, exponent, Format::BinarySi));
    match text {
        "" => decimal(0),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent = text.strip_prefix(['e', 'E'])?;
            Some((true, exponent.parse().ok()?, Format::DecimalExponent))
        }
    }
}

/// The amount in billionths, rounded up, saturating.
fn amount(whole: &str, fraction: &str, base_ten: bool, exponent: i32) -> i128 {
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return 0;
    }
    let scale = 9 - i64::try_from(fraction.len()).unwrap_or(i64::MAX) + if base_ten { i64::from(exponent) } else { 0 };
    let factor = if base_ten { 1 } else { 1_i128 << exponent };
    // More than 38 digits after scaling cannot fit; fewer digits than the scale takes away round up to one billionth.
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    if scale < 0 && base_ten {
        let keep = count + scale;
        if keep <= 0 {
            return 1;
        }
        let (kept, lost) = digits.split_at(usize::try_from(keep).unwrap_or(0));
        let up = i128::from(lost.bytes().any(|c| c != b'0'));
        return kept.parse::<i128>().map_or(i128::MAX, |value| value.saturating_add(up));
    }
    let Ok(value) = digits.parse::<i128>() else {
        return i128::MAX;
    };
    let Some(scaled) = value.checked_mul(factor) else {
        return i128::MAX;
    };
    let Ok(power) = u32::try_from(scale.unsigned_abs()) else {
        return i128::MAX;
    };
    let Some(power) = 10_i128.checked_pow(power) else {
        return if scale < 0 { 1 } else { i128::MAX };
    };
    if scale < 0 {
        super::ceil_div(scaled, power)
    } else {
        scaled.checked_mul(power).unwrap_or(i128::MAX)
    }
}

/// Upstream returns some spellings as they came, although they are not canonical (`1.234`, `100Ki`).
fn keeps_spelling(whole: &str, fraction: &str, exponent: i32, format: Format, nanos: i128) -> bool {
    if nanos == 0 {
        return false;
    }
    let digits = format!("{}{fraction}", if whole.is_empty() { "0" } else { whole });
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    match format {
        Format::BinarySi => {
            let precision = 15 - count - exponent * 3 / 10 - 1;
            let low = digits.as_bytes().last().map_or(0, |digit| digit - b'0');
            // The last three bits of the number decide upstream; only odd multiples up to four are canonical anyway.
            let value = digits.parse::<i128>().unwrap_or(0);
            fraction.is_empty() && precision >= 0 && exponent % 10 == 0 && value & 7 != 0 && low < 10
        }
        Format::DecimalSi | Format::DecimalExponent => {
            let scale = exponent - i32::try_from(fraction.len()).unwrap_or(i32::MAX);
            let fits = 18 - count >= 0 && scale >= -9;
            fits && scale % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0')
        }
    }
}

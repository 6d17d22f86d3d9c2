//! Amount to canonical text: no fraction, the largest suffix that keeps the number whole.

use std::fmt;

use super::{Format, NANO, Quantity, ceil_div};

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.text {
            return f.write_str(text);
        }
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let binary = self.format == Format::BinarySi && self.nanos.abs() >= 1024 * NANO && self.nanos % NANO == 0;
        if binary {
            return self.binary(f);
        }
        self.decimal(f)
    }
}

impl Quantity {
    fn binary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = ceil_div(self.nanos, NANO);
        let mut suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter();
        let mut suffix = suffixes.next();
        while value % 1024 == 0 {
            let Some(next) = suffixes.next() else { break };
            value /= 1024;
            suffix = Some(next);
        }
        write!(f, "{value}{}", suffix.unwrap_or(&""))
    }

    fn decimal(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.nanos;
        let mut exponent = -9;
        while value % 1000 == 0 && exponent < 18 {
            value /= 1000;
            exponent += 3;
        }
        let suffix = match exponent {
            -9 => "n",
            -6 => "u",
            -3 => "m",
            0 => "",
            3 => "k",
            6 => "M",
            9 => "G",
            12 => "T",
            15 => "P",
            _ => "E",
        };
        match self.format {
            Format::DecimalExponent if exponent == 0 => write!(f, "{value}"),
            Format::DecimalExponent => write!(f, "{value}e{exponent}"),
            _ => write!(f, "{value}{suffix}"),
        }
    }
}

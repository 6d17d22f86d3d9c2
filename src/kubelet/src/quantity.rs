//! Resource quantities as whole numbers, rounded up; a malformed one (which the API does not let in) counts as nothing.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use machinery::quantity::Quantity as Exact;

/// Thousandths of the unit, e.g. of a core.
pub(crate) fn milli(quantity: &Quantity) -> i64 {
    quantity
        .0
        .parse::<Exact>()
        .map(|exact| exact.milli_value())
        .unwrap_or_default()
}

/// Whole units, e.g. bytes.
pub(crate) fn units(quantity: &Quantity) -> i64 {
    quantity
        .0
        .parse::<Exact>()
        .map(|exact| exact.value())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_round_up() {
        for (text, expected) in [("100m", 100), ("0.5", 500), ("100u", 1)] {
            assert_eq!(milli(&Quantity(text.into())), expected, "{text}");
        }
        for (text, expected) in [("64Mi", 67_108_864), ("1500m", 2)] {
            assert_eq!(units(&Quantity(text.into())), expected, "{text}");
        }
    }
}

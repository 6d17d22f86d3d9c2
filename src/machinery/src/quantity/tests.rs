//! Parsing and canonical form against upstream's behaviour.

use proptest::prelude::*;

use super::*;

fn canonical(text: &str) -> String {
    text.parse::<Quantity>()
        .map_or_else(|error| error.to_string(), |quantity| quantity.to_string())
}

#[test]
fn canonical_forms() {
    for (text, expected) in [
        ("0", "0"),
        ("0Mi", "0"),
        ("100m", "100m"),
        ("0.1", "100m"),
        ("0.5", "500m"),
        ("1.5", "1500m"),
        ("1000m", "1"),
        ("1000", "1k"),
        ("1024Mi", "1Gi"),
        ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"),
        ("100Ki", "100Ki"),
        ("1e3", "1e3"),
        ("1E6", "1E6"),
        ("12e6", "12e6"),
        ("1.234", "1.234"),
        ("1.2345", "1234500u"),
        ("-5", "-5"),
        ("-1024Ki", "-1Mi"),
        ("0.000000000001", "1n"),
        ("2048", "2048"),
        ("1Ki", "1Ki"),
        ("500Ki", "500Ki"),
        ("0.1Ki", "102400m"),
        ("9999999999999999999Ki", "9223372036854775807"),
    ] {
        assert_eq!(canonical(text), expected, "{text}");
    }
}

#[test]
fn malformed_is_refused() {
    for (text, error) in [
        ("", ParseError::Format),
        ("1.1.1", ParseError::Format),
        ("1+1.0", ParseError::Format),
        ("abc", ParseError::Format),
        ("1x", ParseError::Format),
        ("1Mib", ParseError::Format),
        ("1MM", ParseError::Suffix),
        ("1mi", ParseError::Suffix),
        ("Mi", ParseError::Numeric),
    ] {
        assert_eq!(text.parse::<Quantity>().err(), Some(error), "{text}");
    }
}

#[test]
fn values_round_up() {
    let q: Quantity = "1100m".parse().expect("quantity");
    assert_eq!((q.value(), q.milli_value()), (2, 1100));
    let q: Quantity = "1n".parse().expect("quantity");
    assert_eq!((q.value(), q.milli_value()), (1, 1));
    let q: Quantity = "-1100m".parse().expect("quantity");
    assert_eq!(q.value(), -2);
    assert_eq!("100E".parse::<Quantity>().expect("quantity").value(), i64::MAX);
    assert!("1e999999".parse::<Quantity>().is_ok());
}

#[test]
fn sums_take_the_format_of_the_first() {
    let mut sum = Quantity::zero();
    sum.add(&"1Gi".parse().expect("quantity"));
    sum.add(&"1024".parse().expect("quantity"));
    assert_eq!(sum.to_string(), "1048577Ki");
    sum.sub(&"1Gi".parse().expect("quantity"));
    assert_eq!(sum.to_string(), "1Ki");
}

proptest! {
    #[test]
    fn canonical_text_means_the_same(text in "[+-]?[0-9]{1,12}(\\.[0-9]{0,6})?(n|u|m|k|M|G|T|Ki|Mi|Gi|Ti|e[0-9]|e-[0-9]|)") {
        let quantity: Quantity = text.parse().expect("generated quantities parse");
        let again: Quantity = quantity.to_string().parse().expect("canonical text parses");
        prop_assert_eq!(&quantity, &again);
        let canonical = Quantity { text: None, ..again };
        let twice: Quantity = canonical.to_string().parse().expect("canonical text parses");
        prop_assert_eq!(canonical.to_string(), Quantity { text: None, ..twice }.to_string());
    }
}

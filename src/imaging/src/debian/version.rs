//! Order of Debian versions, as in Debian policy 5.6.12.

use std::cmp::Ordering;

/// Compares two version texts.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    let (left_epoch, left_up, left_rev) = split(left);
    let (right_epoch, right_up, right_rev) = split(right);
    left_epoch
        .cmp(&right_epoch)
        .then_with(|| compare_part(left_up, right_up))
        .then_with(|| compare_part(left_rev, right_rev))
}

fn split(version: &str) -> (u64, &str, &str) {
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
        None => (0, version),
    };
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
    (epoch, upstream, revision)
}

fn compare_part(mut left: &str, mut right: &str) -> Ordering {
    loop {
        let (left_text, left_rest) = take(left, |c| !c.is_ascii_digit());
        let (right_text, right_rest) = take(right, |c| !c.is_ascii_digit());
        let order = compare_text(left_text, right_text);
        if order != Ordering::Equal {
            return order;
        }
        let (left_number, left_rest) = take(left_rest, |c| c.is_ascii_digit());
        let (right_number, right_rest) = take(right_rest, |c| c.is_ascii_digit());
        let left_number = left_number.trim_start_matches('0');
        let right_number = right_number.trim_start_matches('0');
        // without leading zeros the longer number is the greater one, of any size
        let order = left_number
            .len()
            .cmp(&right_number.len())
            .then_with(|| left_number.cmp(right_number));
        if order != Ordering::Equal {
            return order;
        }
        if left_rest.is_empty() && right_rest.is_empty() {
            return Ordering::Equal;
        }
        (left, right) = (left_rest, right_rest);
    }
}

fn take(text: &str, accept: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !accept(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// `~` sorts before the end, the end before letters, letters before everything else.
fn compare_text(left: &str, right: &str) -> Ordering {
    let weight = |c: Option<char>| match c {
        Some('~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => c as i64,
        Some(c) => c as i64 + 0x11_0000,
    };
    let (mut left, mut right) = (left.chars(), right.chars());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => match weight(a).cmp(&weight(b)) {
                Ordering::Equal => {}
                order => return order,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_examples() {
        for (small, great) in [
            ("1.0~rc1", "1.0"),
            ("1.0", "1.0-1"),
            ("1.0-1", "1.0-1+b1"),
            ("1.0-9", "1.0-10"),
            ("9.9", "1:0.1"),
            ("1.0~~", "1.0~~a"),
            ("1.0~~a", "1.0~"),
            ("1.0a", "1.0+"),
            ("5.2.37-2+b5", "5.2.37-2+b10"),
            ("1.7.24~ds1-6", "1.7.24~ds1-6+deb13u1"),
            ("2:4.0.4-9", "2:4.0.4-9+deb13u1"),
        ] {
            assert_eq!(compare(small, great), Ordering::Less, "{small} < {great}");
            assert_eq!(compare(great, small), Ordering::Greater, "{great} > {small}");
            assert_eq!(compare(small, small), Ordering::Equal, "{small}");
        }
        assert_eq!(compare("1.0", "1.0-0"), Ordering::Equal);
        assert_eq!(compare("0:1.00", "1.0"), Ordering::Equal);
    }
}

//! Sets of addresses as ranges that neither touch nor overlap.

use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Addresses, sorted; first and last of each range are included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    /// A network without the exceptions. What is not IPv4 holds none of these addresses.
    pub(super) fn of(cidr: &str, except: &[String]) -> Self {
        let Some(whole) = range(cidr) else {
            return Self::default();
        };
        let holes = Self(except.iter().filter_map(|cidr| range(cidr)).collect()).normal();
        let mut left = Vec::new();
        let (mut from, end) = whole;
        for (first, last) in holes.0 {
            if last < from {
                continue;
            }
            if first > end {
                break;
            }
            if first > from {
                left.push((from, first - 1));
            }
            match last.checked_add(1) {
                Some(next) => from = next,
                None => return Self(left),
            }
        }
        if from <= end {
            left.push((from, end));
        }
        Self(left)
    }

    /// All of both.
    pub(super) fn union(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&other.0).copied().collect()).normal()
    }

    pub(super) fn holds(&self, address: Ipv4Addr) -> bool {
        let address = u32::from(address);
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&address))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sorted and merged.
    fn normal(mut self) -> Self {
        self.0.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(self.0.len());
        for (first, last) in self.0 {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    /// Each range as nftables writes it.
    pub(super) fn elements(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(first, last)| {
            let (first, last) = (Ipv4Addr::from(*first), Ipv4Addr::from(*last));
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.elements().collect::<Vec<_>>().join(","))
    }
}

fn range(cidr: &str) -> Option<(u32, u32)> {
    let network: Ipv4Net = cidr.parse().ok()?;
    Some((network.network().into(), network.broadcast().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_leave_what_is_around_them() {
        let except = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
        let text = |cidr: &str, list: &[&str]| Ranges::of(cidr, &except(list)).to_string();
        assert_eq!(text("10.0.0.0/24", &[]), "10.0.0.0-10.0.0.255");
        assert_eq!(
            text("10.0.0.0/24", &["10.0.0.128/25", "10.0.0.0/31"]),
            "10.0.0.2-10.0.0.127"
        );
        assert_eq!(
            text("0.0.0.0/0", &["10.0.0.0/8"]),
            "0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.255"
        );
        assert_eq!(text("0.0.0.0/0", &["128.0.0.0/1", "0.0.0.0/1"]), "");
        assert_eq!(text("10.1.2.3/32", &["10.9.0.0/16"]), "10.1.2.3");
        assert_eq!(text("fd00::/8", &[]), "");
    }

    #[test]
    fn neighbours_become_one_range() {
        let both = Ranges::of("10.0.0.0/25", &[]).union(&Ranges::of("10.0.0.128/25", &[]));
        assert_eq!(both.to_string(), "10.0.0.0-10.0.0.255");
    }
}

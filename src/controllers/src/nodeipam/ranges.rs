//! Which parts of the pods' network are whose. Pure.
//!
//! Semantics: `k8s.io/kubernetes/pkg/controller/nodeipam/ipam/cidrset`; besides, a part that two nodes hold stays taken until
//! both have given it back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;

/// As upstream's: more parts than these are not kept account of.
const MOST_BITS: u8 = 16;

/// One network in parts of equal size.
#[derive(Debug)]
pub(super) struct Ranges {
    network: IpNet,
    /// Length of a part's prefix.
    prefix: u8,
    /// Who has each part that is not free.
    holders: BTreeMap<u32, BTreeSet<String>>,
    /// The same from the other side.
    held: BTreeMap<String, Vec<RangeInclusive<u32>>>,
    /// Where the search for a free part begins: a part given back is the last to be given away again.
    next: u32,
}

impl Ranges {
    /// None if the network has no parts of this size, or too many.
    pub(super) fn new(network: IpNet, prefix: u8) -> Option<Self> {
        let bits = prefix.checked_sub(network.prefix_len())?;
        (bits <= MOST_BITS && prefix <= network.max_prefix_len()).then(|| Self {
            network: network.trunc(),
            prefix,
            holders: BTreeMap::new(),
            held: BTreeMap::new(),
            next: 0,
        })
    }

    fn count(&self) -> u32 {
        1 << (self.prefix - self.network.prefix_len())
    }

    /// Gives the next free part to `holder`; none if all are taken.
    pub(super) fn give(&mut self, holder: &str) -> Option<IpNet> {
        let count = self.count();
        let mut candidates = (0..count).map(|step| (self.next + step) % count);
        let index = candidates.find(|index| !self.holders.contains_key(index))?;
        self.next = (index + 1) % count;
        self.hold(index..=index, holder);
        self.part(index)
    }

    /// Notes that `holder` has the range, of whatever size; false if it lies outside the network.
    pub(super) fn occupy(&mut self, range: IpNet, holder: &str) -> bool {
        let parts = self.parts(range);
        let is_inside = parts.is_some();
        if let Some(parts) = parts {
            self.hold(parts, holder);
        }
        is_inside
    }

    fn hold(&mut self, parts: RangeInclusive<u32>, holder: &str) {
        for index in parts.clone() {
            self.holders.entry(index).or_default().insert(holder.to_owned());
        }
        self.held.entry(holder.to_owned()).or_default().push(parts);
    }

    /// The part that was given to `holder`.
    pub(super) fn given(&self, holder: &str) -> Option<IpNet> {
        self.part(*self.held.get(holder)?.first()?.start())
    }

    /// Takes back all that `holder` has; false if that is nothing.
    pub(super) fn release(&mut self, holder: &str) -> bool {
        let parts = self.held.remove(holder);
        for index in parts.iter().flatten().cloned().flatten() {
            if let Some(holders) = self.holders.get_mut(&index) {
                holders.remove(holder);
                if holders.is_empty() {
                    self.holders.remove(&index);
                }
            }
        }
        parts.is_some()
    }

    /// The parts that have addresses of the range.
    fn parts(&self, range: IpNet) -> Option<RangeInclusive<u32>> {
        if range.contains(&self.network) {
            return Some(0..=self.count() - 1);
        }
        if !self.network.contains(&range) {
            return None;
        }
        Some(self.index(range.network())?..=self.index(range.broadcast())?)
    }

    fn index(&self, address: IpAddr) -> Option<u32> {
        let host_bits = u32::from(self.network.max_prefix_len() - self.prefix);
        let offset = number(address).checked_sub(number(self.network.network()))?;
        u32::try_from(offset.checked_shr(host_bits).unwrap_or(0)).ok()
    }

    fn part(&self, index: u32) -> Option<IpNet> {
        let host_bits = u32::from(self.network.max_prefix_len() - self.prefix);
        let first = number(self.network.network()) + u128::from(index).checked_shl(host_bits).unwrap_or(0);
        let address = if self.network.addr().is_ipv4() {
            IpAddr::V4(u32::try_from(first).ok()?.into())
        } else {
            IpAddr::V6(first.into())
        };
        IpNet::new(address, self.prefix).ok()
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().expect("network")
    }

    /// Gives a part to a node of its own name.
    fn give(ranges: &mut Ranges) -> Option<String> {
        let name = format!("node-{}", ranges.next);
        ranges.give(&name).map(|range| range.to_string())
    }

    #[test]
    fn parts_are_given_in_turn_until_none_is_left() {
        let mut ranges = Ranges::new(net("10.244.0.0/22"), 24).expect("ranges");
        for index in 0..4 {
            assert_eq!(give(&mut ranges), Some(format!("10.244.{index}.0/24")));
        }
        assert_eq!(give(&mut ranges), None);
        assert!(ranges.release("node-2"));
        assert!(!ranges.release("node-2"), "it has nothing any more");
        assert_eq!(ranges.give("late"), Some(net("10.244.2.0/24")));
        assert_eq!(ranges.given("late"), Some(net("10.244.2.0/24")));
    }

    #[test]
    fn a_part_given_back_is_the_last_to_be_given_away_again() {
        let mut ranges = Ranges::new(net("10.244.0.0/22"), 24).expect("ranges");
        ranges.give("first");
        ranges.release("first");
        assert_eq!(ranges.give("second"), Some(net("10.244.1.0/24")));
    }

    #[test]
    fn what_is_occupied_is_passed_over_whatever_its_size() {
        let mut ranges = Ranges::new(net("10.244.0.0/21"), 24).expect("ranges");
        assert!(ranges.occupy(net("10.244.0.0/23"), "large"));
        assert!(ranges.occupy(net("10.244.2.128/25"), "small"));
        assert!(!ranges.occupy(net("10.245.0.0/24"), "outside"));
        assert_eq!(give(&mut ranges).as_deref(), Some("10.244.3.0/24"));
        assert!(ranges.occupy(net("10.0.0.0/8"), "everything"));
        assert_eq!(give(&mut ranges), None);
        ranges.release("everything");
        assert_eq!(give(&mut ranges).as_deref(), Some("10.244.4.0/24"));
    }

    #[test]
    fn a_part_of_two_holders_is_free_once_both_gave_it_back() {
        let mut ranges = Ranges::new(net("10.244.0.0/24"), 24).expect("ranges");
        ranges.occupy(net("10.244.0.0/24"), "one");
        ranges.occupy(net("10.244.0.0/24"), "other");
        ranges.release("one");
        assert_eq!(give(&mut ranges), None);
        ranges.release("other");
        assert_eq!(give(&mut ranges).as_deref(), Some("10.244.0.0/24"));
    }

    #[test]
    fn addresses_of_the_new_kind_have_parts_too() {
        let mut ranges = Ranges::new(net("fd00:10:244::/56"), 64).expect("ranges");
        assert_eq!(give(&mut ranges).as_deref(), Some("fd00:10:244::/64"));
        assert_eq!(give(&mut ranges).as_deref(), Some("fd00:10:244:1::/64"));
        assert!(ranges.occupy(net("fd00:10:244:2::/63"), "two"));
        assert_eq!(give(&mut ranges).as_deref(), Some("fd00:10:244:4::/64"));
    }

    #[test]
    fn a_network_must_have_parts_of_the_size_and_not_too_many() {
        assert!(Ranges::new(net("10.244.0.0/25"), 24).is_none());
        assert!(Ranges::new(net("10.244.0.0/24"), 33).is_none());
        assert!(Ranges::new(net("fd00::/32"), 64).is_none());
        assert!(Ranges::new(net("0.0.0.0/0"), 16).is_some());
    }
}

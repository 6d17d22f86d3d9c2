//! Choosing addresses for a cluster's network that nothing else here uses.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Subnets to try, in order: minikube's first choices, then the other private ranges.
pub(crate) fn candidates() -> impl Iterator<Item = Ipv4Net> {
    let class_c = (49..=247).step_by(9).map(|third| Ipv4Addr::new(192, 168, third, 0));
    let class_b = (20..=31).map(|second| Ipv4Addr::new(172, second, 49, 0));
    let class_a = (60..=90).step_by(3).map(|second| Ipv4Addr::new(10, second, 49, 0));
    class_c
        .chain(class_b)
        .chain(class_a)
        .map(|address| Ipv4Net::new_assert(address, 24))
}

/// The first candidate that overlaps none of `taken`.
pub(crate) fn choose(taken: &[Ipv4Net], tried: &[Ipv4Net]) -> Option<Ipv4Net> {
    candidates().find(|candidate| !tried.contains(candidate) && !taken.iter().any(|net| overlap(*candidate, *net)))
}

/// Whether two networks share an address.
pub(crate) fn overlap(left: Ipv4Net, right: Ipv4Net) -> bool {
    left.contains(&right.network()) || right.contains(&left.network())
}

/// Destinations of a routing table in the format of `/proc/net/route`, without the default route: of interfaces, and of
/// virtual private networks, which take part of a range without having an address in it.
pub(crate) fn routes(table: &str) -> Vec<Ipv4Net> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let destination = hex(words.nth(1)?)?;
            let mask = hex(words.nth(5)?)?;
            let net = Ipv4Net::with_netmask(destination, mask).ok()?;
            (net.prefix_len() > 1).then_some(net)
        })
        .collect()
}

/// The kernel prints addresses as the number they are in memory.
fn hex(text: &str) -> Option<Ipv4Addr> {
    u32::from_str_radix(text, 16)
        .ok()
        .map(|number| Ipv4Addr::from(number.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    #[test]
    fn routes_of_interfaces_and_tunnels_are_avoided_but_not_the_default_route() {
        let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
            eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
            docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
            tun0\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        let taken = routes(table);
        assert_eq!(taken, [net("172.17.0.0/16"), net("192.168.0.0/16")]);
        assert_eq!(choose(&taken, &[]), Some(net("172.20.49.0/24")));
    }

    #[test]
    fn tried_ones_are_passed_over_and_the_end_is_reached() {
        assert_eq!(choose(&[], &[]), Some(net("192.168.49.0/24")));
        assert_eq!(choose(&[], &[net("192.168.49.0/24")]), Some(net("192.168.58.0/24")));
        let all = [net("192.168.0.0/16"), net("172.16.0.0/12"), net("10.0.0.0/8")];
        assert_eq!(choose(&all, &[]), None);
    }

    #[test]
    fn candidates_leave_pods_and_services_alone() {
        for candidate in candidates() {
            assert!(!overlap(candidate, net("10.244.0.0/16")) && !overlap(candidate, net("10.96.0.0/12")));
        }
    }
}

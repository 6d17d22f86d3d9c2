//! Load balancers' addresses: which node answers for which, and telling the kernel.
//!
//! All nodes see the same services, endpoints and nodes, so each knows by itself what is its own. An address is on the
//! device that the nodes share, where the kernel answers for it; what comes in is then a service's like any other.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use tokio::net::UdpSocket;

use crate::command::{self, CommandError};
use crate::proxy::{Service, Slice};

/// The device that the nodes share.
const DEVICE: &str = "eth0";

/// The addresses in `range` that `own` answers for. A service whose traffic stays on its node is answered for by a node
/// that has one of its endpoints.
pub(crate) fn of<'a>(
    own: &str,
    range: Ipv4Net,
    services: impl Iterator<Item = &'a Service>,
    slices: &[&Slice],
    ready: &BTreeSet<String>,
) -> BTreeSet<Ipv4Addr> {
    let mut addresses = BTreeSet::new();
    for service in services {
        for address in service.balancer_ips.iter().filter(|address| range.contains(*address)) {
            let with_endpoints = || -> BTreeSet<&str> {
                slices
                    .iter()
                    .filter(|slice| slice.namespace == service.namespace && slice.service == service.name)
                    .flat_map(|slice| slice.endpoints.iter().filter(|endpoint| endpoint.ready))
                    .map(|endpoint| endpoint.node.as_str())
                    .filter(|node| ready.contains(*node))
                    .collect()
            };
            let candidates = if service.external_local {
                with_endpoints()
            } else {
                ready.iter().map(String::as_str).collect()
            };
            // the highest of hashes: when a node goes, only what was its moves
            let holder = candidates.into_iter().max_by_key(|node| weight(node, *address));
            if holder == Some(own) {
                addresses.insert(*address);
            }
        }
    }
    addresses
}

fn weight(node: &str, address: Ipv4Addr) -> u64 {
    let bytes = node.bytes().chain(address.octets());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // the last bytes must reach the high bits, too
    (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// The last address of the range that no service has.
pub(crate) fn unused<'a>(range: Ipv4Net, services: impl Iterator<Item = &'a Service>) -> Option<Ipv4Addr> {
    let taken: BTreeSet<Ipv4Addr> = services
        .flat_map(|service| service.balancer_ips.iter().copied())
        .collect();
    let mut all = (u32::from(range.network())..u32::from(range.broadcast()))
        .rev()
        .map(Ipv4Addr::from);
    all.find(|address| !taken.contains(address))
}

/// Brings the kernel from `old` to `new`; `None` is not known, as after a start. Neighbours hear of what is new by way of
/// `unused`.
pub(crate) async fn apply(
    range: Ipv4Net,
    unused: Option<Ipv4Addr>,
    old: Option<&BTreeSet<Ipv4Addr>>,
    new: &BTreeSet<Ipv4Addr>,
) -> Result<(), CommandError> {
    let none = BTreeSet::new();
    if old.is_none() {
        command::run("ip", &["address", "flush", "dev", DEVICE, "to", &range.to_string()], "").await?;
    }
    let old = old.unwrap_or(&none);
    for address in new.difference(old) {
        let prefix = format!("{address}/32");
        command::run("ip", &["address", "replace", &prefix, "dev", DEVICE], "").await?;
        if let Some(unused) = unused
            && let Err(error) = tell(*address, unused).await
        {
            tracing::debug!(%address, %error, "neighbours find out by themselves");
        }
    }
    for address in old.difference(new) {
        let address = format!("{address}/32");
        if let Err(error) = command::run("ip", &["address", "del", &address, "dev", DEVICE], "").await {
            tracing::debug!(%address, %error, "the address was gone already");
        }
    }
    Ok(())
}

/// Lets neighbours that know the address at another node know it here. Only the kernel may send ARP of its own making, so it is
/// made to ask for somebody who is not there: whoever hears the question learns where it comes from, as from an announcement
/// (RFC 5227). The kernel asks three times, a second apart.
async fn tell(address: Ipv4Addr, unused: Ipv4Addr) -> std::io::Result<()> {
    const DISCARD: u16 = 9;
    let socket = UdpSocket::bind((address, 0)).await?;
    socket.send_to(&[0], (unused, DISCARD)).await.map(drop)
}

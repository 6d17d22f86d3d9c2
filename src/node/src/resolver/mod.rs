//! `rkube node resolver`, the node-local DNS forwarder: pods ask a link-local address, the node asks the engine's resolver.
//!
//! Forwards messages as they are, UDP and TCP; it neither caches nor looks into them. A process of its own, a child of init's:
//! names resolve for pods while the agent is frozen, killed or being replaced.

mod tcp;
mod udp;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tasks::Group;
use tokio::net::{TcpListener, UdpSocket};

/// Where the forwarder answers: the address node-local DNS caches use by convention, on the loopback device.
pub(crate) const FORWARDER: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 20, 10));
/// The resolver file pods start from.
pub(crate) const POD_RESOLV_CONF: &str = "/run/rkube/resolv.conf";

const PORT: u16 = 53;
const DEADLINE: Duration = Duration::from_secs(5);
/// Queries under way at once; beyond it a query is dropped and its sender asks again.
const IN_FLIGHT: usize = 256;

/// Serves until the process is ended.
pub async fn run() -> io::Result<()> {
    add_address().await?;
    let upstreams = upstreams()?;
    let udp = UdpSocket::bind((FORWARDER, PORT)).await?;
    let tcp = TcpListener::bind((FORWARDER, PORT)).await?;
    let group = Group::new();
    tokio::select! {
        result = udp::serve(udp, &upstreams, &group) => result,
        result = tcp::serve(tcp, &upstreams, &group) => result,
    }
}

fn upstreams() -> io::Result<Vec<SocketAddr>> {
    let conf = fs_err::read_to_string("/etc/resolv.conf")?;
    let servers = conf.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let servers = servers
        .filter_map(|rest| rest.trim().parse::<IpAddr>().ok())
        .filter(|server| *server != FORWARDER);
    Ok(servers.map(|server| SocketAddr::new(server, PORT)).collect())
}

async fn add_address() -> io::Result<()> {
    let address = format!("{FORWARDER}/32");
    let status = tokio::process::Command::new("ip")
        .args(["addr", "replace", &address, "dev", "lo"])
        .status()
        .await?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("`ip addr replace {address} dev lo` {status}")))
    }
}

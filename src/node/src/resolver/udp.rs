//! Datagrams: one socket per query towards the upstream, so answers cannot be confused.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tasks::Group;
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{DEADLINE, IN_FLIGHT};

const LARGEST: usize = 65_535;

pub(super) async fn serve(socket: UdpSocket, upstreams: &[SocketAddr], group: &Group) -> io::Result<()> {
    let socket = Arc::new(socket);
    let permits = Arc::new(Semaphore::new(IN_FLIGHT));
    let upstreams: Arc<[SocketAddr]> = upstreams.into();
    let mut buffer = vec![0; LARGEST];
    loop {
        let (count, client) = socket.recv_from(&mut buffer).await?;
        let Ok(permit) = permits.clone().try_acquire_owned() else {
            continue;
        };
        let (query, socket, upstreams) = (buffer[..count].to_vec(), socket.clone(), upstreams.clone());
        group.spawn("dns-query", async move {
            for upstream in upstreams.iter() {
                if let Ok(Ok(answer)) = timeout(DEADLINE, ask(*upstream, &query)).await {
                    let _ = socket.send_to(&answer, client).await;
                    break;
                }
            }
            drop(permit);
        });
    }
}

async fn ask(upstream: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let any = if upstream.is_ipv4() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    } else {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(upstream).await?;
    socket.send(query).await?;
    let mut answer = vec![0; LARGEST];
    let count = socket.recv(&mut answer).await?;
    answer.truncate(count);
    Ok(answer)
}

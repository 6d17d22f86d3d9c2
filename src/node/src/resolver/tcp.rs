//! Connections: bytes are relayed to the first upstream that accepts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tasks::Group;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{DEADLINE, IN_FLIGHT};

pub(super) async fn serve(listener: TcpListener, upstreams: &[SocketAddr], group: &Group) -> io::Result<()> {
    let permits = Arc::new(Semaphore::new(IN_FLIGHT));
    let upstreams: Arc<[SocketAddr]> = upstreams.into();
    loop {
        let (mut client, _) = listener.accept().await?;
        let Ok(permit) = permits.clone().try_acquire_owned() else {
            continue;
        };
        let upstreams = upstreams.clone();
        group.spawn("dns-connection", async move {
            for upstream in upstreams.iter() {
                if let Ok(Ok(mut server)) = timeout(DEADLINE, TcpStream::connect(*upstream)).await {
                    // A client that idles is let go, as RFC 7766 allows.
                    let _ = timeout(DEADLINE * 6, copy_bidirectional(&mut client, &mut server)).await;
                    break;
                }
            }
            drop(permit);
        });
    }
}

//! The node-local registry on loopback: the embedded image, and images that are being loaded.
//!
//! The read half of the OCI distribution API, for the containerd of this node alone. It keeps nothing itself: the
//! embedded image is this very binary, images being loaded are files that [`crate::image_load`] puts down and removes.

mod embedded;
mod http;
pub(crate) mod staging;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tasks::CancellationToken;
use tokio::net::TcpListener;

use embedded::Embedded;

/// What the registry serves.
#[derive(Debug)]
struct Registry {
    /// Repository and tag of the embedded image, without its registry.
    embedded: Embedded,
}

/// Serves the image named `reference` (and what is staged) until cancelled.
pub(crate) async fn serve(reference: String, port: u16, cancel: CancellationToken) -> io::Result<()> {
    // Listening comes first: who asks while the binary is still being hashed waits instead of being refused.
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let embedded = tokio::task::spawn_blocking(move || Embedded::open(&reference))
        .await
        .map_err(io::Error::other)??;
    axum::serve(listener, http::router(Arc::new(Registry { embedded })))
        .with_graceful_shutdown(cancel.cancelled_owned())
        .await
}

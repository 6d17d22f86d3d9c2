//! The node-local registry on loopback: the embedded image, images that are being loaded, and everything else by way of
//! its mirrors.
//!
//! The read half of the OCI distribution API, for the containerd of this node alone, which shows a key. It keeps nothing: the
//! embedded image is this very binary, images being loaded are files that [`crate::image_load`] puts down and removes, and what
//! comes from elsewhere is passed on once it has been checked. Of images that were loaded it remembers the manifests, for when
//! nobody elsewhere answers.

mod embedded;
mod failures;
mod http;
mod loaded;
pub(crate) mod staging;
mod table;
mod upstream;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use nodespec::paths;
use tasks::CancellationToken;
use tokio::net::TcpListener;

use embedded::Embedded;
pub(crate) use failures::Failures;
pub(crate) use loaded::{forget_lost, remember};
pub(crate) use table::read as table;
use upstream::Upstream;

/// Who asks has to show the node's key in this header.
pub(crate) const KEY_HEADER: &str = "X-Rkube-Node";

/// What the registry serves.
#[derive(Debug)]
struct Registry {
    /// What containerd shows.
    key: String,
    /// Repository and tag of the embedded image, without its registry.
    embedded: Embedded,
    /// Everything that is not here.
    upstream: Upstream,
}

/// Serves the image named `reference` (and what is staged or elsewhere) until cancelled. Pulls that fail are told to `failures`.
pub(crate) async fn serve(
    reference: String,
    port: u16,
    failures: Arc<Failures>,
    cancel: CancellationToken,
) -> io::Result<()> {
    // Listening comes first: who asks while the binary is still being hashed waits instead of being refused.
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let upstream = Upstream::new(&reference, failures);
    let key = fs_err::read_to_string(paths::REGISTRY_KEY)?;
    let embedded = tokio::task::spawn_blocking(move || Embedded::open(&reference))
        .await
        .map_err(io::Error::other)??;
    axum::serve(
        listener,
        http::router(Arc::new(Registry {
            key,
            embedded,
            upstream,
        })),
    )
    .with_graceful_shutdown(cancel.cancelled_owned())
    .await
}

//! `rkube node mirrors-test`: what every source of an image says, as seen from this node.

use std::io;

use mirrors::{Client, Reference};

use crate::registry;

/// Asks all sources at the same time; gives the answers as JSON.
pub async fn run(image: &str) -> io::Result<String> {
    let reference =
        Reference::parse(image).ok_or_else(|| io::Error::other(format!("{image:?} is no image reference")))?;
    let probes = Client::new(registry::table()?).probe(&reference).await;
    serde_json::to_string(&probes).map_err(io::Error::from)
}

//! Images: layers, run configuration, and the archive that engines load.

mod archive;
mod binary;
mod config;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use archive::Archive;
pub use binary::binary_layer;
pub use config::RunConfig;

/// An uncompressed layer on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The tar.
    pub path: PathBuf,
    /// SHA-256 of the tar, lower-case hex, without prefix.
    pub sha256: String,
    /// Size of the tar.
    pub size: u64,
    /// Size with zstd.
    pub compressed: u64,
}

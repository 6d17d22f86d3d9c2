//! Images: layers, run configuration, and the archive that engines load.

mod archive;
mod binary;
mod config;
mod platform;
mod read;
mod remote;
mod stored;
mod write;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use archive::Archive;
pub use binary::binary_layer;
pub use config::RunConfig;
pub use platform::Platform;
pub use read::read_images;
pub use remote::fetch_image;
pub(crate) use stored::Place;
pub(crate) use stored::digest_of;
pub use stored::{Blob, Image};
pub use write::write_images;
pub(crate) use write::{LAYOUT, append, header, index, path};

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

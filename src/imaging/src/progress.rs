//! What the composer says while it works.

use std::sync::Arc;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Another rkube holds the cache; waiting for it.
    Waiting,
    /// A source answered with a release file whose signature is good.
    Source {
        /// Suite, e.g. `trixie`.
        suite: String,
        /// Base address of the mirror.
        url: String,
    },
    /// A source gave no usable answer; the next one is asked.
    SourceFailed {
        /// Base address or file.
        url: String,
        /// What it said.
        reason: String,
    },
    /// The dependency closure is known.
    Resolved {
        /// Number of packages.
        packages: usize,
        /// Bytes still to be downloaded.
        bytes: u64,
    },
    /// So many more bytes have arrived.
    Downloaded {
        /// Bytes since the last event.
        bytes: u64,
    },
    /// Packages are being unpacked.
    Unpacking,
    /// The layer is complete.
    Composed {
        /// Size of the layer's tar.
        bytes: u64,
        /// Size with zstd at a middling level.
        compressed: u64,
    },
}

/// Receives events; called from any thread, must not block for long.
pub type Progress = Arc<dyn Fn(Event) + Send + Sync>;

/// A receiver that drops all events.
pub fn silent() -> Progress {
    Arc::new(|_| {})
}

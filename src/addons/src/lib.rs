//! The catalogue of addons and how they are enabled.
//!
//! An addon is a folder below `addons/`: manifests with `${name}` for what differs between clusters. Enabling is a
//! server-side apply of its objects, so that enabling again changes nothing.

mod apply;
mod catalogue;

pub use apply::{ApplyError, apply};
pub use catalogue::{Addon, ManifestError, REQUIRED, Values};

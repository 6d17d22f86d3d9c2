//! Bundles: one file that brings images, layers and rkube itself to a machine without a network.
//!
//! A bundle is a tar with zstd around it. Its first member, `bundle.json`, names every other one with size and SHA-256; the
//! rest is an OCI layout and the program. What a bundle brought is kept on a [`Shelf`].

mod read;
mod shelf;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use shelf::Shelf;
pub use write::{BundleItem, write_bundle};

/// Name of the first member.
const MANIFEST: &str = "bundle.json";
/// rkube itself, for a machine that has none: `tar --zstd -xf FILE rkube`.
pub(crate) const PROGRAM: &str = "rkube";
/// What this version writes and reads.
const FORMAT: &str = "rkube-bundle/1";

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleManifest {
    /// Kind and version of the format.
    pub format: String,
    /// Version of the rkube that wrote it.
    pub version: String,
    /// `linux/amd64`.
    pub platform: String,
    /// Its images.
    pub images: Vec<BundledImage>,
    /// Every member but this one: path, size and content.
    pub files: BTreeMap<String, Member>,
}

/// An image of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundledImage {
    /// Full reference.
    pub reference: String,
    /// Media type of its manifest.
    pub media_type: String,
    /// Digest of its manifest.
    pub digest: String,
    /// What it is there for.
    pub purpose: Purpose,
    /// Set if its first layer is what a recipe makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Composed>,
}

/// What a bundled image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The layer below rkube in nodes.
    Node,
    /// It comes into nodes with its addon.
    Addon,
    /// It comes into every node of every cluster.
    Listed,
}

/// A layer's origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Composed {
    /// The recipe's digest.
    pub digest: String,
    /// Packages as `name=version`.
    pub packages: Vec<String>,
    /// The layer's size with zstd.
    pub compressed: u64,
}

/// A member of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of its content, as lower-case hex.
    pub sha256: String,
}

#[cfg(test)]
mod tests;

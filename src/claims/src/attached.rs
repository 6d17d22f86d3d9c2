//! Names of attached volumes.
//!
//! Semantics: `k8s.io/kubernetes/pkg/volume/csi`; drivers and administrators rely on both.

use sha2::{Digest as _, Sha256};

/// A driver's volume in a node's `volumesAttached` and `volumesInUse`.
pub fn unique_name(driver: &str, handle: &str) -> String {
    format!("kubernetes.io/csi/{driver}^{handle}")
}

/// The VolumeAttachment that attaches a driver's volume to a node.
pub fn attachment_name(driver: &str, handle: &str, node: &str) -> String {
    format!("csi-{}", hex::encode(Sha256::digest(format!("{handle}{driver}{node}"))))
}

/// True for the names that [`attachment_name`] gives: others are not of the attaching controller's making, and left alone.
pub fn is_attachment_name(name: &str) -> bool {
    let hash = name.strip_prefix("csi-").unwrap_or_default();
    hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

//! Images being loaded, as files: `rkube node image-load` writes them, the registry serves them, and they are removed
//! once containerd has them.

use std::io;
use std::path::{Path, PathBuf};

const STAGING: &str = "/var/lib/rkube/loading";
const CONTENT: &str = "/var/lib/containerd/io.containerd.content.v1.content/blobs/sha256";

/// A manifest being offered, with the media type it is served as.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Manifest {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) text: String,
}

/// `sha256:<64 hex digits>` gives the digits; anything else is no digest (and no path).
pub(crate) fn digits(digest: &str) -> Option<&str> {
    let digits = digest.strip_prefix("sha256:")?;
    (digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

/// Where a blob can be read: in the staging folder or in containerd's own content store.
pub(crate) fn blob(digest: &str) -> Option<PathBuf> {
    let digits = digits(digest)?;
    [
        Path::new(STAGING).join("blobs").join(digits),
        Path::new(CONTENT).join(digits),
    ]
    .into_iter()
    .find(|path| path.exists())
}

/// Where an arriving blob goes.
pub(crate) fn blob_target(digest: &str) -> io::Result<PathBuf> {
    let digits = digits(digest).ok_or_else(|| io::Error::other(format!("{digest:?} is no sha256 digest")))?;
    let folder = Path::new(STAGING).join("blobs");
    fs_err::create_dir_all(&folder)?;
    Ok(folder.join(digits))
}

/// Offers a manifest under `<registry>/<repository>` and a tag or digest.
pub(crate) fn offer(registry: &str, repository: &str, reference: &str, manifest: &Manifest) -> io::Result<()> {
    let path = manifest_path(registry, repository, reference);
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::write(path, serde_json::to_vec(manifest).map_err(io::Error::from)?)
}

/// The manifest offered there, if any.
pub(crate) fn offered(registry: &str, repository: &str, reference: &str) -> Option<Manifest> {
    let text = fs_err::read(manifest_path(registry, repository, reference)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Forgets everything that was offered.
pub(crate) fn clear() -> io::Result<()> {
    match fs_err::remove_dir_all(STAGING) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn manifest_path(registry: &str, repository: &str, reference: &str) -> PathBuf {
    // One flat, reversible file name: neither slashes nor dots of a reference may walk the file system.
    let name = hex::encode(format!("{registry}/{repository}@{reference}"));
    let name: Vec<&str> = name
        .as_bytes()
        .chunks(200)
        .filter_map(|part| std::str::from_utf8(part).ok())
        .collect();
    Path::new(STAGING).join("manifests").join(name.join("/"))
}

//! Images being loaded, as files: `rkube node image-load` writes them, the registry serves them, and they are removed
//! once containerd has them.

use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

const STAGING: &str = "/var/lib/rkube/loading";
const LOCK: &str = "/run/rkube-loading.lock";
const CONTENT: &str = "/var/lib/containerd/io.containerd.content.v1.content/blobs/sha256";

/// Another load may take as long as its images do, but not for ever.
const PATIENCE: Duration = Duration::from_mins(10);

/// Waits until no other load uses the folder; it is one's own until the file is closed.
pub(crate) async fn alone() -> io::Result<std::fs::File> {
    let file = std::fs::File::options().create(true).append(true).open(LOCK)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => {
                let why = "another image load has not ended on this node for 10 minutes; end it and try again";
                return Err(io::Error::new(io::ErrorKind::TimedOut, why));
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

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

/// True if containerd has the blob.
pub(super) fn kept(digest: &str) -> bool {
    digits(digest).is_some_and(|digits| Path::new(CONTENT).join(digits).exists())
}

/// Offers a manifest under `<registry>/<repository>` and a tag or digest.
pub(crate) fn offer(registry: &str, repository: &str, reference: &str, manifest: &Manifest) -> io::Result<()> {
    write(&offers(), registry, repository, reference, manifest)
}

/// The manifest offered there, if any.
pub(crate) fn offered(registry: &str, repository: &str, reference: &str) -> Option<Manifest> {
    read(&offers(), registry, repository, reference)
}

/// Forgets everything that was offered.
pub(crate) fn clear() -> io::Result<()> {
    match fs_err::remove_dir_all(STAGING) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn offers() -> PathBuf {
    Path::new(STAGING).join("manifests")
}

/// Writes a manifest into a folder of manifests.
pub(super) fn write(
    folder: &Path,
    registry: &str,
    repository: &str,
    reference: &str,
    manifest: &Manifest,
) -> io::Result<()> {
    let path = manifest_path(folder, registry, repository, reference);
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::write(path, serde_json::to_vec(manifest).map_err(io::Error::from)?)
}

/// Reads one from there.
pub(super) fn read(folder: &Path, registry: &str, repository: &str, reference: &str) -> Option<Manifest> {
    serde_json::from_slice(&fs_err::read(manifest_path(folder, registry, repository, reference)).ok()?).ok()
}

/// Removes one from there.
pub(super) fn remove(folder: &Path, registry: &str, repository: &str, reference: &str) -> io::Result<()> {
    fs_err::remove_file(manifest_path(folder, registry, repository, reference))
}

/// Removes all from there that are not to be kept, and what cannot be read.
pub(super) fn retain(folder: &Path, wanted: impl Fn(&Manifest) -> bool + Copy) -> io::Result<()> {
    for entry in fs_err::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            retain(&entry.path(), wanted)?;
            continue;
        }
        let manifest = serde_json::from_slice(&fs_err::read(entry.path())?).ok();
        if !manifest.is_some_and(|manifest| wanted(&manifest)) {
            fs_err::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn manifest_path(folder: &Path, registry: &str, repository: &str, reference: &str) -> PathBuf {
    // One flat, reversible file name: neither slashes nor dots of a reference may walk the file system.
    let name = hex::encode(format!("{registry}/{repository}@{reference}"));
    let name: Vec<&str> = name
        .as_bytes()
        .chunks(200)
        .filter_map(|part| std::str::from_utf8(part).ok())
        .collect();
    folder.join(name.join("/"))
}

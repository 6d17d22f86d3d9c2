//! The archive that `docker load`, `podman load` and OCI tools read: an OCI layout with Docker's `manifest.json` beside it.

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::{Value, json};

use super::stored::{Blob, Image};

/// Writes images under names. Blobs for which `present` holds are named but not included: an engine that has them does not
/// read them again.
pub fn write_images(
    out: impl Write,
    images: &[(&str, &Image)],
    present: impl Fn(&Blob) -> bool,
) -> std::io::Result<()> {
    let mut tar = tar::Builder::new(out);
    let docker: Vec<Value> = images
        .iter()
        .map(|(name, image)| {
            let paths: Vec<String> = image.blobs.iter().map(|blob| path(&blob.digest)).collect();
            let (config, layers) = paths
                .split_first()
                .map_or((None, [].as_slice()), |(first, rest)| (Some(first), rest));
            json!({ "Config": config, "RepoTags": [name], "Layers": layers })
        })
        .collect();
    append(&mut tar, "oci-layout", LAYOUT)?;
    append(&mut tar, "index.json", index(images).to_string().as_bytes())?;
    append(&mut tar, "manifest.json", json!(docker).to_string().as_bytes())?;
    let mut written = BTreeSet::new();
    for (_, image) in images {
        let manifest = Blob::here(image.manifest.as_bytes());
        for blob in std::iter::once(&manifest).chain(&image.blobs) {
            if written.insert(blob.digest.clone()) && !present(blob) {
                tar.append_data(&mut header(blob.size, 0o644), path(&blob.digest), blob.open()?)?;
            }
        }
    }
    tar.into_inner()?.flush()
}

/// The file `oci-layout`.
pub(crate) const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// The file `index.json`.
pub(crate) fn index(images: &[(&str, &Image)]) -> Value {
    let entries: Vec<Value> = images
        .iter()
        .map(|(name, image)| {
            let tag = name.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'));
            json!({
                "mediaType": image.media_type, "digest": image.digest(), "size": image.manifest.len(),
                "annotations": { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag.unwrap_or(name) },
            })
        })
        .collect();
    json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries })
}

/// Appends a file with that content.
pub(crate) fn append(tar: &mut tar::Builder<impl Write>, path: &str, content: &[u8]) -> std::io::Result<()> {
    tar.append_data(&mut header(content.len() as u64, 0o644), path, content)
}

/// A plain file's header.
pub(crate) fn header(size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_size(size);
    header
}

/// Where a layout keeps a blob.
pub(crate) fn path(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

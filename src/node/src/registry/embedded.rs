//! The embedded image: one uncompressed layer holding this binary at `/rkube`, streamed from the running executable.

use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use fs_err::File;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const SELF: &str = "/proc/self/exe";
const CACHE: &str = "/var/lib/rkube/embedded.json";
const BLOCK: u64 = 512;

/// The parts of the image, all but the layer in memory.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Embedded {
    /// Identity of the executable these digests were computed from.
    key: String,
    /// `<repository>:<tag>` without the registry.
    pub(crate) name: String,
    pub(crate) manifest: Blob,
    pub(crate) config: Blob,
    pub(crate) layer_digest: String,
    pub(crate) layer_size: u64,
}

/// Bytes with their digest.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) digest: String,
    pub(crate) text: String,
}

impl Blob {
    fn new(text: String) -> Self {
        Self {
            digest: format!("sha256:{}", hex::encode(Sha256::digest(&text))),
            text,
        }
    }
}

impl Embedded {
    /// The image under `reference`. Hashing the binary takes a moment, so the result is kept on disk for the next start.
    pub(crate) fn open(reference: &str) -> io::Result<Self> {
        let name = reference.split_once('/').map_or(reference, |(_, name)| name).to_owned();
        let meta = fs_err::metadata(SELF)?;
        let key = format!(
            "{}:{}:{}:{}",
            meta.dev(),
            meta.ino(),
            meta.mtime_nsec() + meta.mtime() * 1_000_000_000,
            meta.len()
        );
        if let Ok(text) = fs_err::read(CACHE)
            && let Ok(kept) = serde_json::from_slice::<Self>(&text)
            && kept.key == key
            && kept.name == name
        {
            return Ok(kept);
        }
        let fresh = Self::compute(key, name)?;
        let text = serde_json::to_vec(&fresh).map_err(io::Error::from)?;
        // Only a cache: a read-only or full disk costs time at the next start, nothing else.
        let _ = Path::new(CACHE).parent().map(fs_err::create_dir_all);
        let _ = fs_err::write(CACHE, text);
        Ok(fresh)
    }

    fn compute(key: String, name: String) -> io::Result<Self> {
        let mut hash = Sha256::new();
        let mut layer = layer()?;
        let mut buffer = vec![0; 1 << 17];
        let mut layer_size = 0;
        loop {
            let count = layer.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hash.update(&buffer[..count]);
            layer_size += count as u64;
        }
        let layer_digest = format!("sha256:{}", hex::encode(hash.finalize()));
        let config = Blob::new(
            serde_json::json!({
                "architecture": architecture(), "os": "linux",
                "config": { "Cmd": ["/rkube", "pause-container"], "WorkingDir": "/" },
                "rootfs": { "type": "layers", "diff_ids": [layer_digest] },
            })
            .to_string(),
        );
        let manifest = Blob::new(
            serde_json::json!({
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": {
                    "mediaType": "application/vnd.oci.image.config.v1+json",
                    "digest": config.digest, "size": config.text.len(),
                },
                "layers": [{
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": layer_digest, "size": layer_size,
                }],
            })
            .to_string(),
        );
        Ok(Self {
            key,
            name,
            manifest,
            config,
            layer_digest,
            layer_size,
        })
    }
}

/// Media type of the embedded image's manifest.
pub(crate) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// The layer's tar stream.
pub(crate) fn layer() -> io::Result<impl Read + Send> {
    let file = File::open(SELF)?;
    let size = file.metadata()?.len();
    let mut header = tar::Header::new_ustar();
    header.set_path("rkube")?;
    header.set_size(size);
    header.set_mode(0o755);
    header.set_mtime(0);
    header.set_cksum();
    let padding = (BLOCK - size % BLOCK) % BLOCK + 2 * BLOCK;
    let head = io::Cursor::new(header.as_bytes().to_vec());
    Ok(head.chain(file.take(size)).chain(io::repeat(0).take(padding)))
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        "x86_64" => "amd64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_is_a_tar_with_one_executable() {
        let mut archive = tar::Archive::new(layer().unwrap());
        let names: Vec<(String, u32)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (
                    entry.path().unwrap().display().to_string(),
                    entry.header().mode().unwrap(),
                )
            })
            .collect();
        assert_eq!(names, [("rkube".to_owned(), 0o755)]);
    }

    #[test]
    fn the_manifest_names_the_streamed_layer() {
        let image = Embedded::compute("key".into(), "rkube:1".into()).unwrap();
        let size = io::copy(&mut layer().unwrap(), &mut io::sink()).unwrap();
        assert_eq!(size, image.layer_size);
        assert_eq!(size % BLOCK, 0);
        assert!(image.manifest.text.contains(&image.layer_digest));
    }
}

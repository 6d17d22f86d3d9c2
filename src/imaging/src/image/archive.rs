//! The archive that `docker load`, `podman load` and OCI tools read: an OCI layout with Docker's `manifest.json` beside it.

use std::io::Write;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Layer, RunConfig};

/// An image ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Reference the image is loaded under, with tag.
    pub tag: String,
    /// Layers, lowest first.
    pub layers: Vec<Layer>,
    /// How it runs.
    pub run: RunConfig,
}

/// OCI's name of the architecture this binary runs on.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl Archive {
    /// Label whose value is the first layer's digest: an engine with such an image has the layer already.
    pub const BASE_LABEL: &str = "io.rkube.base";

    /// Digest of the configuration document: the image ID.
    pub fn id(&self) -> String {
        format!("sha256:{}", digest(&self.config()))
    }

    /// Size of all layers with zstd.
    pub fn compressed(&self) -> u64 {
        self.layers.iter().map(|layer| layer.compressed).sum()
    }

    /// Writes the archive. Layers for which `present` holds are named but not included: an engine that has them does not
    /// read them again.
    pub fn write(&self, out: impl Write, present: impl Fn(&Layer) -> bool) -> std::io::Result<()> {
        let mut tar = tar::Builder::new(out);
        let config = self.config();
        let config_digest = digest(&config);
        let layers: Vec<_> = self
            .layers
            .iter()
            .map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar", &layer.sha256, layer.size))
            .collect();
        let manifest = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config_digest, config.len() as u64),
            "layers": layers,
        }))?;
        let manifest_digest = digest(&manifest);
        let mut entry = descriptor(
            "application/vnd.oci.image.manifest.v1+json",
            &manifest_digest,
            manifest.len() as u64,
        );
        entry["annotations"] = json!({
            "io.containerd.image.name": self.tag,
            "org.opencontainers.image.ref.name": self.tag.rsplit(':').next(),
        });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [entry],
        });
        let docker = json!([{
            "Config": blob(&config_digest),
            "RepoTags": [self.tag],
            "Layers": self.layers.iter().map(|layer| blob(&layer.sha256)).collect::<Vec<_>>(),
        }]);
        append(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        append(&mut tar, "index.json", &serde_json::to_vec(&index)?)?;
        append(&mut tar, "manifest.json", &serde_json::to_vec(&docker)?)?;
        append(&mut tar, &blob(&config_digest), &config)?;
        append(&mut tar, &blob(&manifest_digest), &manifest)?;
        for layer in self.layers.iter().filter(|layer| !present(layer)) {
            let file = fs_err::File::open(&layer.path)?;
            let mut header = header(layer.size);
            tar.append_data(&mut header, blob(&layer.sha256), file)?;
        }
        tar.into_inner()?.flush()
    }

    fn config(&self) -> Vec<u8> {
        let mut run = self.run.clone();
        run.labels.extend(
            self.layers
                .first()
                .map(|base| (Self::BASE_LABEL.to_owned(), base.sha256.clone())),
        );
        serde_json::to_vec(&run.document(architecture(), &self.layers)).unwrap_or_default()
    }
}

fn append(tar: &mut tar::Builder<impl Write>, path: &str, content: &[u8]) -> std::io::Result<()> {
    tar.append_data(&mut header(content.len() as u64), path, content)
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_size(size);
    header
}

fn descriptor(media_type: &str, sha256: &str, size: u64) -> serde_json::Value {
    json!({ "mediaType": media_type, "digest": format!("sha256:{sha256}"), "size": size })
}

fn blob(sha256: &str) -> String {
    format!("blobs/sha256/{sha256}")
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

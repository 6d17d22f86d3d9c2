//! An image made of layers on this disk.

use std::io::Write;

use serde_json::json;

use super::stored::{Blob, Image, Place, full};
use super::write::write_images;
use super::{Layer, Platform, RunConfig};

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

impl Archive {
    /// Label whose value is the first layer's digest: an engine with such an image has the layer already.
    pub const BASE_LABEL: &str = "io.rkube.base";

    /// Digest of the configuration document: the image ID.
    pub fn id(&self) -> String {
        Blob::here(&self.config(Platform::own())).digest
    }

    /// Size of all layers with zstd.
    pub fn compressed(&self) -> u64 {
        self.layers.iter().map(|layer| layer.compressed).sum()
    }

    /// The image with its manifest.
    pub fn image(&self) -> Image {
        self.image_for(Platform::own())
    }

    /// The image of layers that are for a platform.
    pub fn image_for(&self, platform: Platform) -> Image {
        let layer = |layer: &Layer| Blob {
            digest: format!("sha256:{}", layer.sha256),
            size: layer.size,
            place: Place::File(layer.path.clone()),
        };
        let config = Blob::here(&self.config(platform));
        let blobs: Vec<Blob> = std::iter::once(config).chain(self.layers.iter().map(layer)).collect();
        let descriptor = |media_type: &str, blob: &Blob| {
            json!({
                "mediaType": media_type, "digest": blob.digest, "size": blob.size,
            })
        };
        let layers = blobs.iter().skip(1);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &blobs[0]),
            "layers": layers.map(|blob| descriptor("application/vnd.oci.image.layer.v1.tar", blob)).collect::<Vec<_>>(),
        });
        Image {
            references: vec![full(&self.tag)],
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            manifest: manifest.to_string(),
            blobs,
        }
    }

    /// Writes the archive. Layers for which `present` holds are named but not included.
    pub fn write(&self, out: impl Write, present: impl Fn(&Layer) -> bool) -> std::io::Result<()> {
        let present = |blob: &Blob| {
            let layer = self.layers.iter().find(|layer| blob.digest.ends_with(&layer.sha256));
            layer.is_some_and(&present)
        };
        write_images(out, &[(self.tag.as_str(), &self.image())], present)
    }

    fn config(&self, platform: Platform) -> Vec<u8> {
        let mut run = self.run.clone();
        run.labels.extend(
            self.layers
                .first()
                .map(|base| (Self::BASE_LABEL.to_owned(), base.sha256.clone())),
        );
        serde_json::to_vec(&run.document(platform.architecture(), &self.layers)).unwrap_or_default()
    }
}

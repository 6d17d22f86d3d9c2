//! Archives of images: Docker's format of any age and the OCI layout, read in place.

use std::collections::HashMap;
use std::io::{Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Platform;
use super::stored::{Blob, Image, Place, full};

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Documents of an archive are small; layers are never read whole.
const DOCUMENT_LIMIT: u64 = 8 << 20;

/// Reads what an archive holds; the reason if it is none.
pub fn read_images(mut file: fs_err::File) -> Result<Vec<Image>, String> {
    let members = members(&mut file).map_err(|error| format!("not an image archive: {error}"))?;
    let reader = Reader {
        file: Arc::new(file),
        members: &members,
    };
    let images = if members.contains_key("manifest.json") {
        reader.docker()?
    } else if members.contains_key("index.json") {
        reader.oci()?
    } else {
        return Err("not an image archive: it has neither manifest.json nor index.json".to_owned());
    };
    if images.iter().all(|image| image.references.is_empty()) {
        return Err("the archive names no image; save it by its name, not its ID".to_owned());
    }
    Ok(images)
}

type Members = HashMap<String, (u64, u64)>;

/// Offset and size of each file; links lead to what they link to.
fn members(file: &mut fs_err::File) -> std::io::Result<Members> {
    file.seek(SeekFrom::Start(0))?;
    let mut members = Members::new();
    let mut links = Vec::new();
    let mut archive = tar::Archive::new(&mut *file);
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes())
            .trim_start_matches("./")
            .to_owned();
        if let Some(target) = entry.link_name_bytes() {
            let target = String::from_utf8_lossy(&target).into_owned();
            // old engines link a layer that occurs twice as `../<id>/layer.tar`
            links.push((path, target.trim_start_matches("../").to_owned()));
        } else if entry.header().entry_type().is_file() {
            members.insert(path, (entry.raw_file_position(), entry.size()));
        }
    }
    for (path, target) in links {
        if let Some(found) = members.get(&target).copied() {
            members.insert(path, found);
        }
    }
    Ok(members)
}

struct Reader<'a> {
    file: Arc<fs_err::File>,
    members: &'a Members,
}

impl Reader<'_> {
    /// `docker save`'s manifest.json. Layers of old engines have no digest of their own: it is the configuration's `diff_id`.
    fn docker(&self) -> Result<Vec<Image>, String> {
        let list: Value = self.json("manifest.json")?;
        let entries = list.as_array().ok_or("manifest.json is no list")?;
        entries.iter().map(|entry| self.docker_image(entry)).collect()
    }

    fn docker_image(&self, entry: &Value) -> Result<Image, String> {
        let config_path = entry["Config"].as_str().ok_or("manifest.json names no configuration")?;
        let config = self.bytes(config_path)?;
        let document: Value = serde_json::from_slice(&config).map_err(|error| format!("{config_path}: {error}"))?;
        let diffs = document["rootfs"]["diff_ids"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let layers = entry["Layers"].as_array().map(Vec::as_slice).unwrap_or_default();
        if diffs.len() != layers.len() {
            return Err(format!(
                "{} layers, but {} are named in {config_path}",
                layers.len(),
                diffs.len()
            ));
        }
        let config = Blob::here(&config);
        let mut descriptors = Vec::new();
        let mut blobs = vec![config];
        for (layer, diff) in layers.iter().zip(diffs) {
            let path = layer.as_str().ok_or("a layer without a path")?;
            let (offset, size) = self.find(path)?;
            let digest = match path.strip_prefix("blobs/sha256/") {
                Some(hex) => format!("sha256:{hex}"),
                None => diff.as_str().unwrap_or_default().to_owned(),
            };
            descriptors.push(json!({ "mediaType": self.layer_type(offset)?, "digest": digest, "size": size }));
            blobs.push(Blob {
                digest,
                size,
                place: Place::Part(self.file.clone(), offset),
            });
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": blobs[0].digest,
                "size": blobs[0].size,
            },
            "layers": descriptors,
        });
        let tags = entry["RepoTags"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(Image {
            references: tags.iter().filter_map(Value::as_str).map(full).collect(),
            manifest: manifest.to_string(),
            media_type: MANIFEST_TYPE.to_owned(),
            blobs,
        })
    }

    /// An OCI layout's index.json; of a manifest list, the image for this architecture.
    fn oci(&self) -> Result<Vec<Image>, String> {
        let index = self.json("index.json")?;
        let entries = index["manifests"].as_array().ok_or("index.json lists no manifests")?;
        let mut images = Vec::new();
        for entry in entries {
            let annotations = &entry["annotations"];
            let name = annotations["io.containerd.image.name"]
                .as_str()
                .or_else(|| annotations["org.opencontainers.image.ref.name"].as_str());
            images.push(self.oci_image(entry, name)?);
        }
        Ok(images)
    }

    fn oci_image(&self, entry: &Value, name: Option<&str>) -> Result<Image, String> {
        let path = blob_path(entry)?;
        let text = String::from_utf8(self.bytes(&path)?).map_err(|error| format!("{path}: {error}"))?;
        let manifest: Value = serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
        if let Some(list) = manifest["manifests"].as_array() {
            let mine = list
                .iter()
                .find(|one| one["platform"]["architecture"] == Platform::own().architecture());
            let mine = mine.ok_or_else(|| format!("no image for {} in {path}", Platform::own().architecture()))?;
            return self.oci_image(mine, name);
        }
        let layers = manifest["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut blobs = Vec::new();
        for descriptor in std::iter::once(&manifest["config"]).chain(layers) {
            let (offset, size) = self.find(&blob_path(descriptor)?)?;
            let digest = descriptor["digest"].as_str().unwrap_or_default().to_owned();
            blobs.push(Blob {
                digest,
                size,
                place: Place::Part(self.file.clone(), offset),
            });
        }
        Ok(Image {
            references: name.map(full).into_iter().collect(),
            media_type: entry["mediaType"].as_str().unwrap_or(MANIFEST_TYPE).to_owned(),
            manifest: text,
            blobs,
        })
    }

    fn find(&self, path: &str) -> Result<(u64, u64), String> {
        self.members
            .get(path)
            .copied()
            .ok_or_else(|| format!("the archive lacks {path}"))
    }

    fn bytes(&self, path: &str) -> Result<Vec<u8>, String> {
        let (offset, size) = self.find(path)?;
        if size > DOCUMENT_LIMIT {
            return Err(format!("{path} is too large"));
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        self.file
            .file()
            .read_exact_at(&mut bytes, offset)
            .map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    fn json(&self, path: &str) -> Result<Value, String> {
        serde_json::from_slice(&self.bytes(path)?).map_err(|error| format!("{path}: {error}"))
    }

    /// By the first bytes: engines name compressed layers as they name others.
    fn layer_type(&self, offset: u64) -> Result<&'static str, String> {
        let mut magic = [0; 4];
        self.file
            .file()
            .read_at(&mut magic, offset)
            .map_err(|error| error.to_string())?;
        Ok(match magic {
            [0x1f, 0x8b, ..] => "application/vnd.oci.image.layer.v1.tar+gzip",
            [0x28, 0xb5, 0x2f, 0xfd] => "application/vnd.oci.image.layer.v1.tar+zstd",
            _ => "application/vnd.oci.image.layer.v1.tar",
        })
    }
}

fn blob_path(descriptor: &Value) -> Result<String, String> {
    let digest = descriptor["digest"].as_str().ok_or("a descriptor without a digest")?;
    Ok(format!("blobs/{}", digest.replacen(':', "/", 1)))
}

#[cfg(test)]
mod tests;

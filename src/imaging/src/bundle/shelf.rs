//! What bundles have brought to this machine: blobs by digest, and a list of images.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::{BundleManifest, BundledImage, Purpose};
use crate::image::{Blob, Image, Layer, Place};
use crate::lock;
use crate::{Base, ImagingError};

const LIST: &str = "images.json";
const BLOBS: &str = "blobs";
/// How long another rkube may keep the shelf: it renames files.
const LOCK_DEADLINE: Duration = Duration::from_mins(1);

/// A folder of images, whole and checked. There is none until a bundle has been loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    root: PathBuf,
}

impl Shelf {
    /// The shelf in a folder.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Takes in a bundle. Until every digest in it has been compared, the shelf stays as it was.
    pub async fn load(&self, bundle: &Path) -> Result<BundleManifest, ImagingError> {
        fs_err::create_dir_all(self.root.join(BLOBS))?;
        let incoming = tempfile::Builder::new().prefix("incoming-").tempdir_in(&self.root)?;
        let (file, folder) = (bundle.to_owned(), incoming.path().to_owned());
        let manifest = tokio::task::spawn_blocking(move || super::read::read(&file, &folder))
            .await
            .map_err(|error| ImagingError::Worker(error.to_string()))??;
        let _lock = lock::take(&self.root.join("lock"), LOCK_DEADLINE, || ()).await?;
        for entry in fs_err::read_dir(incoming.path())? {
            let entry = entry?;
            fs_err::rename(entry.path(), self.root.join(BLOBS).join(entry.file_name()))?;
        }
        let mut images = self.images()?;
        images.retain(|known| !manifest.images.iter().any(|new| new.reference == known.reference));
        images.extend(manifest.images.iter().cloned());
        self.replace(&images)?;
        Ok(manifest)
    }

    /// Takes images of these full references off the shelf, and the blobs that no other has.
    pub async fn remove(&self, references: &[String]) -> Result<(), ImagingError> {
        if !self.root.exists() {
            return Ok(());
        }
        let _lock = lock::take(&self.root.join("lock"), LOCK_DEADLINE, || ()).await?;
        let mut images = self.images()?;
        images.retain(|image| !references.contains(&image.reference));
        self.replace(&images)
    }

    /// Exchanges the list in one step. The lock is held.
    fn replace(&self, images: &[BundledImage]) -> Result<(), ImagingError> {
        let draft = tempfile::NamedTempFile::new_in(&self.root)?;
        fs_err::write(
            draft.path(),
            serde_json::to_vec_pretty(images).map_err(std::io::Error::other)?,
        )?;
        draft.persist(self.root.join(LIST)).map_err(|error| error.error)?;
        fs_err::create_dir_all(self.root.join(BLOBS))?;
        self.prune(images)
    }

    /// Everything on the shelf.
    pub fn images(&self) -> Result<Vec<BundledImage>, ImagingError> {
        let path = self.root.join(LIST);
        match fs_err::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| ImagingError::Malformed {
                what: path.display().to_string(),
                reason: error.to_string(),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// The image of a full reference.
    pub fn find(&self, reference: &str) -> Result<Option<Image>, ImagingError> {
        let images = self.images()?;
        let found = images.iter().find(|image| image.reference == reference);
        found.map(|image| self.image(image)).transpose()
    }

    /// The images that every node is to have.
    pub fn listed(&self) -> Result<Vec<Image>, ImagingError> {
        let images = self.images()?;
        let listed = images.iter().filter(|image| image.purpose == Purpose::Listed);
        listed.map(|image| self.image(image)).collect()
    }

    /// The layer that a recipe makes, if a bundle has brought it.
    pub(crate) fn base(&self, recipe: &str) -> Option<Base> {
        let images = self.images().ok()?;
        let of_recipe = |image: &&BundledImage| image.recipe.as_ref().is_some_and(|made| made.digest == recipe);
        let found = images.iter().find(of_recipe)?;
        let made = found.recipe.clone()?;
        let layer = self.image(found).ok()?.blobs.into_iter().nth(1)?;
        let Place::File(path) = layer.place else {
            return None;
        };
        let whole = fs_err::metadata(&path).is_ok_and(|meta| meta.len() == layer.size);
        whole.then(|| Base {
            layer: Layer {
                path,
                sha256: layer.digest.trim_start_matches("sha256:").to_owned(),
                size: layer.size,
                compressed: made.compressed,
            },
            packages: made.packages,
        })
    }

    fn image(&self, image: &BundledImage) -> Result<Image, ImagingError> {
        let folder = self.root.join(BLOBS);
        Ok(Image {
            references: vec![image.reference.clone()],
            media_type: image.media_type.clone(),
            manifest: fs_err::read_to_string(place(&folder, &image.digest)?)?,
            blobs: parts(&folder, image)?,
        })
    }

    /// Removes blobs that no image has any more.
    fn prune(&self, images: &[BundledImage]) -> Result<(), ImagingError> {
        let folder = self.root.join(BLOBS);
        let mut wanted = BTreeSet::new();
        for image in images {
            wanted.insert(place(&folder, &image.digest)?);
            for blob in parts(&folder, image)? {
                wanted.insert(place(&folder, &blob.digest)?);
            }
        }
        for entry in fs_err::read_dir(&folder)? {
            let path = entry?.path();
            if !wanted.contains(&path) {
                fs_err::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// Configuration and layers of an image whose manifest lies in a folder of blobs.
pub(super) fn parts(folder: &Path, image: &BundledImage) -> Result<Vec<Blob>, ImagingError> {
    let malformed = |reason: String| ImagingError::Image {
        reference: image.reference.clone(),
        reason,
    };
    let text = fs_err::read(place(folder, &image.digest)?)?;
    let manifest: Value = serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
    let layers = manifest["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let blob = |part: &Value| {
        let digest = part["digest"].as_str().unwrap_or_default();
        Ok(Blob {
            place: Place::File(place(folder, digest)?),
            digest: digest.to_owned(),
            size: part["size"].as_u64().unwrap_or_default(),
        })
    };
    std::iter::once(&manifest["config"]).chain(layers).map(blob).collect()
}

/// A blob's file; what is no digest names none.
fn place(folder: &Path, digest: &str) -> Result<PathBuf, ImagingError> {
    let digits = mirrors::digits(digest).ok_or_else(|| ImagingError::Malformed {
        what: "bundle".to_owned(),
        reason: format!("{digest:?} is no digest that can be checked"),
    })?;
    Ok(folder.join(digits))
}

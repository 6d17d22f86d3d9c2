//! Writing a bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{BundleManifest, BundledImage, Composed, FORMAT, MANIFEST, Member, PROGRAM, Purpose};
use crate::ImagingError;
use crate::fetch::sha256_of;
use crate::image::{Blob, Image, LAYOUT, Platform, append, digest_of, header, index, path};

/// The usual trade of time against size.
const LEVEL: i32 = 3;

/// An image to be bundled.
#[derive(Debug, Clone)]
pub struct BundleItem {
    /// The image, under one name.
    pub image: Image,
    /// What it is for.
    pub purpose: Purpose,
    /// Set if its first layer is what a recipe makes.
    pub recipe: Option<Composed>,
}

/// Writes a bundle in one step: a file of that name is whole, or it is the old one. `program` is rkube itself, for the platform that
/// the images are for; a bundle may lack it.
pub fn write_bundle(
    file: &Path,
    program: Option<&Path>,
    platform: Platform,
    items: &[BundleItem],
) -> Result<BundleManifest, ImagingError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let draft = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    let names: Vec<(&str, &Image)> = items
        .iter()
        .map(|item| (item.image.references[0].as_str(), &item.image))
        .collect();
    let index = index(&names).to_string();
    let manifests: Vec<Blob> = items
        .iter()
        .map(|item| Blob::here(item.image.manifest.as_bytes()))
        .collect();
    let mut seen = BTreeSet::new();
    let blobs: Vec<&Blob> = manifests
        .iter()
        .chain(items.iter().flat_map(|item| &item.image.blobs))
        .filter(|blob| seen.insert(blob.digest.as_str()))
        .collect();
    let member = |size: u64, digest: &str| Member {
        size,
        sha256: digest.trim_start_matches("sha256:").to_owned(),
    };
    let small = |content: &[u8]| member(content.len() as u64, &digest_of(content));
    let mut files = BTreeMap::from([
        ("oci-layout".to_owned(), small(LAYOUT)),
        ("index.json".to_owned(), small(index.as_bytes())),
    ]);
    if let Some(program) = program {
        let known = member(fs_err::metadata(program)?.len(), &sha256_of(program)?);
        files.insert(PROGRAM.to_owned(), known);
    }
    files.extend(
        blobs
            .iter()
            .map(|blob| (path(&blob.digest), member(blob.size, &blob.digest))),
    );
    let manifest = BundleManifest {
        format: FORMAT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        platform: platform.to_string(),
        images: items.iter().map(entry).collect(),
        files,
    };
    let mut out = zstd::stream::write::Encoder::new(BufWriter::new(draft.as_file()), LEVEL)?;
    out.include_checksum(true)?;
    let mut tar = tar::Builder::new(out);
    let text = serde_json::to_vec_pretty(&manifest).map_err(std::io::Error::other)?;
    append(&mut tar, MANIFEST, &text)?;
    let mut add = |name: &str, content: Box<dyn Read + Send>| -> Result<(), ImagingError> {
        let known = &manifest.files[name];
        let mut content = Hashing::new(content);
        let mode = if name == PROGRAM { 0o755 } else { 0o644 };
        tar.append_data(&mut header(known.size, mode), name, &mut content)?;
        content.expect(name, &known.sha256)
    };
    if let Some(program) = program {
        add(PROGRAM, Box::new(fs_err::File::open(program)?))?;
    }
    add("oci-layout", Box::new(LAYOUT))?;
    add("index.json", Blob::here(index.as_bytes()).open()?)?;
    for blob in blobs {
        add(&path(&blob.digest), blob.open()?)?;
    }
    tar.into_inner()?.finish()?.flush()?;
    draft.persist(file).map_err(|error| error.error)?;
    Ok(manifest)
}

fn entry(item: &BundleItem) -> BundledImage {
    BundledImage {
        reference: item.image.references[0].clone(),
        media_type: item.image.media_type.clone(),
        digest: item.image.digest(),
        purpose: item.purpose,
        recipe: item.recipe.clone(),
    }
}

/// A reader that knows in the end what it has read.
pub(super) struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
        }
    }

    /// Fails unless what was read is what it should be.
    pub(super) fn expect(self, name: &str, sha256: &str) -> Result<(), ImagingError> {
        let found = hex::encode(self.hash.finalize());
        if found == sha256 {
            return Ok(());
        }
        Err(ImagingError::Malformed {
            what: name.to_owned(),
            reason: format!("its content is {found}, not {sha256}"),
        })
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

//! Reading a bundle. It came from somebody else: nothing in it is believed until its digest has been compared, and nothing is
//! written but blobs, under names that are their digests.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::write::Hashing;
use super::{BundleManifest, BundledImage, FORMAT, MANIFEST, PROGRAM};
use crate::ImagingError;
use crate::image::{Platform, path};

/// The manifest of a bundle of a thousand images is far below it.
const MANIFEST_LIMIT: u64 = 8 << 20;
/// The window that every zstd program reads without being asked.
const WINDOW: u32 = 27;

/// Reads a bundle whole; its blobs go into `folder` and are checked. What is wrong is said in words.
pub(super) fn read(bundle: &Path, folder: &Path) -> Result<BundleManifest, ImagingError> {
    let file = fs_err::File::open(bundle)?;
    read_from(file, folder).map_err(|error| match error {
        ImagingError::Malformed { what, reason } => ImagingError::Bundle {
            file: bundle.display().to_string(),
            reason: format!("{what}: {reason}"),
        },
        ImagingError::Bundle { reason, .. } => ImagingError::Bundle {
            file: bundle.display().to_string(),
            reason,
        },
        other => other,
    })
}

fn read_from(file: impl Read, folder: &Path) -> Result<BundleManifest, ImagingError> {
    let mut decoder = zstd::stream::read::Decoder::new(file)?;
    decoder.window_log_max(WINDOW)?;
    let mut archive = tar::Archive::new(decoder);
    let mut members = archive.entries()?;
    let manifest = match members.next() {
        Some(Ok(first)) if first.path_bytes().as_ref() == MANIFEST.as_bytes() => manifest(first)?,
        _ => return Err(wrong("it is no rkube bundle")),
    };
    let mut missing: BTreeSet<&str> = manifest.files.keys().map(String::as_str).collect();
    for member in members {
        let member = member.map_err(broken)?;
        let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        let known = manifest.files.get(&name);
        let Some(known) = known.filter(|known| {
            member.header().entry_type().is_file() && member.size() == known.size && missing.contains(name.as_str())
        }) else {
            return Err(wrong(&format!("{name} is not as {MANIFEST} has it")));
        };
        let mut content = Hashing::new(member);
        let copied = match name.strip_prefix("blobs/sha256/") {
            Some(digits) => std::io::copy(&mut content, &mut fs_err::File::create(folder.join(digits))?),
            None => std::io::copy(&mut content, &mut std::io::sink()),
        };
        copied.map_err(broken)?;
        content.expect(&name, &known.sha256)?;
        missing.remove(name.as_str());
    }
    if let Some(name) = missing.first() {
        return Err(wrong(&format!("it ends before {name}")));
    }
    // the checksum of the whole is behind the last member
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink()).map_err(broken)?;
    for image in &manifest.images {
        complete(&manifest, image, folder)?;
    }
    Ok(manifest)
}

fn manifest(member: impl Read) -> Result<BundleManifest, ImagingError> {
    let mut text = String::new();
    member.take(MANIFEST_LIMIT).read_to_string(&mut text).map_err(broken)?;
    let value: Value = serde_json::from_str(&text).map_err(|error| wrong(&format!("{MANIFEST}: {error}")))?;
    if value["format"] != FORMAT {
        return Err(wrong(&format!(
            "its format is {}, and this rkube reads {FORMAT:?}",
            value["format"]
        )));
    }
    let manifest: BundleManifest =
        serde_json::from_value(value).map_err(|error| wrong(&format!("{MANIFEST}: {error}")))?;
    let own = Platform::own().to_string();
    if manifest.platform != own {
        return Err(wrong(&format!(
            "it is for {}, and this machine is {own}",
            manifest.platform
        )));
    }
    for (name, member) in &manifest.files {
        let is_blob = mirrors::digits(&format!("sha256:{}", member.sha256)).is_some()
            && *name == path(&format!("sha256:{}", member.sha256));
        if !is_blob && ![PROGRAM, "oci-layout", "index.json"].contains(&name.as_str()) {
            return Err(wrong(&format!("{MANIFEST} names {name:?}, which no bundle has")));
        }
    }
    for image in &manifest.images {
        if mirrors::Reference::parse(&image.reference).is_none() {
            return Err(wrong(&format!(
                "{MANIFEST}: {:?} is no image reference",
                image.reference
            )));
        }
    }
    Ok(manifest)
}

/// Every part of an image must have come.
fn complete(manifest: &BundleManifest, image: &BundledImage, folder: &Path) -> Result<(), ImagingError> {
    let has = |digest: &str| manifest.files.contains_key(&path(digest)) && mirrors::digits(digest).is_some();
    let lacks = |digest: &str| wrong(&format!("image {}: there is no {digest}", image.reference));
    if !has(&image.digest) {
        return Err(lacks(&image.digest));
    }
    for part in super::shelf::parts(folder, image)? {
        if !has(&part.digest) {
            return Err(lacks(&part.digest));
        }
    }
    Ok(())
}

fn wrong(reason: &str) -> ImagingError {
    ImagingError::Bundle {
        file: String::new(),
        reason: reason.to_owned(),
    }
}

/// Reading failed half-way: the file is cut off or damaged, unless it is this disk that is full.
fn broken(error: std::io::Error) -> ImagingError {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return ImagingError::Io(error);
    }
    wrong(&format!("it is cut off or damaged: {error}"))
}

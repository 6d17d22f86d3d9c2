//! An image on this disk, wherever its parts lie: in an archive, in the cache, or made by the composer.

use std::io::{Cursor, Read};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use mirrors::Reference;
use sha2::{Digest as _, Sha256};

/// An image whose parts can all be read.
#[derive(Debug, Clone)]
pub struct Image {
    /// Full references.
    pub references: Vec<String>,
    /// Media type of the manifest.
    pub media_type: String,
    /// Exact text of the manifest.
    pub manifest: String,
    /// Configuration first, then layers, the lowest first.
    pub blobs: Vec<Blob>,
}

impl Image {
    /// Digest of the manifest.
    pub fn digest(&self) -> String {
        digest_of(self.manifest.as_bytes())
    }

    /// The same image under another name alone.
    pub fn named(self, reference: &str) -> Self {
        Self {
            references: vec![full(reference)],
            ..self
        }
    }
}

/// Bytes known by their digest.
#[derive(Debug, Clone)]
pub struct Blob {
    /// `sha256:…`.
    pub digest: String,
    /// Size in bytes.
    pub size: u64,
    pub(crate) place: Place,
}

/// Where a blob's bytes are.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// They are this file.
    File(PathBuf),
    /// They are part of this file, from here on.
    Part(Arc<fs_err::File>, u64),
    /// Here.
    Here(Arc<[u8]>),
}

impl Blob {
    /// Small bytes in memory.
    pub(crate) fn here(bytes: &[u8]) -> Self {
        Self {
            digest: digest_of(bytes),
            size: bytes.len() as u64,
            place: Place::Here(bytes.into()),
        }
    }

    /// The bytes, no more than there should be.
    pub fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(match &self.place {
            Place::File(path) => Box::new(fs_err::File::open(path)?.take(self.size)),
            Place::Part(file, offset) => Box::new(Part {
                file: file.clone(),
                at: *offset,
                left: self.size,
            }),
            Place::Here(bytes) => Box::new(Cursor::new(bytes.clone())),
        })
    }
}

struct Part {
    file: Arc<fs_err::File>,
    at: u64,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.file().read_at(&mut buffer[..most], self.at)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// A reference in full; what is none stays as it is, for whoever refuses it.
pub(crate) fn full(reference: &str) -> String {
    Reference::parse(reference).map_or_else(|| reference.to_owned(), |reference| reference.to_string())
}

pub(crate) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

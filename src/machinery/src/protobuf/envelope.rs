//! `runtime.Unknown` behind the magic bytes.

use super::{ProtobufError, wire};

/// First bytes of every body.
pub const MAGIC: &[u8] = b"k8s\0";

/// An encoded object with its type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unknown {
    /// `v1` or `apps/v1`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// The message.
    pub raw: Vec<u8>,
}

impl Unknown {
    /// With the magic bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut meta = Vec::new();
        wire::bytes(&mut meta, 1, self.api_version.as_bytes());
        wire::bytes(&mut meta, 2, self.kind.as_bytes());
        let mut out = MAGIC.to_vec();
        wire::bytes(&mut out, 1, &meta);
        wire::bytes(&mut out, 2, &self.raw);
        // Content encoding and type are always written, empty.
        wire::bytes(&mut out, 3, b"");
        wire::bytes(&mut out, 4, b"");
        out
    }

    /// Reads what [`Unknown::to_bytes`] writes.
    pub fn from_bytes(body: &[u8]) -> Result<Self, ProtobufError> {
        let body = body.strip_prefix(MAGIC).ok_or(ProtobufError::NoMagic)?;
        let mut out = Self::default();
        let mut reader = wire::Reader::new(body);
        while let Some((number, raw)) = reader.field()? {
            match number {
                1 => {
                    let mut meta = wire::Reader::new(raw.bytes()?);
                    while let Some((number, raw)) = meta.field()? {
                        match number {
                            1 => raw.text()?.clone_into(&mut out.api_version),
                            2 => raw.text()?.clone_into(&mut out.kind),
                            _ => {}
                        }
                    }
                }
                2 => out.raw = raw.bytes()?.to_vec(),
                _ => {}
            }
        }
        Ok(out)
    }
}

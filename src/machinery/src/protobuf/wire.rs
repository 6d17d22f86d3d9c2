//! The wire format: varints, tags, lengths.

use super::ProtobufError;

/// Wire type 0.
pub const VARINT: u8 = 0;
/// Wire type 1.
pub const FIXED64: u8 = 1;
/// Wire type 2.
pub const LENGTH: u8 = 2;

/// Writes a number in as few bytes as it takes.
pub fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes the number and wire type that begin a field.
pub fn tag(out: &mut Vec<u8>, number: u32, wire_type: u8) {
    varint(out, (u64::from(number) << 3) | u64::from(wire_type));
}

/// Writes a field of bytes, a text or a message.
pub fn bytes(out: &mut Vec<u8>, number: u32, data: &[u8]) {
    tag(out, number, LENGTH);
    varint(out, data.len() as u64);
    out.extend_from_slice(data);
}

/// Writes a field that is a number.
pub fn number(out: &mut Vec<u8>, number: u32, value: i64) {
    tag(out, number, VARINT);
    varint(out, value as u64);
}

/// The value of one field as read.
#[derive(Debug, Clone, Copy)]
pub enum Raw<'a> {
    /// A number.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Bytes, a text or a message.
    Bytes(&'a [u8]),
    /// Four bytes: no Kubernetes message has such a field.
    Other,
}

impl<'a> Raw<'a> {
    /// As bytes.
    pub fn bytes(self) -> Result<&'a [u8], ProtobufError> {
        if let Self::Bytes(bytes) = self {
            Ok(bytes)
        } else {
            Err(ProtobufError::Malformed("length"))
        }
    }

    /// As a text.
    pub fn text(self) -> Result<&'a str, ProtobufError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| ProtobufError::Malformed("text"))
    }

    /// As a number.
    pub fn varint(self) -> Result<u64, ProtobufError> {
        if let Self::Varint(value) = self {
            Ok(value)
        } else {
            Err(ProtobufError::Malformed("number"))
        }
    }
}

/// Reads the fields of a message one by one.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Of a whole message.
    pub fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// The next field's number and value; none at the end.
    pub fn field(&mut self) -> Result<Option<(u32, Raw<'a>)>, ProtobufError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| ProtobufError::Malformed("tag"))?;
        if number == 0 {
            return Err(ProtobufError::Malformed("tag"));
        }
        let raw = match (tag & 7) as u8 {
            VARINT => Raw::Varint(self.varint()?),
            FIXED64 => {
                let bytes = self.take(8)?;
                Raw::Fixed64(u64::from_le_bytes(
                    bytes.try_into().map_err(|_| ProtobufError::Truncated)?,
                ))
            }
            LENGTH => {
                let length = usize::try_from(self.varint()?).map_err(|_| ProtobufError::Truncated)?;
                Raw::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Raw::Other
            }
            _ => return Err(ProtobufError::Malformed("wire type")),
        };
        Ok(Some((number, raw)))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], ProtobufError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(ProtobufError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ProtobufError::Malformed("varint"))
    }
}

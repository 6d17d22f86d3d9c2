//! Frames: a bit for control or data, a type or a stream, flags, a length.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use flate2::{Compress, Compression, FlushCompress};

const VERSION: u16 = 3;
const LAST: u8 = 1;
const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
/// Header and the largest length a frame can state.
pub(super) const HEAD: usize = 8;

/// A frame from the peer, as far as a client acts on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Data { stream: u32, bytes: Bytes, last: bool },
    Reply { stream: u32, last: bool },
    Reset { stream: u32 },
    Ping(u32),
    GoAway,
    Other,
}

/// Takes one whole frame off the buffer, if there is one.
pub(super) fn decode(buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
    let Some(head) = buffer.first_chunk::<HEAD>() else {
        return Ok(None);
    };
    let (data, last, length) = parse_head(*head);
    let word = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    if buffer.len() < HEAD + length {
        buffer.reserve(HEAD + length - buffer.len());
        return Ok(None);
    }
    buffer.advance(HEAD);
    let body = buffer.split_to(length).freeze();
    if let Some(stream) = data {
        return Ok(Some(Frame::Data {
            stream,
            bytes: body,
            last,
        }));
    }
    let version = (word >> 16 & 0x7fff) as u16;
    if version != VERSION {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("SPDY version {version} is not {VERSION}"),
        ));
    }
    let number = || {
        body.first_chunk::<4>()
            .map(|bytes| u32::from_be_bytes(*bytes) & 0x7fff_ffff)
    };
    let short = || io::Error::new(io::ErrorKind::InvalidData, "SPDY frame too short");
    Ok(Some(match word as u16 {
        SYN_REPLY => Frame::Reply {
            stream: number().ok_or_else(short)?,
            last,
        },
        RST_STREAM => Frame::Reset {
            stream: number().ok_or_else(short)?,
        },
        PING => Frame::Ping(number().ok_or_else(short)?),
        GOAWAY => Frame::GoAway,
        _ => Frame::Other,
    }))
}

/// Stream (of a data frame), whether it is the stream's last frame, and the length of what follows.
pub(super) fn parse_head(head: [u8; HEAD]) -> (Option<u32>, bool, usize) {
    let word = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    let length = u32::from_be_bytes([0, head[5], head[6], head[7]]) as usize;
    ((word >> 31 == 0).then_some(word), head[4] & LAST != 0, length)
}

/// The eight bytes before a data frame's payload.
pub(super) fn data_head(stream: u32, length: usize, last: bool) -> [u8; HEAD] {
    let flags = if last { u32::from(LAST) << 24 } else { 0 };
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&stream.to_be_bytes());
    head[4..].copy_from_slice(&(flags | length as u32).to_be_bytes());
    head
}

fn control(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEAD + body.len());
    frame.extend((0x8000 | VERSION).to_be_bytes());
    frame.extend(kind.to_be_bytes());
    frame.extend((body.len() as u32).to_be_bytes());
    frame.extend(body);
    frame
}

/// A ping, or the answer to one: the same frame.
pub(super) fn ping(id: u32) -> Vec<u8> {
    control(PING, &id.to_be_bytes())
}

/// Writes header blocks. One compression context spans the connection; the preset dictionary of the protocol is
/// optional for the sender (zlib says in its header whether it is used), and goes unused here.
pub(super) struct HeaderEncoder(Compress);

impl HeaderEncoder {
    pub(super) fn new() -> Self {
        Self(Compress::new(Compression::fast(), true))
    }

    /// A frame that opens a stream.
    pub(super) fn open(&mut self, stream: u32, headers: &[(&str, &str)]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        plain.extend((headers.len() as u32).to_be_bytes());
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            plain.extend((text.len() as u32).to_be_bytes());
            plain.extend(text.as_bytes());
        }
        let mut body = Vec::with_capacity(plain.len() + 128);
        body.extend(stream.to_be_bytes());
        body.extend([0; 6]);
        self.0
            .compress_vec(&plain, &mut body, FlushCompress::Sync)
            .map_err(io::Error::other)?;
        Ok(control(SYN_STREAM, &body))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stream_opens_with_its_headers_in_one_zlib_stream() {
        let mut encoder = HeaderEncoder::new();
        let mut inflate = flate2::Decompress::new(true);
        for (id, kind) in [(1, "error"), (3, "stdin")] {
            let frame = encoder.open(id, &[("streamtype", kind)]).unwrap();
            assert_eq!(frame[..4], [0x80, 3, 0, 1]);
            assert_eq!(frame[8..12], u32::to_be_bytes(id));
            let mut plain = Vec::with_capacity(256);
            inflate
                .decompress_vec(&frame[18..], &mut plain, flate2::FlushDecompress::Sync)
                .unwrap();
            assert_eq!(plain[..8], [0, 0, 0, 1, 0, 0, 0, 10]);
            assert!(plain.ends_with(kind.as_bytes()));
        }
    }

    proptest! {
        #[test]
        fn any_cut_of_the_bytes_gives_the_same_frames(cut in 0_usize..30) {
            let mut bytes = data_head(5, 3, true).to_vec();
            bytes.extend(b"abc");
            bytes.extend(ping(7));
            let mut buffer = BytesMut::from(&bytes[..cut.min(bytes.len())]);
            let mut frames = Vec::new();
            while let Some(frame) = decode(&mut buffer).unwrap() {
                frames.push(frame);
            }
            buffer.extend_from_slice(&bytes[cut.min(bytes.len())..]);
            while let Some(frame) = decode(&mut buffer).unwrap() {
                frames.push(frame);
            }
            prop_assert_eq!(frames, vec![Frame::Data { stream: 5, bytes: Bytes::from_static(b"abc"), last: true }, Frame::Ping(7)]);
        }
    }
}

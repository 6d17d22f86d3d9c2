//! The `ar` container of Debian packages.

use std::io::{Error, ErrorKind, Read, Result};

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;

/// Calls `visit` with the name and content of each member in turn until it says it has seen enough.
pub(super) fn members(mut file: impl Read, mut visit: impl FnMut(&str, &mut dyn Read) -> Result<bool>) -> Result<()> {
    let mut magic = [0; 8];
    file.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(Error::new(ErrorKind::InvalidData, "not an ar archive"));
    }
    loop {
        let mut header = [0; HEADER];
        if file.read(&mut header[..1])? == 0 {
            return Ok(());
        }
        file.read_exact(&mut header[1..])?;
        let text = std::str::from_utf8(&header).map_err(|_| Error::new(ErrorKind::InvalidData, "ar header"))?;
        let name = text[..16].trim_end().trim_end_matches('/').to_owned();
        let size: u64 = text[48..58]
            .trim()
            .parse()
            .map_err(|_| Error::new(ErrorKind::InvalidData, "ar member size"))?;
        let mut content = (&mut file).take(size);
        if !visit(&name, &mut content)? {
            return Ok(());
        }
        let rest = content.limit() + size % 2; // members start at even offsets
        std::io::copy(&mut (&mut file).take(rest), &mut std::io::sink())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = format!(
            "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
            0,
            0,
            0,
            100_644,
            content.len()
        )
        .into_bytes();
        bytes.extend_from_slice(content);
        if content.len() % 2 == 1 {
            bytes.push(b'\n');
        }
        bytes
    }

    #[test]
    fn members_of_odd_size_are_followed_correctly() {
        let file = [
            MAGIC.to_vec(),
            member("debian-binary", b"2.0"),
            member("data.tar.xz", b"abcd"),
        ]
        .concat();
        let mut seen = Vec::new();
        members(file.as_slice(), |name, content| {
            let mut text = String::new();
            if name.starts_with("data") {
                content.read_to_string(&mut text)?;
            }
            seen.push((name.to_owned(), text));
            Ok(true)
        })
        .unwrap();
        assert_eq!(
            seen,
            [
                ("debian-binary".into(), String::new()),
                ("data.tar.xz".into(), "abcd".into())
            ]
        );
        assert!(members(&b"garbage!"[..], |_, _| Ok(true)).is_err());
    }
}

//! Unpacking Debian packages into a tree.

use std::io::{BufReader, Error, ErrorKind, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use lzma_rust2::XzReader;

use super::Filter;
use super::ar;
use super::tree::{Entry, Kind, Tree, normalize};

/// Unpacks the data of one package. Maintainer scripts are not run: what they would do is written in the recipe.
pub(crate) fn unpack(tree: &mut Tree, package: &Path, filter: &Filter) -> std::io::Result<()> {
    let file = BufReader::new(fs_err::File::open(package)?);
    let mut found = false;
    ar::members(file, |name, content| {
        let Some(compression) = name.strip_prefix("data.tar") else {
            return Ok(true);
        };
        found = true;
        match compression {
            "" => unpack_tar(tree, content, filter)?,
            ".xz" => unpack_tar(tree, XzReader::new(content, true), filter)?,
            ".gz" => unpack_tar(tree, GzDecoder::new(content), filter)?,
            ".zst" => unpack_tar(tree, zstd::stream::read::Decoder::new(content)?, filter)?,
            other => return Err(Error::new(ErrorKind::Unsupported, format!("data.tar{other}"))),
        }
        Ok(false)
    })
    .map_err(|error| Error::new(error.kind(), format!("{}: {error}", package.display())))?;
    if found {
        Ok(())
    } else {
        Err(Error::new(
            ErrorKind::InvalidData,
            format!("{}: no data", package.display()),
        ))
    }
}

fn unpack_tar(tree: &mut Tree, data: impl Read, filter: &Filter) -> std::io::Result<()> {
    let mut archive = tar::Archive::new(data);
    for member in archive.entries()? {
        let mut member = member?;
        let Some(path) = normalize(&String::from_utf8_lossy(&member.path_bytes())) else {
            continue;
        };
        if !filter.keeps(&path) {
            continue;
        }
        let header = member.header();
        let mut entry = Entry {
            kind: Kind::Directory,
            mode: header.mode()? & 0o7777,
            uid: header.uid()?,
            gid: header.gid()?,
            mtime: header.mtime()?,
        };
        let target = member
            .link_name_bytes()
            .map(|name| String::from_utf8_lossy(&name).into_owned());
        match header.entry_type() {
            tar::EntryType::Directory => {
                // a folder's time depends on nothing that matters
                entry.mtime = 0;
                tree.put(&path, entry);
            }
            tar::EntryType::Symlink => {
                entry.kind = Kind::Symlink(target.unwrap_or_default());
                tree.put(&path, entry);
            }
            tar::EntryType::Link => {
                // the same bytes under a second name; the tree keeps contents once
                if let Some(known) = target
                    .as_deref()
                    .and_then(normalize)
                    .and_then(|path| tree.get(&path).cloned())
                {
                    tree.put(&path, known);
                }
            }
            kind if kind.is_file() => tree.put_file(&path, &mut member, entry)?,
            _ => {}
        }
    }
    Ok(())
}

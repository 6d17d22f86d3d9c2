//! Writing a tree as a layer: a tar whose bytes depend on the tree alone.

use std::io::{BufWriter, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::tree::{Kind, Tree};

/// About what a registry would keep, without a minute of work.
pub(crate) const CAREFUL: i32 = 9;
/// A first idea of the size, in a moment.
pub(crate) const QUICK: i32 = 1;

/// A layer on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// SHA-256 of the tar, lower-case hex.
    pub(crate) sha256: String,
    /// Size of the tar.
    pub(crate) size: u64,
    /// Size with zstd.
    pub(crate) compressed: u64,
}

/// Writes `tree` to `path`, sorted by path; `level` of zstd is for the size alone.
pub(crate) fn write_layer(tree: &mut Tree, path: &Path, level: i32) -> std::io::Result<Written> {
    let out = Measured::new(BufWriter::with_capacity(1 << 20, fs_err::File::create(path)?), level)?;
    let mut builder = tar::Builder::new(out);
    for (path, entry) in tree.entries().clone() {
        let mut header = tar::Header::new_gnu();
        header.set_mode(entry.mode);
        header.set_uid(entry.uid);
        header.set_gid(entry.gid);
        header.set_mtime(entry.mtime);
        header.set_size(0);
        let name = path.trim_start_matches('/');
        match entry.kind {
            Kind::Directory => {
                header.set_entry_type(tar::EntryType::Directory);
                builder.append_data(&mut header, format!("{name}/"), std::io::empty())?;
            }
            Kind::Symlink(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                builder.append_link(&mut header, name, target)?;
            }
            Kind::File { offset, length } => {
                header.set_entry_type(tar::EntryType::Regular);
                header.set_size(length);
                builder.append_data(&mut header, name, tree.reader(offset, length)?)?;
            }
        }
    }
    builder.into_inner()?.finish()
}

/// Passes bytes through, taking their sum, count and compressed count on the way.
struct Measured<W: Write> {
    inner: W,
    hash: Sha256,
    size: u64,
    compressor: zstd::stream::write::Encoder<'static, Count>,
}

impl<W: Write> Measured<W> {
    fn new(inner: W, level: i32) -> std::io::Result<Self> {
        let compressor = zstd::stream::write::Encoder::new(Count(0), level)?;
        Ok(Self {
            inner,
            hash: Sha256::new(),
            size: 0,
            compressor,
        })
    }

    fn finish(mut self) -> std::io::Result<Written> {
        self.inner.flush()?;
        let Count(compressed) = self.compressor.finish()?;
        Ok(Written {
            sha256: hex::encode(self.hash.finalize()),
            size: self.size,
            compressed,
        })
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        self.compressor.write_all(&bytes[..written])?;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Entry;
    use super::*;

    #[test]
    fn the_same_tree_makes_the_same_bytes_whatever_the_order_of_making() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, order: [&str; 2]| {
            let mut tree = Tree::new(&folder.path().join(format!("{name}.spool"))).unwrap();
            for path in order {
                tree.put_file(path, path.as_bytes(), Entry::file(0o644)).unwrap();
            }
            tree.put("/usr/link", Entry::symlink(&"long/".repeat(40)));
            let path = folder.path().join(name);
            let written = write_layer(&mut tree, &path, QUICK).unwrap();
            assert_eq!(written.sha256, crate::fetch::sha256_of(&path).unwrap());
            written
        };
        assert_eq!(write("one", ["/usr/a", "/usr/b"]), write("two", ["/usr/b", "/usr/a"]));
    }
}

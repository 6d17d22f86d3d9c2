//! The tree: entries by path, file contents in one spool file so that memory does not grow with the image.

use std::collections::BTreeMap;
use std::io::{Read, Seek as _, SeekFrom};
use std::path::Path;

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    /// Content at `offset` of the spool.
    File {
        offset: u64,
        length: u64,
    },
    Symlink(String),
}

/// One path of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) mtime: u64,
}

/// Folders that merged-/usr moves below `/usr`.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// A root filesystem. Paths are absolute, without a trailing slash.
pub(crate) struct Tree {
    entries: BTreeMap<String, Entry>,
    spool: fs_err::File,
    end: u64,
}

impl Tree {
    /// An empty tree that keeps contents in the new file `spool`.
    pub(crate) fn new(spool: &Path) -> std::io::Result<Self> {
        let spool = fs_err::OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(spool)?;
        Ok(Self {
            entries: BTreeMap::new(),
            spool,
            end: 0,
        })
    }

    /// All entries, sorted by path: parents come before what they hold.
    pub(crate) fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    /// The entry at a path.
    pub(crate) fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Puts an entry without content, making parents. A directory never replaces what is there already: packages share
    /// folders, and a link to a folder (`/bin`) must stay a link.
    pub(crate) fn put(&mut self, path: &str, entry: Entry) {
        self.parents(path);
        if entry.kind == Kind::Directory && self.entries.contains_key(path) {
            return;
        }
        self.entries.insert(path.to_owned(), entry);
    }

    /// Puts a file with content.
    pub(crate) fn put_file(&mut self, path: &str, mut content: impl Read, entry: Entry) -> std::io::Result<()> {
        self.spool.seek(SeekFrom::Start(self.end))?;
        let length = std::io::copy(&mut content, &mut self.spool)?;
        let kind = Kind::File {
            offset: self.end,
            length,
        };
        self.end += length;
        self.put(path, Entry { kind, ..entry });
        Ok(())
    }

    /// Sets owner and mode of an entry that exists.
    pub(crate) fn adjust(&mut self, path: &str, mode: u32, owner: u64) {
        if let Some(entry) = self.entries.get_mut(path) {
            (entry.mode, entry.uid, entry.gid) = (mode, owner, owner);
        }
    }

    /// Removes a path and all below it.
    pub(crate) fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.entries
            .retain(|known, _| known != path && !known.starts_with(&below));
    }

    /// A file's content.
    pub(crate) fn reader(&mut self, offset: u64, length: u64) -> std::io::Result<impl Read> {
        self.spool.seek(SeekFrom::Start(offset))?;
        Ok((&mut self.spool).take(length))
    }

    /// Content of a small file as bytes.
    pub(crate) fn content(&mut self, path: &str) -> std::io::Result<Vec<u8>> {
        match self.entries.get(path).map(|entry| entry.kind.clone()) {
            Some(Kind::File { offset, length }) => {
                let mut bytes = Vec::new();
                self.reader(offset, length)?.read_to_end(&mut bytes)?;
                Ok(bytes)
            }
            _ => Err(std::io::Error::new(
                std::io::ErrorKind::NotFound,
                format!("{path} is no file of the image"),
            )),
        }
    }

    fn parents(&mut self, path: &str) {
        let Some((parent, _)) = path.rsplit_once('/') else {
            return;
        };
        if !parent.is_empty() && !self.entries.contains_key(parent) {
            self.parents(parent);
            self.entries.insert(parent.to_owned(), Entry::directory(0o755));
        }
    }
}

impl Entry {
    /// A folder of root's.
    pub(crate) fn directory(mode: u32) -> Self {
        Self {
            kind: Kind::Directory,
            mode,
            uid: 0,
            gid: 0,
            mtime: 0,
        }
    }

    /// A link of root's.
    pub(crate) fn symlink(target: &str) -> Self {
        Self {
            kind: Kind::Symlink(target.to_owned()),
            mode: 0o777,
            uid: 0,
            gid: 0,
            mtime: 0,
        }
    }

    /// A file of root's; its content comes with [`Tree::put_file`].
    pub(crate) fn file(mode: u32) -> Self {
        Self {
            kind: Kind::File { offset: 0, length: 0 },
            mode,
            uid: 0,
            gid: 0,
            mtime: 0,
        }
    }
}

/// The absolute path of a package's member, with `/bin`, `/lib`… moved below `/usr`.
pub(crate) fn normalize(member: &str) -> Option<String> {
    let trimmed = member.trim_start_matches("./").trim_matches('/');
    if trimmed.is_empty() || trimmed == "." || trimmed.split('/').any(|part| part == "..") {
        return None;
    }
    let (top, rest) = trimmed.split_once('/').unwrap_or((trimmed, ""));
    match (MERGED.contains(&top), rest.is_empty()) {
        (true, true) => None,
        (true, false) => Some(format!("/usr/{trimmed}")),
        _ => Some(format!("/{trimmed}")),
    }
}

/// Adds the links that make `/bin` the same as `/usr/bin`, for each of the folders that the image has.
pub(crate) fn merge_usr(tree: &mut Tree) {
    for name in MERGED {
        if tree.get(&format!("/usr/{name}")).is_some() {
            tree.put(&format!("/{name}"), Entry::symlink(&format!("usr/{name}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_normalized_into_merged_usr() {
        assert_eq!(normalize("./bin/sh").as_deref(), Some("/usr/bin/sh"));
        assert_eq!(normalize("./usr/lib/").as_deref(), Some("/usr/lib"));
        assert_eq!(normalize("./lib"), None);
        assert_eq!(normalize("./"), None);
        assert_eq!(normalize("../etc/passwd"), None);
        assert_eq!(normalize("./library/x").as_deref(), Some("/library/x"));
    }

    #[test]
    fn a_directory_does_not_replace_a_link_and_parents_appear() {
        let folder = tempfile::tempdir().unwrap();
        let mut tree = Tree::new(&folder.path().join("spool")).unwrap();
        tree.put("/var/run", Entry::symlink("/run"));
        tree.put("/var/run", Entry::directory(0o755));
        assert_eq!(tree.get("/var/run").unwrap().kind, Kind::Symlink("/run".into()));
        tree.put_file("/a/b/c", &b"text"[..], Entry::file(0o644)).unwrap();
        tree.put_file("/a/b/d", &b"more"[..], Entry::file(0o644)).unwrap();
        assert_eq!(tree.get("/a/b").unwrap().kind, Kind::Directory);
        assert_eq!(tree.content("/a/b/c").unwrap(), b"text");
        tree.remove("/a");
        assert!(tree.content("/a/b/d").is_err());
    }
}

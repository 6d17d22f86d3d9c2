//! Space on file systems and in folders.

use std::path::Path;

/// A folder with more entries than this is not looked at further: it costs more than the answer is worth.
const MOST_ENTRIES: usize = 20_000;

/// A file system, or one's share of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) capacity: u64,
    pub(crate) available: u64,
    pub(crate) used: u64,
    pub(crate) inodes: u64,
    pub(crate) inodes_free: u64,
    pub(crate) inodes_used: u64,
}

impl Space {
    /// The file system at the path.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let stat = rustix::fs::statvfs(path).ok()?;
        Some(Self {
            capacity: stat.f_blocks * stat.f_frsize,
            available: stat.f_bavail * stat.f_frsize,
            used: stat.f_blocks.saturating_sub(stat.f_bfree) * stat.f_frsize,
            inodes: stat.f_files,
            inodes_free: stat.f_ffree,
            inodes_used: stat.f_files.saturating_sub(stat.f_ffree),
        })
    }

    /// The same file system, of which only so much is meant.
    pub(crate) fn share(self, used: u64, inodes_used: u64) -> Self {
        Self {
            used,
            inodes_used,
            ..self
        }
    }
}

/// Bytes and entries below a folder, on its own file system.
pub(crate) fn folder(path: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(top) = fs_err::symlink_metadata(path) else {
        return (0, 0);
    };
    let device = top.dev();
    let (mut bytes, mut entries) = (top.blocks() * 512, 1);
    let mut ahead = vec![path.to_owned()];
    while let Some(folder) = ahead.pop() {
        for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.dev() != device || entries as usize > MOST_ENTRIES {
                continue;
            }
            bytes += meta.blocks() * 512;
            entries += 1;
            if meta.is_dir() {
                ahead.push(entry.path());
            }
        }
    }
    (bytes, entries)
}

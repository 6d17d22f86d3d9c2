//! Small file helpers.

use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// At most `limit` bytes of a file as text; empty if it cannot be read.
pub(crate) fn read_head(path: &Path, limit: usize) -> String {
    let mut bytes = Vec::new();
    let Ok(file) = fs_err::File::open(path) else {
        return String::new();
    };
    if file.take(limit as u64).read_to_end(&mut bytes).is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Writes a file with exactly `mode`, whatever the umask says.
pub(crate) fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = fs_err::File::create(path)?;
    file.write_all(bytes)?;
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

/// Makes a folder and its parents, the folder itself with exactly `mode`.
pub(crate) fn create_dir_with_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs_err::create_dir_all(path)?;
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

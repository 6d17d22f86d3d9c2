//! hostPath volumes: the type says what must be there, or what is made.

use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use super::VolumeError;

/// Checks `path` against the volume's type, making what the type allows to be made.
pub(super) fn prepare(path: &str, kind: &str) -> Result<(), VolumeError> {
    let wrong = |expected: &str| VolumeError::HostPath(format!("hostPath type check failed: {path} is not {expected}"));
    let meta = match fs_err::metadata(path) {
        Ok(meta) => Some(meta),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let kind_of = meta.as_ref().map(std::fs::Metadata::file_type);
    match (kind, kind_of) {
        ("", Some(_)) => Ok(()),
        // The runtime would make the folder as root at start; made here it is the same on every runtime.
        ("" | "DirectoryOrCreate", None) => Ok(crate::files::create_dir_with_mode(Path::new(path), 0o755)?),
        ("DirectoryOrCreate" | "Directory", Some(kind)) if kind.is_dir() => Ok(()),
        ("Directory" | "DirectoryOrCreate", _) => Err(wrong("a directory")),
        ("FileOrCreate", None) => Ok(crate::files::write_with_mode(Path::new(path), b"", 0o644)?),
        ("FileOrCreate" | "File", Some(kind)) if kind.is_file() => Ok(()),
        ("FileOrCreate" | "File", _) => Err(wrong("a file")),
        ("Socket", Some(kind)) if kind.is_socket() => Ok(()),
        ("Socket", _) => Err(wrong("a socket file")),
        ("CharDevice", Some(kind)) if kind.is_char_device() => Ok(()),
        ("CharDevice", _) => Err(wrong("a character device")),
        ("BlockDevice", Some(kind)) if kind.is_block_device() => Ok(()),
        ("BlockDevice", _) => Err(wrong("a block device")),
        (other, _) => Err(VolumeError::HostPath(format!("{other} is an invalid volume type"))),
    }
}

#[cfg(test)]
mod tests {
    use super::prepare;

    #[test]
    fn types_are_checked_and_made() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        assert!(prepare(&at("a"), "Directory").is_err());
        prepare(&at("a"), "DirectoryOrCreate").unwrap();
        prepare(&at("a"), "Directory").unwrap();
        assert!(prepare(&at("a"), "File").is_err());
        prepare(&at("f"), "FileOrCreate").unwrap();
        assert!(prepare(&at("f"), "Socket").is_err());
    }
}

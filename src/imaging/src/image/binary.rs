//! The layer that holds one program: remade whenever the program is rebuilt, kept as long as it is the same file.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::Layer;
use crate::ImagingError;
use crate::rootfs::{Entry, QUICK, Tree, write_layer};

/// Describes the layer that is kept, and of which file it was made.
const META: &str = "layer.json";

/// A layer with the file `binary` as `/usr/bin/rkube`, kept in `folder`, which holds nothing else.
pub fn binary_layer(binary: &Path, folder: &Path) -> Result<Layer, ImagingError> {
    let meta = fs_err::metadata(binary)?;
    let identity = format!("{}:{}:{}:{}", meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ino());
    if let Some(layer) = kept(folder, &identity) {
        return Ok(layer);
    }
    fs_err::create_dir_all(folder)?;
    let scratch = tempfile::tempdir_in(folder)?;
    let mut tree = Tree::new(&scratch.path().join("spool"))?;
    tree.put_file("/usr/bin/rkube", fs_err::File::open(binary)?, Entry::file(0o755))?;
    let made = scratch.path().join("layer.tar");
    let written = write_layer(&mut tree, &made, QUICK)?;
    let path = folder.join(format!("{}.tar", written.sha256));
    // one build's layer is kept, not that of every build there ever was
    for old in fs_err::read_dir(folder)?.flatten() {
        if old.path().extension().is_some_and(|extension| extension == "tar") {
            fs_err::remove_file(old.path())?;
        }
    }
    fs_err::rename(&made, &path)?;
    let layer = Layer {
        path,
        sha256: written.sha256,
        size: written.size,
        compressed: written.compressed,
    };
    let text = serde_json::to_vec(&(identity, &layer)).map_err(std::io::Error::other)?;
    let draft = scratch.path().join(META);
    fs_err::write(&draft, text)?;
    fs_err::rename(&draft, folder.join(META))?;
    Ok(layer)
}

fn kept(folder: &Path, identity: &str) -> Option<Layer> {
    let text = fs_err::read_to_string(folder.join(META)).ok()?;
    let (of, layer): (String, Layer) = serde_json::from_str(&text).ok()?;
    let whole = fs_err::metadata(&layer.path).is_ok_and(|meta| meta.len() == layer.size);
    (of == identity && whole).then_some(layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layer_is_kept_until_the_program_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (binary, kept) = (folder.path().join("rkube"), folder.path().join("kept"));
        fs_err::write(&binary, "one").unwrap();
        let first = binary_layer(&binary, &kept).unwrap();
        assert_eq!(binary_layer(&binary, &kept).unwrap(), first);
        fs_err::write(&binary, "two, longer").unwrap();
        let second = binary_layer(&binary, &kept).unwrap();
        assert_ne!(second.sha256, first.sha256);
        assert!(!first.path.exists() && second.path.exists());
    }
}

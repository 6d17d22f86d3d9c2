//! What packages' maintainer scripts would have done, as far as an image needs it.

use super::accounts;
use super::tree::{Entry, Kind, Tree, merge_usr};
use crate::Recipe;
use crate::recipe::octal;

const CERTIFICATES: &str = "/usr/share/ca-certificates";
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Adds accounts, folders, links and files of the recipe, the certificate bundle, and the merged-/usr links.
pub(crate) fn finish(tree: &mut Tree, recipe: &Recipe) -> std::io::Result<()> {
    for path in ["/dev", "/etc", "/proc", "/root", "/run", "/sys", "/tmp", "/var/tmp"] {
        tree.put(path, Entry::directory(0o755));
    }
    tree.adjust("/root", 0o700, 0);
    tree.adjust("/tmp", 0o1777, 0);
    tree.adjust("/var/tmp", 0o1777, 0);
    for (path, mode, text) in accounts::files(&recipe.users) {
        tree.put_file(path, text.as_bytes(), Entry::file(mode))?;
    }
    if recipe.ca_bundle {
        ca_bundle(tree)?;
    }
    for directory in &recipe.directories {
        let mode = octal(&directory.mode).unwrap_or(0o755);
        tree.put(&directory.path, Entry::directory(mode));
        tree.adjust(&directory.path, mode, directory.owner);
    }
    for file in &recipe.files {
        tree.put_file(
            &file.path,
            file.text.as_bytes(),
            Entry::file(octal(&file.mode).unwrap_or(0o644)),
        )?;
    }
    for (path, target) in &recipe.links {
        tree.put(path, Entry::symlink(target));
    }
    merge_usr(tree);
    Ok(())
}

/// One file of all certificates is what programs read; the single files are then dead weight.
fn ca_bundle(tree: &mut Tree) -> std::io::Result<()> {
    let paths: Vec<String> = tree
        .entries()
        .iter()
        .filter(|(path, entry)| {
            path.starts_with(CERTIFICATES) && path.ends_with(".crt") && matches!(entry.kind, Kind::File { .. })
        })
        .map(|(path, _)| path.clone())
        .collect();
    let mut bundle = Vec::new();
    for path in paths {
        bundle.extend(tree.content(&path)?);
        if !bundle.ends_with(b"\n") {
            bundle.push(b'\n');
        }
    }
    tree.remove(CERTIFICATES);
    tree.put_file(BUNDLE, bundle.as_slice(), Entry::file(0o644))
}

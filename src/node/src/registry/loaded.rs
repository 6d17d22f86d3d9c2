//! Manifests of images that were loaded into this node. A pull that must ask (`imagePullPolicy: Always`) is answered from here
//! when the registry cannot be asked; the layers containerd has already.

use std::io;
use std::path::Path;

use serde_json::Value;

use super::staging::{self, Manifest};

const FOLDER: &str = "/var/lib/rkube/loaded";

/// Remembers an image that containerd has now.
pub(crate) fn remember(registry: &str, repository: &str, version: &str, manifest: &Manifest) -> io::Result<()> {
    staging::write(Path::new(FOLDER), registry, repository, version, manifest)
}

/// The manifest of a loaded image of which containerd still has every part.
pub(super) fn find(registry: &str, repository: &str, version: &str) -> Option<Manifest> {
    staging::read(Path::new(FOLDER), registry, repository, version).filter(is_whole)
}

/// The registry has given what the tag means now: what was loaded under it is old, unless it is the same.
pub(super) fn supersede(registry: &str, repository: &str, version: &str, digest: &str) {
    let folder = Path::new(FOLDER);
    if staging::read(folder, registry, repository, version).is_some_and(|known| known.digest != digest) {
        // a file that stays is asked only when nobody else answers
        let _ = staging::remove(folder, registry, repository, version);
    }
}

/// Forgets images that the kubelet has removed since.
pub(crate) fn forget_lost() -> io::Result<()> {
    staging::retain(Path::new(FOLDER), is_whole)
}

fn is_whole(manifest: &Manifest) -> bool {
    parts(&manifest.text).is_some_and(|parts| parts.iter().all(|digest| staging::kept(digest)))
}

/// Configuration and layers.
fn parts(manifest: &str) -> Option<Vec<String>> {
    let document: Value = serde_json::from_str(manifest).ok()?;
    let layers = document["layers"].as_array()?;
    let digest = |part: &Value| part["digest"].as_str().map(str::to_owned);
    std::iter::once(&document["config"]).chain(layers).map(digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_an_image_are_its_configuration_and_layers() {
        let text = r#"{"config": {"digest": "a"}, "layers": [{"digest": "b"}, {"digest": "c"}]}"#;
        assert_eq!(parts(text).unwrap(), ["a", "b", "c"]);
        assert_eq!(parts(r#"{"manifests": []}"#), None);
        assert_eq!(parts(r#"{"layers": [{"digest": "b"}]}"#), None);
    }

    #[test]
    fn manifests_are_kept_by_name_until_they_are_of_no_use() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = |text: &str| Manifest {
            media_type: "m".to_owned(),
            digest: "d".to_owned(),
            text: text.to_owned(),
        };
        let long = "a/".repeat(150);
        for (repository, text) in [("app", "one"), ("app/part", "two"), (long.as_str(), "three")] {
            staging::write(folder.path(), "docker.io", repository, "1", &manifest(text)).unwrap();
        }
        let read = |repository: &str, version: &str| {
            staging::read(folder.path(), "docker.io", repository, version).map(|found| found.text)
        };
        assert_eq!(read("app/part", "1").as_deref(), Some("two"));
        assert_eq!((read("app", "2"), read("part", "1")), (None, None));
        staging::retain(folder.path(), |manifest| manifest.text != "two").unwrap();
        assert_eq!(read("app/part", "1"), None);
        assert_eq!(
            (read("app", "1").as_deref(), read(&long, "1").as_deref()),
            (Some("one"), Some("three"))
        );
    }
}

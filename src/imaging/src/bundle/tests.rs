//! A bundle there and back, and every way in which one can be bad.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::*;
use crate::image::{Archive, Layer, digest_of};
use crate::{Composer, Platform, Recipe, RunConfig, Settings, silent};

const RECIPE: &str = "name: x\ntag: x:1\narchives: [{suite: s, components: [main], mirrors: []}]\npackages: [p]\n";

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shelf(&self) -> Shelf {
        Shelf::new(self.path("shelf"))
    }

    fn item(&self, tag: &str, layer: &str, purpose: Purpose) -> BundleItem {
        let path = self.path(&format!("{layer}.tar"));
        fs_err::write(&path, layer).unwrap();
        let archive = Archive {
            tag: tag.to_owned(),
            layers: vec![Layer {
                path,
                sha256: digest_of(layer.as_bytes()).trim_start_matches("sha256:").to_owned(),
                size: layer.len() as u64,
                compressed: 1,
            }],
            run: RunConfig::default(),
        };
        BundleItem {
            image: archive.image(),
            purpose,
            recipe: None,
        }
    }

    fn bundle(&self, items: &[BundleItem]) -> PathBuf {
        let (file, program) = (self.path("bundle"), self.path("program"));
        fs_err::write(&program, "the program").unwrap();
        write_bundle(&file, Some(&program), Platform::own(), items).unwrap();
        file
    }

    async fn refused(&self, bytes: &[u8]) -> String {
        let file = self.path("bad");
        fs_err::write(&file, bytes).unwrap();
        let error = self.shelf().load(&file).await.unwrap_err().to_string();
        assert!(error.contains(&file.display().to_string()), "{error}");
        assert!(self.shelf().images().unwrap().is_empty(), "{error}");
        // neither a blob nor anything half-done stays
        let left = fs_err::read_dir(self.path("shelf")).unwrap().flatten();
        assert!(
            left.map(|entry| entry.path()).all(|path| path.ends_with("blobs")),
            "{error}"
        );
        assert_eq!(
            fs_err::read_dir(self.path("shelf/blobs")).unwrap().count(),
            0,
            "{error}"
        );
        error
    }
}

fn plain(file: &Path) -> Vec<u8> {
    zstd::decode_all(fs_err::File::open(file).unwrap()).unwrap()
}

/// The bundle with its members changed.
fn rewritten(file: &Path, change: impl Fn(&mut Vec<(String, Vec<u8>)>)) -> Vec<u8> {
    let bytes = plain(file);
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut members = Vec::new();
    for member in archive.entries().unwrap() {
        let mut member = member.unwrap();
        let mut content = Vec::new();
        member.read_to_end(&mut content).unwrap();
        members.push((member.path().unwrap().display().to_string(), content));
    }
    change(&mut members);
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        // as an attacker writes it: the tar crate's own functions refuse such paths
        let name = &mut header.as_gnu_mut().unwrap().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        tar.append(&header, content.as_slice()).unwrap();
    }
    zstd::encode_all(tar.into_inner().unwrap().as_slice(), 1).unwrap()
}

fn edit(text: &mut Vec<u8>, from: &str, to: &str) {
    let changed = String::from_utf8(text.clone()).unwrap().replace(from, to);
    assert_ne!(changed.as_bytes(), text.as_slice(), "nothing to change");
    *text = changed.into_bytes();
}

#[tokio::test]
async fn what_was_bundled_is_on_the_shelf_however_often_it_is_loaded() {
    let place = Place::new();
    let file = place.bundle(&[
        place.item("me/app:1", "app", Purpose::Listed),
        place.item("rkube.addons/registry:2", "registry", Purpose::Addon),
    ]);
    let shelf = place.shelf();
    for _ in 0..2 {
        let manifest = shelf.load(&file).await.unwrap();
        assert_eq!(manifest.images[0].reference, "docker.io/me/app:1");
    }
    assert_eq!(shelf.listed().unwrap().len(), 1);
    let image = shelf.find("docker.io/me/app:1").unwrap().unwrap();
    let mut layer = String::new();
    image.blobs[1].open().unwrap().read_to_string(&mut layer).unwrap();
    assert_eq!(layer, "app");
    assert!(shelf.find("docker.io/me/app:2").unwrap().is_none());
    // a newer image of that name takes its place, and the older one's blobs go
    let before = fs_err::read_dir(place.path("shelf/blobs")).unwrap().count();
    let file = place.bundle(&[place.item("me/app:1", "newer", Purpose::Listed)]);
    shelf.load(&file).await.unwrap();
    assert_eq!(shelf.images().unwrap().len(), 2);
    assert_eq!(fs_err::read_dir(place.path("shelf/blobs")).unwrap().count(), before);
}

#[tokio::test]
async fn a_composer_takes_a_recipes_layer_from_the_shelf() {
    let (place, recipe) = (Place::new(), Recipe::parse("x", RECIPE).unwrap());
    let mut item = place.item("base:1", "layer", Purpose::Node);
    item.recipe = Some(Composed {
        digest: recipe.digest(),
        packages: vec!["p=1".to_owned()],
        compressed: 7,
    });
    let file = place.bundle(&[item]);
    let settings = Settings {
        cache: place.path("cache"),
        host_root: place.path("nowhere"),
        mirrors: Vec::new(),
        shelf: place.shelf(),
        frozen: false,
    };
    let composer = Composer::new(settings, silent());
    assert!(composer.cached(&recipe).is_none());
    place.shelf().load(&file).await.unwrap();
    let base = composer.base(&recipe).await.unwrap();
    assert_eq!((base.packages[0].as_str(), base.layer.compressed), ("p=1", 7));
    assert_eq!(fs_err::read_to_string(base.layer.path).unwrap(), "layer");
}

#[tokio::test]
async fn foreign_files_are_refused() {
    let place = Place::new();
    for foreign in [
        b"".as_slice(),
        b"just text",
        &zstd::encode_all(b"text".as_slice(), 1).unwrap(),
    ] {
        let error = place.refused(foreign).await;
        assert!(error.contains("no rkube bundle"), "{error}");
    }
    let mut tar = tar::Builder::new(Vec::new());
    crate::image::append(&mut tar, "readme", b"hi").unwrap();
    let tar = zstd::encode_all(tar.into_inner().unwrap().as_slice(), 1).unwrap();
    assert!(place.refused(&tar).await.contains("no rkube bundle"));
}

#[tokio::test]
async fn a_bundle_cut_off_anywhere_is_refused() {
    let place = Place::new();
    let file = place.bundle(&[place.item("a:1", "layer", Purpose::Listed)]);
    let whole = fs_err::read(&file).unwrap();
    for part in 1..20 {
        place.refused(&whole[..whole.len() * part / 20]).await;
    }
    place.refused(&whole[..whole.len() - 1]).await;
    let lacking = rewritten(&file, |members| drop(members.pop()));
    assert!(place.refused(&lacking).await.contains("ends before"));
}

#[tokio::test]
async fn a_changed_member_is_refused() {
    let place = Place::new();
    let file = place.bundle(&[place.item("a:1", "layer", Purpose::Listed)]);
    let other_layer = rewritten(&file, |members| {
        let layer = members.iter_mut().find(|(_, content)| content == b"layer").unwrap();
        layer.1 = b"LAYER".to_vec();
    });
    assert!(place.refused(&other_layer).await.contains("its content is"));
    let other_program = rewritten(&file, |members| members[1].1 = b"the Program".to_vec());
    assert!(place.refused(&other_program).await.contains("its content is"));
    let twice = rewritten(&file, |members| members.push(members[3].clone()));
    assert!(place.refused(&twice).await.contains("is not as bundle.json has it"));
    let more = rewritten(&file, |members| members.push(("more".to_owned(), Vec::new())));
    assert!(place.refused(&more).await.contains("more is not as"));
    let mut bytes = fs_err::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    place.refused(&bytes).await;
}

#[tokio::test]
async fn a_manifest_that_lies_is_refused() {
    let place = Place::new();
    let item = place.item("a:1", "layer", Purpose::Listed);
    let layer = item.image.blobs[1].digest.trim_start_matches("sha256:").to_owned();
    let file = place.bundle(&[item]);
    for (from, to, words) in [
        ("rkube-bundle/1", "rkube-bundle/9", "its format is"),
        ("linux/", "plan9/", "it is for plan9/"),
        ("docker.io/library/a:1", "../a", "no image reference"),
        ("\"images\"", "\"pictures\"", "pictures"),
    ] {
        let bad = rewritten(&file, |members| edit(&mut members[0].1, from, to));
        let error = place.refused(&bad).await;
        assert!(error.contains(words), "{words}: {error}");
    }
    let outside = rewritten(&file, |members| {
        edit(&mut members[0].1, &format!("blobs/sha256/{layer}"), "../../outside");
        let member = members.iter_mut().find(|(path, _)| path.ends_with(&layer)).unwrap();
        member.0 = "../../outside".to_owned();
    });
    let error = place.refused(&outside).await;
    assert!(error.contains("\"../../outside\", which no bundle has"), "{error}");
    assert!(!place.path("outside").exists());
    // the layer is missing in all lists alike
    let lacking = rewritten(&file, |members| {
        let mut manifest: BundleManifest = serde_json::from_slice(&members[0].1).unwrap();
        manifest.files.remove(&format!("blobs/sha256/{layer}"));
        members[0].1 = serde_json::to_vec(&manifest).unwrap();
        members.retain(|(path, _)| !path.ends_with(&layer));
    });
    assert!(place.refused(&lacking).await.contains("there is no sha256:"));
}

#[test]
fn a_failed_save_leaves_the_old_file() {
    let place = Place::new();
    let file = place.path("bundle");
    fs_err::File::create(&file).unwrap().write_all(b"old").unwrap();
    let item = place.item("a:1", "layer", Purpose::Listed);
    fs_err::write(place.path("layer.tar"), "other").unwrap();
    fs_err::write(place.path("program"), "p").unwrap();
    let error = write_bundle(&file, Some(&place.path("program")), Platform::own(), &[item]).unwrap_err();
    assert!(error.to_string().contains("its content is"), "{error}");
    assert_eq!(fs_err::read_to_string(&file).unwrap(), "old");
}

#[tokio::test]
async fn what_is_taken_off_the_shelf_leaves_the_layers_of_others() {
    let place = Place::new();
    let shelf = place.shelf();
    shelf.remove(&["docker.io/library/a:1".to_owned()]).await.unwrap();
    let items = [
        place.item("a:1", "shared", Purpose::Listed),
        place.item("b:1", "shared", Purpose::Addon),
        place.item("c:1", "alone", Purpose::Listed),
    ];
    shelf.load(&place.bundle(&items)).await.unwrap();
    let blobs = || fs_err::read_dir(place.path("shelf/blobs")).unwrap().count();
    let before = blobs();
    shelf.remove(&["docker.io/library/a:1".to_owned()]).await.unwrap();
    let left: Vec<String> = shelf
        .images()
        .unwrap()
        .into_iter()
        .map(|image| image.reference)
        .collect();
    assert_eq!(left, ["docker.io/library/b:1", "docker.io/library/c:1"]);
    let image = shelf.find("docker.io/library/b:1").unwrap().unwrap();
    image.blobs[1].open().unwrap();
    shelf.remove(&left).await.unwrap();
    assert!(shelf.images().unwrap().is_empty());
    assert!(before > 0 && blobs() == 0, "{} of {before} blobs stay", blobs());
}

#[tokio::test]
async fn a_bundle_for_another_platform_says_so_and_may_lack_the_program() {
    let place = Place::new();
    let item = place.item("a:1", "layer", Purpose::Listed);
    let other = if Platform::own().to_string() == "linux/amd64" {
        "linux/arm64"
    } else {
        "linux/amd64"
    };
    let file = place.path("bundle");
    let manifest = write_bundle(&file, None, other.parse().unwrap(), &[item]).unwrap();
    assert_eq!(manifest.platform, other);
    assert!(!manifest.files.contains_key("rkube"));
    let error = place.shelf().load(&file).await.unwrap_err().to_string();
    assert!(error.contains(&format!("it is for {other}")), "{error}");
    // as that machine reads it
    let own = Platform::own().to_string();
    let there = rewritten(&file, |members| edit(&mut members[0].1, other, &own));
    fs_err::write(&file, there).unwrap();
    place.shelf().load(&file).await.unwrap();
    assert_eq!(place.shelf().listed().unwrap().len(), 1);
}

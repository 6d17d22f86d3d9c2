//! Both formats, old and new, and what is no archive.

use std::io::{Read as _, Write as _};

use super::*;
use crate::image::stored::digest_of as sha;

fn archive(files: &[(&str, &[u8])], links: &[(&str, &str)]) -> fs_err::File {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, *content).unwrap();
    }
    for (path, target) in links {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, path, target).unwrap();
    }
    let mut file = fs_err::File::from_parts(tempfile::tempfile().unwrap(), "archive".to_owned());
    file.write_all(&tar.into_inner().unwrap()).unwrap();
    file
}

fn whole(blob: &Blob) -> Vec<u8> {
    let mut bytes = Vec::new();
    blob.open().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn layers_of_old_engines_take_their_digest_from_the_configuration() {
    let layer = b"layer bytes";
    let config = json!({ "rootfs": { "diff_ids": [sha(layer), sha(layer)] } }).to_string();
    let manifest = json!([{ "Config": "c.json", "RepoTags": ["app:1"], "Layers": ["a/layer.tar", "b/layer.tar"] }]);
    let file = archive(
        &[
            ("c.json", config.as_bytes()),
            ("a/layer.tar", layer),
            ("manifest.json", manifest.to_string().as_bytes()),
        ],
        &[("b/layer.tar", "../a/layer.tar")],
    );
    let images = read_images(file).unwrap();
    let image = &images[0];
    assert_eq!(image.references, ["docker.io/library/app:1"]);
    assert_eq!(image.blobs[0].digest, sha(config.as_bytes()));
    assert_eq!(image.blobs[2].digest, sha(layer));
    assert_eq!(whole(&image.blobs[2]), layer);
    assert!(image.manifest.contains("layer.v1.tar\""));
}

#[test]
fn an_oci_layout_keeps_its_manifest_to_the_byte() {
    let (layer, config) = (b"\x1f\x8bgzip".as_slice(), b"{}".as_slice());
    let manifest = format!(
        "{{ \"config\": {{\"digest\": \"{}\"}},  \"layers\": [{{\"digest\": \"{}\"}}] }}",
        sha(config),
        sha(layer)
    );
    let index = json!({ "manifests": [{
        "mediaType": "type/x", "digest": sha(manifest.as_bytes()),
        "annotations": { "io.containerd.image.name": "rkube.test/a:1" },
    }] });
    let path = |bytes: &[u8]| format!("blobs/{}", sha(bytes).replace(':', "/"));
    let file = archive(
        &[
            ("index.json", index.to_string().as_bytes()),
            (&path(manifest.as_bytes()), manifest.as_bytes()),
            (&path(layer), layer),
            (&path(config), config),
        ],
        &[],
    );
    let images = read_images(file).unwrap();
    let image = &images[0];
    assert_eq!(
        (image.manifest.as_str(), image.media_type.as_str()),
        (manifest.as_str(), "type/x")
    );
    assert_eq!(image.references, ["rkube.test/a:1"]);
    assert_eq!(whole(&image.blobs[1]), layer);
}

#[test]
fn what_is_no_archive_is_refused_in_words() {
    let mut text = fs_err::File::from_parts(tempfile::tempfile().unwrap(), "x".to_owned());
    text.write_all(&[b'x'; 2048]).unwrap();
    assert!(read_images(text).unwrap_err().contains("not an image archive"));
    assert!(
        read_images(archive(&[("readme", b"hi")], &[]))
            .unwrap_err()
            .contains("manifest.json")
    );
    let manifest = json!([{ "Config": "c.json", "RepoTags": ["a:1"], "Layers": ["x"] }]).to_string();
    let config = json!({ "rootfs": { "diff_ids": ["sha256:0"] } }).to_string();
    let lacking = archive(
        &[("manifest.json", manifest.as_bytes()), ("c.json", config.as_bytes())],
        &[],
    );
    assert!(read_images(lacking).unwrap_err().contains("lacks x"));
}

//! Static pods from the manifest folder, read again when the folder changes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, Toleration};
use sha2::{Digest as _, Sha256};

use super::mirror;

/// The pods of the folder by UID. A file that is not a pod is reported and skipped.
pub(crate) fn read(folder: &Path, node: &str) -> BTreeMap<String, Arc<Pod>> {
    let mut pods = BTreeMap::new();
    for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if hidden || !path.is_file() {
            continue;
        }
        let text = match fs_err::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                tracing::warn!(%error, "manifest not read");
                continue;
            }
        };
        match yaml::from_str::<Pod>(&text) {
            Ok(pod) => {
                let pod = finish(pod, &text, &path, node);
                pods.insert(pod.metadata.uid.clone().unwrap_or_default(), Arc::new(pod));
            }
            Err(error) => tracing::warn!(path = %path.display(), %error, "manifest is not a pod"),
        }
    }
    pods
}

/// Gives a manifest what the API would have given it: namespace, node, a UID that changes with its text.
fn finish(mut pod: Pod, text: &str, path: &Path, node: &str) -> Pod {
    let hash = hex::encode(&Sha256::digest(format!("{node}\n{}\n{text}", path.display()))[..16]);
    let meta = &mut pod.metadata;
    meta.name = Some(format!("{}-{node}", meta.name.clone().unwrap_or_default()));
    meta.namespace.get_or_insert_with(|| "default".to_owned());
    meta.uid = Some(hash.clone());
    let annotations = meta.annotations.get_or_insert_default();
    annotations.insert(mirror::HASH.to_owned(), hash);
    annotations.insert(mirror::SOURCE.to_owned(), "file".to_owned());
    annotations.insert(mirror::SEEN.to_owned(), jiff::Timestamp::now().to_string());
    let spec = pod.spec.get_or_insert_default();
    spec.node_name = Some(node.to_owned());
    // No taint evicts a static pod: nobody could bring it back elsewhere.
    spec.tolerations.get_or_insert_default().push(Toleration {
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        ..Default::default()
    });
    pod
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_becomes_a_pod_of_this_node_and_junk_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, image: i}]}\n";
        fs_err::write(folder.path().join("web.yaml"), text).unwrap();
        fs_err::write(folder.path().join("junk.yaml"), "]").unwrap();
        let pods = read(folder.path(), "node1");
        let pod = pods.values().next().unwrap();
        assert_eq!((pods.len(), pod.metadata.name.as_deref()), (1, Some("web-node1")));
        assert!(mirror::is_static(pod));
        fs_err::write(folder.path().join("web.yaml"), text.replace("image: i", "image: j")).unwrap();
        assert_ne!(read(folder.path(), "node1").keys().next(), pods.keys().next());
    }
}

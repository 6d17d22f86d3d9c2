//! `rkube node images`: what containerd holds, as JSON in the shape of minikube's `image ls`.

use std::io;

use cri::v1;
use nodespec::paths;
use serde_json::json;

/// All images of the node.
pub async fn list() -> io::Result<String> {
    let channel = cri::channel(paths::CONTAINERD_SOCKET.as_ref()).map_err(io::Error::other)?;
    let answer = cri::images(channel)
        .list_images(v1::ListImagesRequest::default())
        .await
        .map_err(|status| io::Error::other(status.message().to_owned()))?;
    let images: Vec<_> = answer
        .into_inner()
        .images
        .into_iter()
        .map(|image| {
            json!({
                "id": image.id,
                "repoTags": image.repo_tags,
                "repoDigests": image.repo_digests,
                "size": image.size.to_string(),
            })
        })
        .collect();
    Ok(json!(images).to_string())
}

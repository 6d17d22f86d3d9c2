//! containerd's images: pulling, and `rkube node images`, which lists them in the shape of minikube's `image ls`.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use cri::v1;
use nodespec::{paths, ports};
use serde_json::json;
use tokio::net::{TcpStream, UnixStream};
use tonic::{Code, Status};

/// containerd's socket appears within a second of the node's start.
const SOCKET_PATIENCE: Duration = Duration::from_secs(10);
const SOCKET_RETRY: Duration = Duration::from_millis(20);

/// Pulls an image.
pub(crate) async fn pull(reference: &str) -> Result<(), Status> {
    let channel =
        cri::channel(paths::CONTAINERD_SOCKET.as_ref()).map_err(|error| Status::internal(error.to_string()))?;
    let request = v1::PullImageRequest {
        image: Some(v1::ImageSpec {
            image: reference.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    cri::images(channel).pull_image(request).await.map(drop)
}

/// Pulls the embedded image while the API is still starting: every pod's sandbox needs it. If this fails, the first pod
/// waits for containerd's own pull.
pub(crate) async fn pull_early(reference: String) {
    let end = tokio::time::Instant::now() + SOCKET_PATIENCE;
    loop {
        match pull(&reference).await {
            Err(status) if status.code() == Code::Unavailable && tokio::time::Instant::now() < end => {
                tokio::time::sleep(SOCKET_RETRY).await;
            }
            Err(status) => return tracing::warn!(reference, error = status.message(), "pulling the embedded image"),
            Ok(()) => return tracing::debug!(reference, "the embedded image is here"),
        }
    }
}

/// Waits until images can be pulled: a node that has just been made is not that far yet.
pub(crate) async fn ready() -> io::Result<()> {
    let end = tokio::time::Instant::now() + SOCKET_PATIENCE;
    loop {
        let connected = async {
            UnixStream::connect(paths::CONTAINERD_SOCKET).await?;
            TcpStream::connect((Ipv4Addr::LOCALHOST, ports::REGISTRY)).await
        };
        match connected.await {
            Ok(_) => return Ok(()),
            Err(error) if tokio::time::Instant::now() > end => return Err(error),
            Err(_) => tokio::time::sleep(SOCKET_RETRY).await,
        }
    }
}

/// All images of the node.
pub async fn list() -> io::Result<String> {
    ready().await?;
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

//! `image load`: images from the engine or an archive into every node's containerd, missing layers only.

mod archive;
mod reference;
mod send;

use std::path::Path;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::profile::Profile;
use crate::{ClusterError, Engine};

use archive::Archive;

/// Where an image comes from.
#[derive(Debug)]
pub enum ImageSource {
    /// The container engine, by reference.
    Engine(String),
    /// An archive as `docker save` or an OCI tool writes it.
    Archive(fs_err::File),
}

/// What was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loaded {
    /// Full references.
    pub images: Vec<String>,
    /// Bytes that travelled, over all nodes.
    pub sent: u64,
}

/// A new file in `folder` that has no name and so is gone when closed.
pub fn scratch_file(folder: &Path) -> std::io::Result<fs_err::File> {
    fs_err::create_dir_all(folder)?;
    let path = folder.join("archive");
    Ok(fs_err::File::from_parts(tempfile::tempfile_in(folder)?, path))
}

/// Loads all images of `source` into all nodes of the cluster, which must all run.
pub async fn load_image(
    engine: &Engine,
    profile: &Profile,
    source: ImageSource,
    scratch: &Path,
) -> Result<Loaded, ClusterError> {
    let containers = engine.nodes(Some(&profile.name)).await?;
    let runs = |name: &str| {
        containers
            .iter()
            .any(|container| container.name == name && container.running())
    };
    if !profile.nodes.iter().all(|node| runs(&node.name)) {
        return Err(ClusterError::NotRunning {
            name: profile.name.clone(),
        });
    }
    let (file, what) = match source {
        ImageSource::Archive(file) => (file, "archive".to_owned()),
        ImageSource::Engine(reference) => (save(engine, &reference, scratch).await?, reference),
    };
    let archive = tokio::task::spawn_blocking(move || Archive::open(file))
        .await
        .map_err(std::io::Error::other)?
        .map_err(|reason| ClusterError::Image {
            reference: what,
            reason,
        })?;
    let sends = profile
        .nodes
        .iter()
        .map(|node| send::send(engine, &node.name, &archive));
    let mut loaded = Loaded {
        images: archive.references(),
        sent: 0,
    };
    for result in futures::future::join_all(sends).await {
        loaded.sent += result?;
    }
    Ok(loaded)
}

/// Images in a node, as its containerd lists them.
pub async fn list_images(engine: &Engine, node: &str) -> Result<Vec<Value>, ClusterError> {
    let output = engine.exec(node, &["/usr/bin/rkube", "node", "images"]).await?;
    let failed = |reason: String| ClusterError::InNode {
        what: "listing images",
        node: node.to_owned(),
        reason,
    };
    if output.code != 0 {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
}

async fn save(engine: &Engine, reference: &str, scratch: &Path) -> Result<fs_err::File, ClusterError> {
    if engine.image_id(reference).await?.is_none() {
        return Err(ClusterError::Image {
            reference: reference.to_owned(),
            reason: "neither a file nor an image of the container engine".to_owned(),
        });
    }
    let file = scratch_file(scratch)?;
    let mut out = tokio::fs::File::from_std(file.file().try_clone()?);
    engine.save_image(reference, &mut out).await?;
    out.flush().await?;
    Ok(file)
}

//! `image load`: images from the engine or an archive into every node's containerd, missing layers only.

mod send;

use std::path::Path;

use imaging::{Image, read_images};
use mirrors::Reference;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::profile::Profile;
use crate::{ClusterError, Engine};

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
    let running = running(engine, profile).await?;
    let nodes = profile.nodes.iter().map(|node| node.name.as_str());
    let stopped: Vec<_> = nodes
        .filter(|name| !running.contains(name))
        .map(ToOwned::to_owned)
        .collect();
    if running.is_empty() {
        let name = profile.name.clone();
        return Err(ClusterError::NotRunning { name });
    }
    if !stopped.is_empty() {
        return Err(ClusterError::NodesNotRunning {
            cluster: profile.name.clone(),
            nodes: stopped,
        });
    }
    let images = images_of(engine, source, scratch).await?;
    load(engine, &running, &images).await
}

/// The images of a source.
pub async fn images_of(engine: &Engine, source: ImageSource, scratch: &Path) -> Result<Vec<Image>, ClusterError> {
    let (file, what) = match source {
        ImageSource::Archive(file) => (file, "archive".to_owned()),
        ImageSource::Engine(reference) => (save(engine, &reference, scratch).await?, reference),
    };
    tokio::task::spawn_blocking(move || read_images(file))
        .await
        .map_err(std::io::Error::other)?
        .map_err(|reason| ClusterError::Image {
            reference: what,
            reason,
        })
}

/// Loads images into nodes, all at the same time.
pub(crate) async fn load(engine: &Engine, nodes: &[&str], images: &[Image]) -> Result<Loaded, ClusterError> {
    let sends = nodes.iter().map(|node| send::send(engine, node, images));
    let mut loaded = Loaded {
        images: images.iter().flat_map(|image| image.references.clone()).collect(),
        sent: 0,
    };
    for result in futures::future::join_all(sends).await {
        loaded.sent += result?;
    }
    Ok(loaded)
}

/// The cluster's nodes that run.
pub(crate) async fn running<'a>(engine: &Engine, profile: &'a Profile) -> Result<Vec<&'a str>, ClusterError> {
    let containers = engine.nodes(Some(&profile.name)).await?;
    let runs = |name: &str| {
        containers
            .iter()
            .any(|container| container.name == name && container.running())
    };
    let names = profile.nodes.iter().map(|node| node.name.as_str());
    Ok(names.filter(|name| runs(name)).collect())
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

/// The full form of a reference, as nodes keep it.
pub(crate) fn full(reference: &str) -> Result<Reference, ClusterError> {
    Reference::parse(reference).ok_or_else(|| ClusterError::Image {
        reference: reference.to_owned(),
        reason: "this is no image reference".to_owned(),
    })
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

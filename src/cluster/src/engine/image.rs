//! Images in the engine.

use std::collections::HashMap;

use bollard::query_parameters::{
    ImportImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use futures::{StreamExt as _, TryStreamExt as _};
use imaging::{Archive, Layer};
use jiff::Timestamp;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{Engine, upload};
use crate::ClusterError;

impl Engine {
    /// The image's ID, if the engine has it.
    pub async fn image_id(&self, reference: &str) -> Result<Option<String>, ClusterError> {
        match self.docker.inspect_image(reference).await {
            Ok(image) => Ok(image.id),
            Err(error) if super::is_missing(&error) => Ok(None),
            Err(error) => Err(super::failed("look for the image", error)),
        }
    }

    /// The tags of a repository, with the time when each was given here, if the engine knows it.
    pub(crate) async fn loaded_images(
        &self,
        repository: &str,
    ) -> Result<Vec<(String, Option<Timestamp>)>, ClusterError> {
        let filters = HashMap::from([("reference".to_owned(), vec![format!("{repository}:*")])]);
        let options = ListImagesOptionsBuilder::default().filters(&filters).build();
        let images = self.docker.list_images(Some(options)).await;
        let images = images.map_err(|error| super::failed("list images", error))?;
        let own = format!("{repository}:");
        let mut loaded = Vec::new();
        for tag in images.into_iter().flat_map(|image| image.repo_tags) {
            // Podman puts a host before it
            if !tag.trim_start_matches("localhost/").starts_with(&own) {
                continue;
            }
            let image = match self.docker.inspect_image(&tag).await {
                Ok(image) => image,
                Err(error) if super::is_missing(&error) => continue,
                Err(error) => return Err(super::failed("look at an image", error)),
            };
            let time = image.metadata.and_then(|metadata| metadata.last_tag_time);
            loaded.push((tag, time.as_deref().and_then(tagged_at)));
        }
        Ok(loaded)
    }

    /// Gives an image its tag once more: from now on the engine knows since when it has it.
    pub(crate) async fn stamp(&self, tag: &str) -> Result<(), ClusterError> {
        let (repository, version) = tag.rsplit_once(':').unwrap_or((tag, "latest"));
        let options = TagImageOptionsBuilder::default().repo(repository).tag(version).build();
        let stamped = self.docker.tag_image(tag, Some(options)).await;
        stamped.map_err(|error| super::failed("tag an image", error))
    }

    /// Takes a tag away, and the image with its last one; not from under a container.
    pub(crate) async fn remove_image(&self, tag: &str) -> Result<(), ClusterError> {
        let options = RemoveImageOptionsBuilder::default().force(false).build();
        let removed = self.docker.remove_image(tag, Some(options), None).await;
        removed
            .map(drop)
            .map_err(|error| super::failed("remove an image", error))
    }

    /// Loads an image; its first layer only if the engine does not have it yet.
    pub async fn load_image(&self, archive: Archive) -> Result<(), ClusterError> {
        let Some(base) = archive.layers.first().map(|layer| layer.sha256.clone()) else {
            return Ok(());
        };
        if self.has_base(&base).await? {
            let without = self.load(archive.clone(), move |layer| layer.sha256 == base).await;
            if without.is_ok() {
                return without;
            }
            // some engines keep images otherwise and want every layer
            tracing::debug!(?without, "loading without the base layer failed; sending all");
        }
        self.load(archive, |_| false).await
    }

    /// Writes an image as an archive.
    pub(crate) async fn save_image(
        &self,
        reference: &str,
        out: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), ClusterError> {
        let mut pieces = Box::pin(self.docker.export_image(reference));
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| super::failed("save the image", error))?;
            out.write_all(&piece).await?;
        }
        Ok(())
    }

    async fn has_base(&self, base: &str) -> Result<bool, ClusterError> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("{}={base}", Archive::BASE_LABEL)])]);
        let options = ListImagesOptionsBuilder::default().filters(&filters).build();
        let images = self
            .docker
            .list_images(Some(options))
            .await
            .map_err(|error| super::failed("list images", error))?;
        Ok(!images.is_empty())
    }

    async fn load(
        &self,
        archive: Archive,
        present: impl Fn(&Layer) -> bool + Send + 'static,
    ) -> Result<(), ClusterError> {
        self.load_written(move |out| archive.write(out, present)).await
    }

    /// Loads an archive that is being written.
    pub(crate) async fn load_written(
        &self,
        write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()> + Send + 'static,
    ) -> Result<(), ClusterError> {
        let body = upload::stream(write);
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let answers = self.docker.import_image_stream(options, body, None);
        let answers: Vec<_> = answers
            .try_collect()
            .await
            .map_err(|error| super::failed("load the image", error))?;
        tracing::debug!(?answers, "image loaded");
        Ok(())
    }
}

/// When an image was tagged. Loading alone is no tagging, and is told as the year 1.
fn tagged_at(text: &str) -> Option<Timestamp> {
    let time: Timestamp = text.parse().ok()?;
    (time > Timestamp::UNIX_EPOCH).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_was_only_loaded_has_no_time() {
        assert_eq!(tagged_at("0001-01-01T00:00:00Z"), None);
        assert!(tagged_at("2026-11-21T14:02:40.882737458Z").is_some());
        assert_eq!(tagged_at(""), None);
    }
}

//! The node image: the one asked for, the one already there, or one composed now.

use std::sync::Arc;

use imaging::{Archive, Composer, Platform, binary_layer, embedded_recipe};
use mirrors::Client;
use sha2::{Digest as _, Sha256};

use super::Start;
use crate::ClusterError;
use crate::progress::{Event, Step};
use crate::transfer::full;

/// Where images of our own making are, one tag per build.
pub const REPOSITORY: &str = "rkube/node";

/// The tag of a node image: the same recipe and the same program make the same one, so an image that has it is the right one.
pub fn node_version(recipe: &str, binary: &str) -> String {
    hex::encode(Sha256::digest(format!("{recipe}{binary}")))[..12].to_owned()
}

impl Start<'_> {
    /// The reference of a node image that the engine has.
    pub(super) async fn image(&self) -> Result<String, ClusterError> {
        self.begin(Step::Image);
        if let Some(reference) = &self.options.image {
            let missing = self.engine.image_id(reference).await?.is_none();
            if missing {
                self.fetch(reference, reference).await?;
            }
            self.done(Step::Image, missing);
            return Ok(reference.clone());
        }
        let recipe = embedded_recipe("node")
            .transpose()?
            .ok_or_else(|| ClusterError::Image {
                reference: "node".to_owned(),
                reason: "this build has no recipe for it".to_owned(),
            })?;
        let (binary, folder) = (self.options.binary.clone(), self.options.composer.cache.join("binary"));
        let layer = tokio::task::spawn_blocking(move || binary_layer(&binary, &folder))
            .await
            .map_err(std::io::Error::other)??;
        let version = node_version(&recipe.digest(), &layer.sha256);
        let tag = format!("{REPOSITORY}:{version}");
        if self.engine.image_id(&tag).await?.is_some() {
            self.done(Step::Image, false);
            return Ok(tag);
        }
        let composer = Composer::new(self.options.composer.clone(), self.imaging());
        // what is here already needs no network
        let here = composer.cached(&recipe).is_some();
        for repository in self.node_images.iter().filter(|_| !here) {
            // whatever is wrong there, the image can be composed; the sources' answers have been shown
            if self.fetch(&format!("{repository}:{version}"), &tag).await.is_ok() {
                self.done(Step::Image, true);
                return Ok(tag);
            }
        }
        let base = composer.base(&recipe).await?;
        let archive = Archive {
            tag: tag.clone(),
            layers: vec![base.layer, layer],
            run: recipe.image,
        };
        self.engine.load_image(archive).await?;
        self.done(Step::Image, true);
        Ok(tag)
    }

    /// Fetches an image from its sources and loads it under a name.
    async fn fetch(&self, reference: &str, name: &str) -> Result<(), ClusterError> {
        let parsed = full(reference)?;
        let client = Client::new(self.table.clone());
        let image = imaging::fetch_image(
            &client,
            &parsed,
            Platform::own(),
            &self.options.composer.cache,
            &self.imaging(),
        )
        .await?;
        let name = name.to_owned();
        let write =
            move |out: &mut dyn std::io::Write| imaging::write_images(out, &[(name.as_str(), &image)], |_| false);
        self.engine.load_written(write).await
    }

    fn imaging(&self) -> imaging::Progress {
        let progress = self.progress.clone();
        Arc::new(move |event| progress(Event::Imaging(event)))
    }
}

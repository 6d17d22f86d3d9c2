//! The node image: the one asked for, the one already there, or one composed now.

use std::sync::Arc;

use imaging::{Archive, Composer, binary_layer, embedded_recipe};
use sha2::{Digest as _, Sha256};

use super::Start;
use crate::ClusterError;
use crate::progress::{Event, Step};

impl Start<'_> {
    /// The reference of a node image that the engine has.
    pub(super) async fn image(&self) -> Result<String, ClusterError> {
        self.begin(Step::Image);
        if let Some(reference) = &self.options.image {
            if self.engine.image_id(reference).await?.is_none() {
                return Err(ClusterError::Image {
                    reference: reference.clone(),
                    reason: "the container engine does not have it".to_owned(),
                });
            }
            self.done(Step::Image, false);
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
        // the same recipe and the same program make the same tag, so a tag that is there is the right image
        let digest = Sha256::digest(format!("{}{}", recipe.digest(), layer.sha256));
        let tag = format!("rkube/node:{}", &hex::encode(digest)[..12]);
        if self.engine.image_id(&tag).await?.is_some() {
            self.done(Step::Image, false);
            return Ok(tag);
        }
        let progress = self.progress.clone();
        let composer = Composer::new(
            self.options.composer.clone(),
            Arc::new(move |event| progress(Event::Imaging(event))),
        );
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
}

//! Images that nodes must have before a pod asks for them: each from the nearest source that has it. In order: the node itself,
//! a bundle, the registries by way of their mirrors, a recipe.

use imaging::{Archive, Composer, Image, Progress, Recipe, Settings};
use mirrors::Table;

use crate::profile::Profile;
use crate::transfer::{self, full};
use crate::{ClusterError, Engine, list_images, probe_in_node};

/// An image that is needed.
#[derive(Debug, Clone)]
pub struct Need {
    /// Its reference.
    pub reference: String,
    /// How it is made where no registry has it.
    pub recipe: Option<Recipe>,
}

/// Where an image came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Every node had it.
    Node,
    /// A bundle that was loaded on this machine.
    Bundle,
    /// Nodes get it from a registry when a pod asks for it.
    Registry,
    /// It was composed here.
    Recipe,
}

/// Brings images into the nodes of a cluster that run.
pub struct Provider<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// The cluster.
    pub profile: &'a Profile,
    /// Where images come from.
    pub table: &'a Table,
    /// Where and how to compose, and what bundles have brought.
    pub composer: Settings,
    /// Hears of composing.
    pub progress: Progress,
}

impl Provider<'_> {
    /// Makes sure of one image. An image without a recipe that is not here is left to the nodes, which ask its registry and say
    /// what every source answered.
    pub async fn provide(&self, need: &Need) -> Result<Origin, ClusterError> {
        let reference = full(&need.reference)?;
        let name = reference.to_string();
        let lacking = self.lacking(&name).await?;
        if lacking.is_empty() {
            return Ok(Origin::Node);
        }
        if let Some(image) = self.composer.shelf.find(&name)? {
            transfer::load(self.engine, &lacking, &[image]).await?;
            return Ok(Origin::Bundle);
        }
        let Some(recipe) = &need.recipe else {
            return Ok(Origin::Registry);
        };
        let mut answers = Vec::new();
        if !self
            .table
            .sources(&reference.registry, &reference.repository)
            .is_empty()
        {
            let probes = probe_in_node(self.engine, lacking[0], &name).await?;
            for probe in probes.as_array().into_iter().flatten() {
                if probe["digest"].is_string() {
                    return Ok(Origin::Registry);
                }
                let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                answers.push((text(&probe["source"]), text(&probe["answer"]["text"])));
            }
        }
        let image = self.compose(recipe).await.map_err(|error| {
            answers.push((format!("recipe {}", recipe.name), error.to_string()));
            ClusterError::NoSource {
                reference: name.clone(),
                answers,
            }
        })?;
        transfer::load(self.engine, &lacking, &[image.named(&name)]).await?;
        Ok(Origin::Recipe)
    }

    /// Makes sure of the images that bundles list. Gives the names of those that some node lacked.
    pub async fn listed(&self) -> Result<Vec<String>, ClusterError> {
        let mut brought = Vec::new();
        for image in self.composer.shelf.listed()? {
            let name = image.references.first().cloned().unwrap_or_default();
            let lacking = self.lacking(&name).await?;
            if !lacking.is_empty() {
                transfer::load(self.engine, &lacking, &[image]).await?;
                brought.push(name);
            }
        }
        Ok(brought)
    }

    async fn compose(&self, recipe: &Recipe) -> Result<Image, ClusterError> {
        let composer = Composer::new(self.composer.clone(), self.progress.clone());
        let base = composer.base(recipe).await?;
        let archive = Archive {
            tag: recipe.tag.clone(),
            layers: vec![base.layer],
            run: recipe.image.clone(),
        };
        Ok(archive.image())
    }

    /// The running nodes that have no such image.
    async fn lacking(&self, name: &str) -> Result<Vec<&str>, ClusterError> {
        let mut lacking = Vec::new();
        for node in transfer::running(self.engine, self.profile).await? {
            let images = list_images(self.engine, node).await?;
            let known = images
                .iter()
                .flat_map(|image| ["repoTags", "repoDigests"].map(|field| &image[field]))
                .filter_map(serde_json::Value::as_array)
                .flatten();
            if !known.into_iter().any(|known| known == name) {
                lacking.push(node);
            }
        }
        Ok(lacking)
    }
}

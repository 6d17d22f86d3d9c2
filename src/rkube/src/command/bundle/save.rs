//! `rkube bundle save`.

use std::path::absolute;
use std::process::ExitCode;

use cluster::{ClusterError, Engine, ImageSource};
use imaging::{Archive, BundleItem, Composed, Composer, Image, Platform, Progress, Purpose, Recipe};
use mirrors::{Client, Reference, Table};
use serde_json::json;

use super::Outcome;
use crate::cli::BundleSave;
use crate::command::addons::{catalogue, provide};
use crate::command::mirrors::of_flags;
use crate::context::{Context, Paths};
use crate::failure::Failure;

pub(super) async fn run(context: &Context, args: BundleSave) -> Outcome {
    let catalogue = catalogue(context)?;
    let wanted = catalogue.in_order(args.addons.iter().map(String::as_str))?;
    let own = of_flags(args.mirrors)?.unwrap_or_default();
    let table = Table::new(&own.over(&context.profiles.mirrors()?)).map_err(ClusterError::from)?;
    let table = table.trusting(context.profiles.authorities()?);
    let platform = args.platform.unwrap_or_else(Platform::own);
    let program = match args.program {
        Some(program) => Some(absolute(program).map_err(imaging::ImagingError::Io)?),
        None if platform.is_own() => Some(Paths::binary()?),
        None => {
            let line = context.ui.text().bundle_no_program;
            context.ui.note(&line.replace("{}", &platform.to_string()));
            None
        }
    };
    let shown = context.ui.imaging();
    let composer = Composer::new(context.composer(&args.sources.debian_mirror), shown.receiver());
    let stock = Stock {
        context,
        platform,
        composer: composer.for_platform(platform),
        client: Client::new(table),
        progress: shown.receiver(),
    };
    let mut items = vec![stock.node().await?];
    for addon in wanted {
        for need in provide::needs(addon, &addons::Choice::default())? {
            let reference = parse(&need.reference)?;
            let item = match &need.recipe {
                Some(recipe) => stock.composed(recipe, &reference, Purpose::Addon).await?,
                None => stock.fetched(&reference, Purpose::Addon).await?,
            };
            items.push(item);
        }
    }
    for image in &args.images {
        items.push(stock.listed(image).await?);
    }
    shown.finish();
    let file = absolute(&args.file).map_err(imaging::ImagingError::Io)?;
    let write = move || imaging::write_bundle(&file, program.as_deref(), platform, &items);
    let written = tokio::task::spawn_blocking(write);
    let manifest = written.await.map_err(|error| Failure::internal(&error))??;
    let bytes = fs_err::metadata(&args.file).map_err(imaging::ImagingError::Io)?.len();
    let images: Vec<&str> = manifest.images.iter().map(|image| image.reference.as_str()).collect();
    context.ui.result(
        || {
            let all = images.iter().map(|image| format!("  {image}"));
            let head = format!("{}  {} MB", args.file.display(), bytes / 1_000_000);
            std::iter::once(head).chain(all).collect::<Vec<_>>().join("\n")
        },
        || json!({ "file": args.file, "bytes": bytes, "platform": manifest.platform, "images": images }),
    );
    Ok(ExitCode::SUCCESS)
}

/// Where the images of a bundle are taken from.
struct Stock<'a> {
    context: &'a Context,
    platform: Platform,
    composer: Composer,
    client: Client,
    progress: Progress,
}

impl Stock<'_> {
    /// The layer below rkube in nodes; the program itself is a file of the bundle.
    async fn node(&self) -> Result<BundleItem, Failure> {
        let recipe =
            imaging::embedded_recipe("node").ok_or_else(|| Failure::internal(&"no recipe for the node image"))??;
        let reference = parse(&format!("rkube.local/node-base:{}", env!("CARGO_PKG_VERSION")))?;
        self.composed(&recipe, &reference, Purpose::Node).await
    }

    async fn composed(&self, recipe: &Recipe, reference: &Reference, purpose: Purpose) -> Result<BundleItem, Failure> {
        let base = self.composer.base(recipe).await?;
        let made = Composed {
            digest: recipe.digest(),
            packages: base.packages,
            compressed: base.layer.compressed,
        };
        let archive = Archive {
            tag: recipe.tag.clone(),
            layers: vec![base.layer],
            run: recipe.image.clone(),
        };
        Ok(BundleItem {
            image: archive.image_for(self.platform).named(&reference.to_string()),
            purpose,
            recipe: Some(made),
        })
    }

    async fn fetched(&self, reference: &Reference, purpose: Purpose) -> Result<BundleItem, Failure> {
        let cache = self.context.paths.cache();
        let image = imaging::fetch_image(&self.client, reference, self.platform, &cache, &self.progress).await?;
        if reference
            .digest
            .as_ref()
            .is_some_and(|digest| *digest != image.digest())
        {
            let reason = "its digest is that of an index for several platforms; name it by a tag".to_owned();
            let reference = reference.to_string();
            return Err(imaging::ImagingError::Image { reference, reason }.into());
        }
        Ok(BundleItem {
            image,
            purpose,
            recipe: None,
        })
    }

    /// An image that the user named: the engine's, a built-in recipe's, or a registry's.
    async fn listed(&self, name: &str) -> Result<BundleItem, Failure> {
        let reference = parse(name)?;
        // the engine's images are for this machine
        if self.platform.is_own()
            && let Some(image) = self.of_engine(name).await?
        {
            return Ok(BundleItem {
                image: image.named(name),
                purpose: Purpose::Listed,
                recipe: None,
            });
        }
        for known in imaging::embedded_recipe_names() {
            if let Some(recipe) = imaging::embedded_recipe(known).transpose()?
                && Reference::parse(&recipe.tag).as_ref() == Some(&reference)
            {
                return self.composed(&recipe, &reference, Purpose::Listed).await;
            }
        }
        self.fetched(&reference, Purpose::Listed).await
    }

    /// The engine's image; a machine without an engine can save bundles, too.
    async fn of_engine(&self, name: &str) -> Result<Option<Image>, Failure> {
        let Ok(engine) = Engine::connect(&self.context.engine).await else {
            return Ok(None);
        };
        if engine.image_id(name).await?.is_none() {
            return Ok(None);
        }
        let scratch = self.context.paths.cache().join("load");
        let images = cluster::images_of(&engine, ImageSource::Engine(name.to_owned()), &scratch).await?;
        Ok(images.into_iter().next())
    }
}

fn parse(text: &str) -> Result<Reference, Failure> {
    Reference::parse(text).ok_or_else(|| Failure::usage(&format!("{text:?} is no image reference")))
}

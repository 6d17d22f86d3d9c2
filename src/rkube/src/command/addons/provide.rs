//! An addon's images, brought into the nodes before its pods ask for them.

use addons::{Addon, AddonError, Choice};
use cluster::{Engine, Need, Origin, Profile, Provider};
use imaging::Recipe;

use crate::context::Context;
use crate::failure::Failure;

/// Makes sure of all images of an addon.
pub(super) async fn images(
    context: &Context,
    profile: &Profile,
    addon: &Addon,
    choice: &Choice,
) -> Result<(), Failure> {
    if addon.info.images.is_empty() {
        return Ok(());
    }
    let engine = Engine::connect(&context.engine_of(&profile.name)).await?;
    let table = cluster::mirror_table(&context.profiles, &profile.name)?;
    let progress = context.ui.imaging();
    let provider = Provider {
        engine: &engine,
        profile,
        table: &table,
        composer: context.composer(&context.mirrors),
        progress: progress.receiver(),
    };
    for need in needs(addon, choice)? {
        let origin = provider.provide(&need).await?;
        if origin != Origin::Node && origin != Origin::Registry {
            context
                .ui
                .note(&context.ui.text().load_done.replace("{}", &need.reference));
        }
    }
    progress.finish();
    Ok(())
}

/// The images of an addon, each with the recipe that it may be made by. There is none for an image that the user chose.
pub(in crate::command) fn needs(addon: &Addon, choice: &Choice) -> Result<Vec<Need>, Failure> {
    let need = |(name, reference): (String, String)| {
        let chosen = choice.images.contains_key(&name) || choice.registries.contains_key(&name);
        let named = addon.info.images.get(&name).and_then(|image| image.recipe.as_deref());
        let recipe = named
            .filter(|_| !chosen)
            .map(|named| recipe(addon, named))
            .transpose()?;
        Ok(Need { reference, recipe })
    };
    addon.images(choice).into_iter().map(need).collect()
}

fn recipe(addon: &Addon, named: &str) -> Result<Recipe, Failure> {
    if let Some(file) = addon.folder.as_ref().map(|folder| folder.join(named))
        && file.is_file()
    {
        let text = fs_err::read_to_string(&file).map_err(imaging::ImagingError::Io)?;
        return Ok(Recipe::parse(&file.display().to_string(), &text)?);
    }
    let known = imaging::embedded_recipe(named).ok_or_else(|| AddonError::Malformed {
        addon: addon.info.name.clone(),
        reason: format!("there is no recipe {named:?}"),
    })?;
    Ok(known?)
}

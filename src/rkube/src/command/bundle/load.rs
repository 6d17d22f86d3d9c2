//! `rkube bundle load`, and what a start does about bundles.

use std::path::Path;
use std::process::ExitCode;

use cluster::{Engine, Profile, Provider};
use imaging::{BundleManifest, Purpose};
use serde_json::json;

use super::Outcome;
use crate::cli::BundleLoad;
use crate::context::Context;
use crate::failure::Failure;

pub(super) async fn run(context: &Context, args: BundleLoad) -> Outcome {
    let manifest = load(context, &args.file).await?;
    // a cluster that runs gets its images now, others when they start
    let mut nodes_now = Vec::new();
    if let Some(profile) = context.profiles.read(&context.profile)?
        && let Ok(engine) = Engine::connect(&context.engine).await
        && context
            .running(&engine, &profile, Context::node(&profile, None)?)
            .await
            .is_ok()
    {
        nodes_now = nodes(context, &engine, &profile).await?;
    }
    let images: Vec<&str> = manifest.images.iter().map(|image| image.reference.as_str()).collect();
    let line = context.ui.text().bundle_loaded;
    context.ui.result(
        || {
            let all = std::iter::once(line.replace("{}", &args.file.display().to_string()));
            all.chain(images.iter().map(|image| format!("  {image}")))
                .collect::<Vec<_>>()
                .join("\n")
        },
        || json!({ "version": manifest.version, "platform": manifest.platform, "images": images, "intoNodes": nodes_now }),
    );
    Ok(ExitCode::SUCCESS)
}

/// Takes a bundle in. Says so if its node image is for another rkube than this one.
pub(in crate::command) async fn load(context: &Context, file: &Path) -> Result<BundleManifest, Failure> {
    let manifest = context.paths.shelf().load(file).await?;
    let own = imaging::embedded_recipe("node")
        .transpose()?
        .map(|recipe| recipe.digest());
    let node = manifest.images.iter().find(|image| image.purpose == Purpose::Node);
    let theirs = node
        .and_then(|image| image.recipe.as_ref())
        .map(|recipe| &recipe.digest);
    if theirs.is_some() && theirs != own.as_ref() {
        let line = context.ui.text().bundle_other_rkube;
        let line = line.replace("{version}", &manifest.version);
        context.ui.note(&line.replace("{file}", &file.display().to_string()));
    }
    Ok(manifest)
}

/// Brings the images that bundles list into the nodes that lack them.
pub(in crate::command) async fn nodes(
    context: &Context,
    engine: &Engine,
    profile: &Profile,
) -> Result<Vec<String>, Failure> {
    let table = cluster::mirror_table(&context.profiles, &profile.name)?;
    let provider = Provider {
        engine,
        profile,
        table: &table,
        composer: context.composer(&context.mirrors),
        progress: imaging::silent(),
    };
    let brought = provider.listed().await?;
    for image in &brought {
        context.ui.note(&context.ui.text().load_done.replace("{}", image));
    }
    Ok(brought)
}

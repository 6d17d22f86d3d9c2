//! `rkube image compose`: an image from Debian packages, into the engine or a file.

use std::path::Path;
use std::process::ExitCode;

use cluster::Engine;
use imaging::{Archive, Composer, Recipe, binary_layer};
use serde_json::json;

use super::Outcome;
use crate::cli::Compose;
use crate::context::{Context, Paths};
use crate::failure::Failure;

pub(super) async fn run(context: &Context, args: Compose) -> Outcome {
    let recipe = read(&args.recipe)?;
    let progress = context.ui.imaging();
    let composer = Composer::new(context.composer(&args.sources.debian_mirror), progress.receiver());
    let base = composer.base(&recipe).await?;
    progress.finish();
    let mut layers = vec![base.layer];
    let mut tag = recipe.tag.clone();
    if recipe.name == "node" {
        let program = binary_layer(&Paths::binary()?, &context.paths.cache().join("binary"))?;
        // the tag that `start` looks for, here and in repositories
        let version = cluster::node_version(&recipe.digest(), &program.sha256);
        tag = format!("{}:{version}", cluster::NODE_REPOSITORY);
        layers.push(program);
    }
    let tag = args.tag.unwrap_or(tag);
    let archive = Archive {
        tag: tag.clone(),
        layers,
        run: recipe.image.clone(),
    };
    let id = archive.id();
    let (bytes, compressed) = (
        archive.layers.iter().map(|layer| layer.size).sum::<u64>(),
        archive.compressed(),
    );
    if let Some(file) = &args.file {
        save(&archive, file)?;
    } else {
        let engine = Engine::connect(&context.engine).await?;
        engine.load_image(archive).await?;
    }
    context.ui.result(
        || {
            let place = args
                .file
                .as_ref()
                .map_or_else(String::new, |file| format!(" -> {}", file.display()));
            format!(
                "{tag}  {}  {} MB, {} MB zstd{place}",
                &id[..19],
                bytes / 1_000_000,
                compressed / 1_000_000
            )
        },
        || json!({ "image": tag, "id": id, "bytes": bytes, "compressedBytes": compressed, "packages": base.packages }),
    );
    Ok(ExitCode::SUCCESS)
}

/// A file if there is one of that name, else a built-in recipe.
fn read(name: &str) -> Result<Recipe, Failure> {
    let path = Path::new(name);
    if path.is_file() {
        return Ok(Recipe::parse(
            name,
            &fs_err::read_to_string(path).map_err(|error| Failure::usage(&error))?,
        )?);
    }
    if let Some(recipe) = imaging::embedded_recipe(name) {
        return Ok(recipe?);
    }
    let known: Vec<_> = imaging::embedded_recipe_names().collect();
    Err(Failure::usage(&format!(
        "no file {name} and no built-in recipe of that name ({})",
        known.join(", ")
    )))
}

fn save(archive: &Archive, file: &Path) -> Result<(), Failure> {
    let draft = file.with_extension("partial");
    let written = fs_err::File::create(&draft)
        .and_then(|out| archive.write(std::io::BufWriter::new(out), |_| false))
        .and_then(|()| fs_err::rename(&draft, file));
    written.map_err(|error| {
        let _ = fs_err::remove_file(&draft);
        Failure::from(imaging::ImagingError::Io(error))
    })
}

//! `rkube image load`: images of the engine or archives, into every node. Fails if any node failed.

use std::path::Path;
use std::process::ExitCode;

use cluster::{Engine, ImageSource};
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use super::Outcome;
use crate::cli::Load;
use crate::context::Context;
use crate::failure::Failure;

pub(super) async fn run(context: &Context, args: Load) -> Outcome {
    let profile = context.existing()?;
    let engine = Engine::connect(&context.engine).await?;
    let scratch = context.paths.cache().join("load");
    let mut loaded = Vec::new();
    for image in &args.images {
        let source = match image.as_str() {
            "-" => ImageSource::Archive(spool(&scratch).await?),
            file if Path::new(file).is_file() => {
                ImageSource::Archive(fs_err::File::open(file).map_err(cluster::ClusterError::Io)?)
            }
            reference => ImageSource::Engine(reference.to_owned()),
        };
        let result = cluster::load_image(&engine, &profile, source, &scratch).await?;
        for image in &result.images {
            context.ui.note(&context.ui.text().load_done.replace("{}", image));
        }
        loaded.push(json!({ "images": result.images, "sentBytes": result.sent }));
    }
    if context.ui.is_json() {
        context.ui.result(String::new, || json!({ "loaded": loaded }));
    }
    Ok(ExitCode::SUCCESS)
}

/// Standard input in a file, since archives are read out of order.
async fn spool(folder: &Path) -> Result<fs_err::File, Failure> {
    let failed = |error: std::io::Error| Failure::from(imaging::ImagingError::Io(error));
    let mut file = cluster::scratch_file(folder).map_err(failed)?;
    let mut stdin = tokio::io::stdin();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = stdin.read(&mut buffer).await.map_err(failed)?;
        if count == 0 {
            return Ok(file);
        }
        std::io::Write::write_all(&mut file, &buffer[..count]).map_err(failed)?;
    }
}

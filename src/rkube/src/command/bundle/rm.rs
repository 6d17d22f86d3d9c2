//! `rkube bundle rm`.

use std::process::ExitCode;

use mirrors::Reference;
use serde_json::json;

use super::Outcome;
use crate::cli::BundleRm;
use crate::context::Context;
use crate::failure::Failure;

pub(super) async fn run(context: &Context, args: BundleRm) -> Outcome {
    let shelf = context.paths.shelf();
    let here: Vec<String> = shelf.images()?.into_iter().map(|image| image.reference).collect();
    let wanted = if args.all {
        here.clone()
    } else {
        let known = |name: &String| {
            let whole = Reference::parse(name).map(|reference| reference.to_string());
            let found = here.iter().find(|one| *one == name || Some(*one) == whole.as_ref());
            found.cloned().ok_or_else(|| {
                let all = here.join(", ");
                Failure::usage(&format!("no bundle has brought {name:?}; there are: {all}"))
            })
        };
        args.images.iter().map(known).collect::<Result<_, _>>()?
    };
    shelf.remove(&wanted).await?;
    let line = context.ui.text().bundle_removed;
    context.ui.result(
        || {
            let lines: Vec<String> = wanted.iter().map(|image| line.replace("{}", image)).collect();
            lines.join("\n")
        },
        || json!({ "removed": wanted }),
    );
    Ok(ExitCode::SUCCESS)
}

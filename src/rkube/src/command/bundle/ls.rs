//! `rkube bundle ls`: what bundles have brought to this machine.

use std::process::ExitCode;

use serde_json::json;

use super::Outcome;
use crate::context::Context;

pub(super) fn run(context: &Context) -> Outcome {
    let mut images = context.paths.shelf().images()?;
    images.sort_by(|one, other| one.reference.cmp(&other.reference));
    context.ui.result(
        || {
            let lines: Vec<&str> = images.iter().map(|image| image.reference.as_str()).collect();
            lines.join("\n")
        },
        || json!(images),
    );
    Ok(ExitCode::SUCCESS)
}

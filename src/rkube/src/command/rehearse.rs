//! `rkube start --dry-run`: what a start would do.

use std::path::Path;
use std::process::ExitCode;

use cluster::{Engine, StartOptions};
use imaging::ImagingError;
use serde_json::json;

use super::Outcome;
use crate::context::Context;
use crate::failure::Failure;

/// A bundle is taken in to be checked; before that it can be there, or not.
pub(super) fn bundle(file: &Path) -> Result<(), Failure> {
    let opened = fs_err::File::open(file);
    opened.map(drop).map_err(|error| Failure::from(ImagingError::Io(error)))
}

pub(super) async fn run(context: &Context, engine: &Engine, options: &StartOptions, addons: &[String]) -> Outcome {
    let would = cluster::rehearse(engine, &context.profiles, options).await?;
    let profile = &would.profile;
    let text = context.ui.text();
    context.ui.result(
        || {
            let fill = |line: &str, nodes: &[String]| {
                line.replace("{name}", &profile.name)
                    .replace("{nodes}", &nodes.join(", "))
                    .replace("{subnet}", &profile.subnet.to_string())
            };
            let mut lines = Vec::new();
            if !would.make.is_empty() {
                lines.push(fill(text.dry_make, &would.make));
            }
            if !would.start.is_empty() {
                lines.push(fill(text.dry_start, &would.start));
            }
            if lines.is_empty() {
                lines.push(text.start_unchanged.replace("{}", &profile.name));
            }
            if !addons.is_empty() {
                lines.push(text.dry_addons.replace("{}", &addons.join(", ")));
            }
            lines.push(text.dry_done.to_owned());
            lines.join("\n")
        },
        || {
            json!({
                "name": profile.name, "dryRun": true, "make": would.make, "start": would.start, "addons": addons,
                "subnet": profile.subnet, "driver": profile.driver, "limits": profile.limits,
            })
        },
    );
    Ok(ExitCode::SUCCESS)
}

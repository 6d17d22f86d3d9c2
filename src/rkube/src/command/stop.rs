//! `rkube stop`.

use std::process::ExitCode;

use cluster::Engine;
use serde_json::json;

use super::Outcome;
use crate::context::Context;

pub(super) async fn run(context: &Context) -> Outcome {
    let engine = Engine::connect(&context.engine).await?;
    let _lock = context.lock().await?;
    let profile = context.existing()?;
    context.ui.begin(&profile.name);
    let stopped = cluster::stop(&engine, &profile).await?;
    let text = context.ui.text();
    context.ui.result(
        || {
            let line = if stopped.is_empty() {
                text.stop_unchanged
            } else {
                text.stop_done
            };
            line.replace("{}", &profile.name)
        },
        || json!({ "name": profile.name, "stopped": stopped }),
    );
    Ok(ExitCode::SUCCESS)
}

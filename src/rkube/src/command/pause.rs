//! `rkube pause` and `rkube unpause`.

use std::process::ExitCode;

use cluster::Engine;
use serde_json::json;

use super::Outcome;
use crate::context::Context;

pub(super) async fn pause(context: &Context) -> Outcome {
    let engine = Engine::connect(&context.engine).await?;
    let _lock = context.lock().await?;
    let profile = context.existing()?;
    context.ui.begin(&profile.name);
    cluster::pause(&engine, &profile).await?;
    let text = context.ui.text().pause_done;
    context.ui.result(
        || text.replace("{}", &profile.name),
        || json!({ "name": profile.name, "paused": true }),
    );
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn unpause(context: &Context) -> Outcome {
    let engine = Engine::connect(&context.engine).await?;
    let _lock = context.lock().await?;
    let profile = context.existing()?;
    context.ui.begin(&profile.name);
    cluster::unpause(&engine, &profile).await?;
    let text = context.ui.text().unpause_done;
    context.ui.result(
        || text.replace("{}", &profile.name),
        || json!({ "name": profile.name, "paused": false }),
    );
    Ok(ExitCode::SUCCESS)
}

//! `rkube stop`.

use std::process::ExitCode;

use cluster::Engine;
use serde_json::json;

use super::Outcome;
use crate::cli::Stop;
use crate::context::Context;
use crate::failure::Failure;

pub(super) async fn run(context: &Context, args: Stop) -> Outcome {
    if args.all {
        return all(context).await;
    }
    // what is not there has no steps
    context.existing()?;
    context.ui.begin(&context.profile);
    let stopped = one(context, &context.profile).await?;
    context.ui.result(
        || line(context, &context.profile, &stopped),
        || json!({ "name": context.profile, "stopped": stopped }),
    );
    Ok(ExitCode::SUCCESS)
}

/// One that cannot be stopped does not keep the others from it; the first failure's exit code is the command's.
async fn all(context: &Context) -> Outcome {
    let names = context.profiles.names()?;
    context.ui.begin(&names.join(", "));
    let (mut stopped, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        match one(context, &name).await {
            Ok(nodes) => stopped.push((name, nodes)),
            Err(failure) => failures.push((name, failure)),
        }
    }
    let lines = || {
        let lines: Vec<String> = stopped.iter().map(|(name, nodes)| line(context, name, nodes)).collect();
        lines.join("\n")
    };
    if let Some(failure) = Failure::of_several(failures) {
        if !stopped.is_empty() {
            context.ui.note(&lines());
        }
        return Err(failure);
    }
    context.ui.result(
        || {
            if stopped.is_empty() {
                context.ui.text().no_clusters.to_owned()
            } else {
                lines()
            }
        },
        || {
            let clusters = stopped
                .iter()
                .map(|(name, nodes)| json!({ "name": name, "stopped": nodes }));
            json!({ "clusters": clusters.collect::<Vec<_>>() })
        },
    );
    Ok(ExitCode::SUCCESS)
}

/// The nodes that ran.
async fn one(context: &Context, name: &str) -> Result<Vec<String>, Failure> {
    let _lock = context.profiles.lock(name, Context::PATIENCE).await?;
    let engine = Engine::connect(&context.engine_of(name)).await?;
    let profile = context.existing_named(name)?;
    Ok(cluster::stop(&engine, &profile).await?)
}

fn line(context: &Context, name: &str, stopped: &[String]) -> String {
    let text = context.ui.text();
    let line = if stopped.is_empty() {
        text.stop_unchanged
    } else {
        text.stop_done
    };
    line.replace("{}", name)
}

//! `rkube delete`.

use std::process::ExitCode;

use cluster::Engine;
use serde_json::json;

use super::Outcome;
use crate::cli::Delete;
use crate::context::Context;
use crate::failure::Failure;

pub(super) async fn run(context: &Context, args: Delete) -> Outcome {
    let engine = Engine::connect(&context.engine).await?;
    let all = cluster::all_clusters(&engine, &context.profiles).await?;
    if args.purge && !args.all && all.iter().any(|name| *name != context.profile) {
        let others = all.join(", ");
        return Err(Failure::usage(&format!(
            "--purge would remove all of {others}; say so with --all"
        )));
    }
    let names = if args.all { all } else { vec![context.profile.clone()] };
    context.ui.begin(&names.join(", "));
    let mut deleted = Vec::new();
    for name in names {
        let _lock = context.profiles.lock(&name, Context::PATIENCE).await?;
        let own = context.engine_of(&name);
        // the one that was asked already, unless the cluster was made with another one
        let is_here = own == context.engine || (own.driver.is_none() && !engine.nodes(Some(&name)).await?.is_empty());
        let engine = if is_here {
            engine.clone()
        } else {
            Engine::connect(&own).await?
        };
        if cluster::delete(&engine, &context.profiles, &name).await? {
            deleted.push(name);
        }
    }
    if args.purge {
        context.paths.purge()?;
    }
    let text = context.ui.text();
    context.ui.result(
        || match deleted.as_slice() {
            [] => text.delete_unchanged.replace("{}", &context.profile),
            names => text.delete_done.replace("{}", &names.join(", ")),
        },
        || json!({ "deleted": deleted, "purged": args.purge }),
    );
    Ok(ExitCode::SUCCESS)
}

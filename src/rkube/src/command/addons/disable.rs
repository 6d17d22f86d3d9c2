//! `rkube addons disable`.

use std::process::ExitCode;

use serde_json::json;

use super::wishes::Wishes;
use super::{Outcome, catalogue, client, registry};
use crate::cli::AddonName;
use crate::context::Context;

pub(super) async fn run(context: &Context, args: AddonName) -> Outcome {
    let catalogue = catalogue(context)?;
    let addon = catalogue.find(&args.name)?;
    let _lock = context.lock().await?;
    let profile = context.existing()?;
    let mut wishes = Wishes::read(context)?;
    catalogue.check_unneeded(addon, |other| wishes.of(other).enabled)?;
    let client = client::of_running(context, &profile).await?;
    let mut choice = wishes.of(addon);
    choice.enabled = false;
    wishes.set(addon, choice);
    wishes.write(context)?;
    if let Some(client) = &client {
        addons::disable(client, addon).await?;
    }
    registry::tell(context, &profile, &wishes).await?;
    let line = context.ui.text().addon_disabled;
    context.ui.result(
        || line.replace("{}", &args.name),
        || json!({ "profile": profile.name, "disabled": [args.name], "running": client.is_some() }),
    );
    Ok(ExitCode::SUCCESS)
}

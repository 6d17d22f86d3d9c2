//! `rkube addons enable`, and what a start does about addons.

use std::process::ExitCode;
use std::time::Duration;

use addons::{Addon, Catalogue, Choice, State};
use cluster::Profile;
use kube::Client;
use serde_json::json;

use super::wishes::Wishes;
use super::{Outcome, catalogue, client, provide, registry, values};
use crate::cli::AddonsEnable;
use crate::context::Context;
use crate::failure::Failure;

/// Enables one addon for another command that needs it; quick if the cluster has it.
pub(in crate::command) async fn ensure(
    context: &Context,
    client: &Client,
    profile: &Profile,
    name: &str,
    patience: Duration,
) -> Result<(), Failure> {
    let catalogue = catalogue(context)?;
    let before = Wishes::read(context)?;
    let mut wishes = before.clone();
    let wanted = wishes.want(&catalogue, &[name.to_owned()])?;
    wishes.write(context)?;
    let brought = bring_all(context, client, profile, &wanted, &wishes, patience).await;
    if brought.as_ref().is_err_and(Failure::is_addon_conflict) {
        wishes.restore(&wanted, &before);
        wishes.write(context)?;
    }
    brought
}

pub(super) async fn run(context: &Context, args: AddonsEnable) -> Outcome {
    let catalogue = catalogue(context)?;
    let _lock = context.lock().await?;
    let profile = context.existing()?;
    let before = Wishes::read(context)?;
    let mut wishes = before.clone();
    let wanted = wishes.want(&catalogue, &args.names)?;
    for name in &args.names {
        let addon = catalogue.find(name)?;
        let mut choice = wishes.of(addon);
        choice.images.extend(args.images.iter().cloned());
        choice.registries.extend(args.registries.iter().cloned());
        if let Some(unknown) = addon.unknown_images(&choice).first() {
            let known: Vec<&str> = addon.info.images.keys().map(String::as_str).collect();
            return Err(Failure::usage(&format!(
                "addon {name} has no image {unknown:?}; it has {}",
                if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                }
            )));
        }
        wishes.set(addon, choice);
    }
    let client = client::of_running(context, &profile).await?;
    // noted first: if the cluster is lost on the way, the next start goes on
    wishes.write(context)?;
    let (text, patience) = (context.ui.text(), args.wait_timeout);
    let mut lines = Vec::new();
    for (at, addon) in wanted.iter().enumerate() {
        let choice = wishes.of(addon);
        let line = match &client {
            Some(client) => {
                let brought = bring(context, client, &profile, addon, &choice, patience).await;
                if let Err(failure) = &brought
                    && failure.is_addon_conflict()
                {
                    // refused before anything was done: no start is to try it again
                    wishes.restore(&wanted[at..], &before);
                    wishes.write(context)?;
                }
                brought?;
                text.addon_enabled
            }
            None => text.addon_enabled_later,
        };
        lines.push(line.replace("{}", &addon.info.name));
        let note = addon.note(&values(&profile), &choice)?;
        lines.extend(note.map(|[en, zh]| text.of_two(&en, &zh).to_owned()));
    }
    registry::tell(context, &profile, &wishes).await?;
    let now = client.is_some();
    context.ui.result(
        || lines.join("\n"),
        || {
            let names: Vec<&str> = wanted.iter().map(|addon| addon.info.name.as_str()).collect();
            json!({ "profile": profile.name, "enabled": names, "running": now })
        },
    );
    Ok(ExitCode::SUCCESS)
}

/// Enables addons in this order, and says which ones the cluster did not have just so.
async fn bring_all(
    context: &Context,
    client: &Client,
    profile: &Profile,
    wanted: &[&Addon],
    wishes: &Wishes,
    patience: Duration,
) -> Result<(), Failure> {
    let text = context.ui.text();
    for addon in wanted {
        let choice = wishes.of(addon);
        if bring(context, client, profile, addon, &choice, patience).await? {
            context.ui.note(&text.addon_enabled.replace("{}", &addon.info.name));
            let note = addon.note(&values(profile), &choice)?;
            note.iter().for_each(|[en, zh]| context.ui.note(text.of_two(en, zh)));
        }
    }
    registry::tell(context, profile, wishes).await
}

/// Enables an addon and waits for it, saying what it last saw. True if there was something to do.
pub(super) async fn bring(
    context: &Context,
    client: &Client,
    profile: &Profile,
    addon: &Addon,
    choice: &Choice,
    patience: Duration,
) -> Result<bool, Failure> {
    provide::images(context, profile, addon, choice).await?;
    let changed = addons::enable(client, addon, &values(profile), choice).await?;
    let ui = context.ui.clone();
    let seen = move |line: &str| ui.note(&format!("  {line}"));
    addons::wait(client, addon, patience, &seen).await?;
    Ok(changed)
}

/// After a start: the addons that were asked for with it or while the cluster was stopped, and those that a newer rkube has
/// newer manifests for. `names` are the ones asked for with the start.
pub(in crate::command) async fn after_start(
    context: &Context,
    profile: &Profile,
    names: &[String],
    patience: Duration,
) -> Result<(), Failure> {
    let mut wishes = Wishes::read(context)?;
    if names.is_empty() && wishes.0.is_empty() {
        return Ok(());
    }
    let catalogue = catalogue(context)?;
    wishes.want(&catalogue, names)?;
    if !names.is_empty() {
        wishes.write(context)?;
    }
    let client = client::client(context, profile).await?;
    // one that is no longer in the catalogue is left as it is
    let known = wishes.0.iter().filter(|(_, choice)| choice.enabled);
    let known = known
        .map(|(name, _)| name.as_str())
        .filter(|name| catalogue.find(name).is_ok());
    let wanted = catalogue.in_order(known)?;
    bring_all(context, &client, profile, &wanted, &wishes, patience).await?;
    disable_unwanted(context, &client, &catalogue, &wishes, &wanted).await
}

/// Takes away what was disabled while the cluster was stopped. One that a wanted addon needs stays: a newer rkube's addons may
/// need more than those did when it was disabled.
async fn disable_unwanted(
    context: &Context,
    client: &Client,
    catalogue: &Catalogue,
    wishes: &Wishes,
    wanted: &[&Addon],
) -> Result<(), Failure> {
    let unwanted = wishes.0.iter().filter(|(_, choice)| !choice.enabled);
    let mut names: Vec<&str> = unwanted.map(|(name, _)| name.as_str()).collect();
    names.retain(|name| !wanted.iter().any(|addon| addon.info.name == *name));
    if names.is_empty() {
        return Ok(());
    }
    let states = addons::states(client).await?;
    names.retain(|name| states.get(*name) == Some(&State::Enabled));
    for addon in catalogue.out_of_order(&names)? {
        addons::disable(client, addon).await?;
        let line = context.ui.text().addon_disabled;
        context.ui.note(&line.replace("{}", &addon.info.name));
    }
    Ok(())
}

//! `rkube addons configure`: settings as arguments, from a JSON file, or asked for on the terminal.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use addons::{Addon, Choice};
use dialoguer::Input;
use serde_json::{Map, Value, json};

use super::wishes::Wishes;
use super::{Outcome, catalogue, client, enable, registry};
use crate::cli::AddonsConfigure;
use crate::context::Context;
use crate::failure::Failure;

const PATIENCE: Duration = Duration::from_mins(2);

pub(super) async fn run(context: &Context, args: AddonsConfigure) -> Outcome {
    let catalogue = catalogue(context)?;
    let addon = catalogue.find(&args.name)?;
    if addon.info.settings.is_empty() {
        return Err(Failure::usage(&format!("addon {} has no settings", args.name)));
    }
    let _lock = context.lock().await?;
    let profile = context.existing()?;
    let mut wishes = Wishes::read(context)?;
    let mut choice = wishes.of(addon);
    // what is typed comes last, and counts
    let mut given = match &args.config_file {
        Some(file) => read(file)?,
        None => Vec::new(),
    };
    given.extend(args.settings);
    if given.is_empty() {
        given = ask(context, addon, &choice)?;
    }
    for (key, value) in &given {
        addon.set(&mut choice, key, value)?;
    }
    let enabled = choice.enabled;
    let client = client::of_running(context, &profile).await?;
    wishes.set(addon, choice.clone());
    wishes.write(context)?;
    if let Some(client) = client.filter(|_| enabled) {
        enable::bring(context, &client, &profile, addon, &choice, PATIENCE).await?;
        registry::tell(context, &profile, &wishes).await?;
    }
    let settings: Map<String, Value> = addon
        .info
        .settings
        .iter()
        .map(|(key, setting)| {
            let value = choice.settings.get(key).unwrap_or(&setting.default);
            (key.clone(), value.clone())
        })
        .collect();
    let line = context.ui.text().addon_configured;
    context.ui.result(
        || line.replace("{}", &args.name),
        || json!({ "profile": profile.name, "addon": args.name, "settings": settings }),
    );
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> Result<Vec<(String, String)>, Failure> {
    let text = fs_err::read_to_string(file).map_err(|error| Failure::usage(&error))?;
    let wrong = |error: serde_json::Error| Failure::usage(&format!("{}: {error}", file.display()));
    let settings: Map<String, Value> = serde_json::from_str(&text).map_err(wrong)?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(settings.iter().map(|(key, value)| (key.clone(), text(value))).collect())
}

/// One question for each setting, with its value as the answer of an empty line.
fn ask(context: &Context, addon: &Addon, choice: &Choice) -> Result<Vec<(String, String)>, Failure> {
    if !console::Term::stderr().features().is_attended() || context.ui.is_json() {
        let known: Vec<&str> = addon.info.settings.keys().map(String::as_str).collect();
        return Err(Failure::usage(&format!(
            "no setting given; addon {} has {}",
            addon.info.name,
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        )));
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut given = Vec::new();
    for (key, setting) in &addon.info.settings {
        let description = &setting.description;
        let prompt = format!("{key}: {}", context.ui.text().of_two(&description.en, &description.zh));
        let now = text(choice.settings.get(key).unwrap_or(&setting.default));
        let answer = Input::<String>::new()
            .with_prompt(prompt)
            .default(now)
            .allow_empty(true)
            .interact_text()
            .map_err(|error| Failure::usage(&error))?;
        given.push((key.clone(), answer));
    }
    Ok(given)
}

//! `rkube addons list`: minikube's table and JSON, with what each addon does.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::wishes::Wishes;
use super::{Outcome, catalogue};
use crate::context::Context;
use crate::ui::table;

pub(super) fn run(context: &Context) -> Outcome {
    let catalogue = catalogue(context)?;
    // without a cluster it is what a new one would have
    let wishes = Wishes::read(context)?;
    let text = context.ui.text();
    let status = |enabled: bool| if enabled { "enabled" } else { "disabled" };
    context.ui.result(
        || {
            let head = ["ADDON NAME", "PROFILE", "STATUS", "MAINTAINER", "SUMMARY"].map(str::to_owned);
            let rows = catalogue.iter().map(|addon| {
                let info = &addon.info;
                [
                    info.name.clone(),
                    context.profile.clone(),
                    status(wishes.of(addon).enabled).to_owned(),
                    info.maintainer.clone(),
                    text.of_two(&info.summary.en, &info.summary.zh).to_owned(),
                ]
            });
            table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
        },
        || {
            let entry = |enabled: bool| json!({ "Profile": context.profile, "Status": status(enabled) });
            let all: Map<String, Value> = catalogue
                .iter()
                .map(|addon| (addon.info.name.clone(), entry(wishes.of(addon).enabled)))
                .collect();
            Value::Object(all)
        },
    );
    Ok(ExitCode::SUCCESS)
}

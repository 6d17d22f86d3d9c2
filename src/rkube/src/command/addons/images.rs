//! `rkube addons images`.

use std::process::ExitCode;

use serde_json::json;

use super::wishes::Wishes;
use super::{Outcome, catalogue};
use crate::cli::AddonName;
use crate::context::Context;
use crate::ui::table;

pub(super) fn run(context: &Context, args: AddonName) -> Outcome {
    let catalogue = catalogue(context)?;
    let addon = catalogue.find(&args.name)?;
    let images = addon.images(&Wishes::read(context)?.of(addon));
    let rows: Vec<[String; 4]> = addon
        .info
        .images
        .iter()
        .map(|(name, image)| {
            let used = images.get(name).cloned().unwrap_or_default();
            [name.clone(), image.image.clone(), image.registry.clone(), used]
        })
        .collect();
    let none = context.ui.text().addon_no_images;
    context.ui.result(
        || {
            if rows.is_empty() {
                return none.replace("{}", &args.name);
            }
            let head = ["IMAGE NAME", "DEFAULT IMAGE", "DEFAULT REGISTRY", "IMAGE"].map(str::to_owned);
            table(&std::iter::once(head).chain(rows.iter().cloned()).collect::<Vec<_>>())
        },
        || {
            let entry = |[name, image, registry, used]: &[String; 4]| json!({ "name": name, "defaultImage": image, "defaultRegistry": registry, "image": used });
            json!(rows.iter().map(entry).collect::<Vec<_>>())
        },
    );
    Ok(ExitCode::SUCCESS)
}

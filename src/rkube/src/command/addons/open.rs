//! `rkube addons open`: an addon's page, forwarded to a port of this machine until Ctrl-C.

use std::process::{Command, ExitCode, Stdio};

use cluster::ClusterError;

use super::forward::Forward;
use super::wishes::Wishes;
use super::{Outcome, catalogue, client};
use crate::cli::AddonsOpen;
use crate::context::Context;
use crate::failure::Failure;

pub(super) async fn run(context: &Context, args: AddonsOpen) -> Outcome {
    let catalogue = catalogue(context)?;
    let addon = catalogue.find(&args.name)?;
    let Some(page) = addon.info.open.clone() else {
        let with = catalogue.iter().filter(|addon| addon.info.open.is_some());
        let with: Vec<&str> = with.map(|addon| addon.info.name.as_str()).collect();
        let why = format!("addon {} has no page to open; {} has", args.name, with.join(", "));
        return Err(Failure::usage(&why));
    };
    let profile = context.existing()?;
    if !Wishes::read(context)?.of(addon).enabled {
        return Err(Failure::addon_disabled(&args.name));
    }
    let client = client::of_running(context, &profile).await?;
    let client = client.ok_or_else(|| ClusterError::NotRunning {
        name: profile.name.clone(),
    })?;
    let forward = Forward::open(client, &page.namespace, &page.service, page.port, args.port).await?;
    let url = format!("http://{}{}", forward.address()?, page.path);
    context.ui.result(|| url.clone(), || serde_json::json!({ "url": url }));
    if !args.url {
        browse(&url);
    }
    tokio::select! {
        outcome = forward.serve() => outcome?,
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks the desktop for a browser. The address is on stdout for whoever has none.
pub(in crate::command) fn browse(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = started {
        tracing::info!(%error, program, "no browser");
    }
}

//! `rkube addons open`: an addon's page, forwarded to a port of this machine until Ctrl-C.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use cluster::ClusterError;
use tempfile::TempPath;

use super::forward::Forward;
use super::wishes::Wishes;
use super::{Outcome, catalogue, client};
use crate::cli::AddonsOpen;
use crate::context::Context;
use crate::failure::Failure;

/// How the names of files begin that lead a browser on.
const PREFIX: &str = "rkube-open-";

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

/// Opens an address with a secret in it. What programs are started with, everybody on this machine may read; so the browser is given a
/// file of the user's own, which leads on. It is gone with what is given back.
pub(in crate::command) fn browse_privately(folder: &Path, url: &str) -> Option<TempPath> {
    let page = format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"refresh\" content=\"0; url={url}\">\n<title>rkube</title>\n"
    );
    let written = || -> std::io::Result<TempPath> {
        remove_left(folder)?;
        // only its owner may read it
        let mut file = tempfile::Builder::new()
            .prefix(PREFIX)
            .suffix(".html")
            .tempfile_in(folder)?;
        file.write_all(page.as_bytes())?;
        Ok(file.into_temp_path())
    };
    match written() {
        Ok(path) => {
            browse(path.as_os_str());
            Some(path)
        }
        Err(error) => {
            tracing::info!(%error, folder = %folder.display(), "no browser");
            None
        }
    }
}

/// Removes what commands left behind that were killed; one that runs needs its own for half a minute.
fn remove_left(folder: &Path) -> std::io::Result<()> {
    for entry in fs_err::read_dir(folder)?.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let changed = entry.metadata().and_then(|meta| meta.modified());
        let age = changed.ok().and_then(|time| time.elapsed().ok());
        if ours && age.is_some_and(|age| age > Duration::from_mins(1)) {
            let _ = fs_err::remove_file(entry.path());
        }
    }
    Ok(())
}

/// Asks the desktop for a browser. The address is on stdout for whoever has none.
fn browse(place: impl AsRef<OsStr>) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = Command::new(program)
        .arg(place)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = started {
        tracing::info!(%error, program, "no browser");
    }
}

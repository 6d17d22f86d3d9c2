//! `rkube dashboard`: the addon's page, signed in by a token that lives an hour at most and that no server sees in the address.

mod session;

use std::process::ExitCode;
use std::time::Duration;

use cluster::ClusterError;
use tokio::signal::unix::{SignalKind, signal};

use super::Outcome;
use super::addons::forward::Forward;
use super::addons::{client, enable, open};
use crate::cli::Dashboard;
use crate::context::Context;
use crate::failure::Failure;
use session::{Account, Session};

const ADDON: &str = "dashboard";
const NAMESPACE: &str = "kubernetes-dashboard";
const PORT: u16 = 80;
const PATIENCE: Duration = Duration::from_mins(2);
/// Making an account takes a moment; meanwhile nothing interrupts.
const BEGINNING: Duration = Duration::from_secs(10);
/// How long a browser may take to read what it is given to open.
const BROWSER: Duration = Duration::from_secs(30);

pub(super) async fn run(context: &Context, args: Dashboard) -> Outcome {
    let profile = context.existing()?;
    let client = client::of_running(context, &profile).await?;
    let client = client.ok_or_else(|| ClusterError::NotRunning {
        name: profile.name.clone(),
    })?;
    let lock = context.lock().await?;
    enable::ensure(context, &client, &profile, ADDON, PATIENCE).await?;
    // other commands need not wait until the page is closed
    drop(lock);
    let forward = Forward::open(client.clone(), NAMESPACE, ADDON, PORT, args.port).await?;
    let session = match args.service_account {
        Some((namespace, name)) => Session::of(client, Account { namespace, name }),
        None => Session::administrator(client),
    };
    // listened for before anything is made that has to be taken away
    let listen = |kind: SignalKind| signal(kind).map_err(|error| Failure::internal(&error));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    // not broken off: what was sent and not waited for could be made after `end` has found nothing
    let begun = tokio::time::timeout(BEGINNING, session.begin()).await;
    let begun = begun.unwrap_or_else(|error| Err(Failure::internal(&error)));
    let serve = async {
        begun?;
        serve(context, args.url, forward, &session).await
    };
    let outcome = tokio::select! {
        outcome = serve => outcome,
        _ = interrupt.recv() => Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => Ok(ExitCode::SUCCESS),
        _ = hangup.recv() => Ok(ExitCode::SUCCESS),
    };
    session.end().await;
    outcome
}

async fn serve(context: &Context, print: bool, forward: Forward, session: &Session) -> Outcome {
    let token = session.token().await?;
    let url = format!("http://{}/#token={token}", forward.address()?);
    context.ui.result(|| url.clone(), || serde_json::json!({ "url": url }));
    let way = (!print).then(|| open::browse_privately(&context.paths.private(), &url));
    let forget = async {
        tokio::time::sleep(BROWSER).await;
        drop(way);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        outcome = forward.serve() => outcome?,
        () = session.renew() => {}
        () = forget => {}
    }
    Ok(ExitCode::SUCCESS)
}

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
    let address = forward.address()?;
    let session = match args.service_account {
        Some((namespace, name)) => Session::of(client, Account { namespace, name }),
        None => Session::begin(client).await?,
    };
    let outcome = serve(context, args.url, forward, &session, address).await;
    session.end().await;
    outcome
}

async fn serve(
    context: &Context,
    print: bool,
    forward: Forward,
    session: &Session,
    address: std::net::SocketAddr,
) -> Outcome {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| Failure::internal(&error))?;
    let mut hangup = signal(SignalKind::hangup()).map_err(|error| Failure::internal(&error))?;
    let token = session.token().await?;
    let url = format!("http://{address}/#token={token}");
    context.ui.result(|| url.clone(), || serde_json::json!({ "url": url }));
    if !print {
        open::browse(&url);
    }
    tokio::select! {
        outcome = forward.serve() => outcome?,
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(ExitCode::SUCCESS)
}

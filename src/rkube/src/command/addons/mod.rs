//! `rkube addons …`.

pub(super) mod client;
mod configure;
mod disable;
pub(super) mod enable;
pub(super) mod forward;
mod images;
mod list;
pub(super) mod open;
pub(super) mod provide;
mod registry;
mod wishes;

use std::path::PathBuf;

use addons::{Catalogue, Values};
use cluster::Profile;

use super::Outcome;
use crate::cli::AddonsCommand;
use crate::context::Context;
use crate::failure::Failure;

pub(super) use enable::after_start;

pub(super) async fn run(context: &Context, command: AddonsCommand) -> Outcome {
    match command {
        AddonsCommand::List => list::run(context),
        AddonsCommand::Enable(args) => enable::run(context, args).await,
        AddonsCommand::Disable(args) => disable::run(context, args).await,
        AddonsCommand::Configure(args) => configure::run(context, args).await,
        AddonsCommand::Images(args) => images::run(context, args),
        AddonsCommand::Open(args) => open::run(context, args).await,
    }
}

/// Where users keep addons of their own.
fn folder(context: &Context) -> PathBuf {
    context.paths.addons()
}

pub(super) fn catalogue(context: &Context) -> Result<Catalogue, Failure> {
    Ok(Catalogue::built_in()?.with_folder(&folder(context))?)
}

/// Fails if one of the names is no addon's.
pub(super) fn check(context: &Context, names: &[String]) -> Result<(), Failure> {
    catalogue(context)?.in_order(names.iter().map(String::as_str))?;
    Ok(())
}

fn values(profile: &Profile) -> Values {
    let image = profile.embedded_image();
    let mut values = addons::cluster_values(&image, &profile.dns_ip().to_string(), &profile.dns_domain);
    for (name, port, usual) in [
        ("httpPort", profile.http_port, 80),
        ("httpsPort", profile.https_port, 443),
    ] {
        // without a port of this machine, the node's own are left
        values.insert(name.to_owned(), port.unwrap_or(usual).to_string());
    }
    values.extend(
        profile
            .control_plane()
            .map(|node| ("nodeIP".to_owned(), node.ip.to_string())),
    );
    // clusters of older versions have none, and an addon that wants it says so
    values.extend(
        profile
            .registry_port
            .map(|port| ("registryPort".to_owned(), port.to_string())),
    );
    values
}

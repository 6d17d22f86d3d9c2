//! `rkube bundle …`: all that a machine without a network needs, in one file.

mod load;
mod ls;
mod rm;
mod save;

use super::Outcome;
use crate::cli::BundleCommand;
use crate::context::Context;

pub(super) use load::{load, nodes};

pub(super) async fn run(context: &Context, command: BundleCommand) -> Outcome {
    match command {
        BundleCommand::Save(args) => save::run(context, *args).await,
        BundleCommand::Load(args) => load::run(context, args).await,
        BundleCommand::Ls => ls::run(context),
        BundleCommand::Rm(args) => rm::run(context, args).await,
    }
}
